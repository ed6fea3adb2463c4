"""Stocktakes in the admin: made, opened, watched, approved, posted, reversed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateFilter
from unfold.widgets import UnfoldAdminTextInputWidget

from config.core.display import DeletedFilter, badge, column
from config.core.row_actions import RowAction
from devices.admin.owned import OwnedAdmin, OwnedForm, link_to, link_to_list
from inventory.admin.counting.policies import POLICY_FIELDS, PolicyFields, in_words, policy_of
from inventory.models import CountSheet, ScanEvent, Stocktake, StocktakeLine
from inventory.models.lines import Line
from inventory.models.stocktakes import NEXT_STOCKTAKE, State
from inventory.services.counting import stocktakes as services

STATE_COLOURS = {
    "Draft": "",
    "Scheduled": "info",
    "Open": "info",
    "Counting": "primary",
    "Closing": "warning",
    "Review": "warning",
    "Approved": "success",
    "Posted": "success",
    "Closed": "",
    "Cancelled": "danger",
    "Reversed": "danger",
}
SCOPE = ("kind", "location", "category", "scheduled_for")
LINE_TONES = {Line.MATCHED: "success", Line.VARIANCE: "danger", Line.RECOUNT: "warning", Line.POSTED: "success"}


class NewStocktakeForm(PolicyFields, OwnedForm):
    """A stocktake and its policy."""


class RecountForm(forms.Form):
    """Who shall count again."""

    assignee_name = forms.CharField(
        label="Who shall count again",
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="A name for the sheet of the next pass.",
    )


def _may(move: str) -> Callable[[Stocktake], bool]:
    return lambda row: (row.state, move) in NEXT_STOCKTAKE and not row.is_deleted


def _may_post(row: Stocktake) -> bool:
    return row.state in (Stocktake.State.COUNTING, Stocktake.State.REVIEW, Stocktake.State.APPROVED)


def _action(name: str, label: str, question: str, run: Any, icon: str, **more: Any) -> RowAction:
    return RowAction(name, label, question, run, icon=icon, **{"fits": _may(name), **more})


ACTIONS = (
    _action("open", "Open", "Counting may begin: a line is made for each bucket that holds something. Nothing is "
            "frozen, stock keeps moving.", services.open_stocktake, "play_arrow"),
    _action("close", "Close counting", "No more counting. It is evaluated as soon as every sheet is sealed or "
            "abandoned.", services.close_stocktake, "lock_clock"),
    _action("recount", "Start the recount", "The next pass is opened for the lines that are marked, with a sheet.",
            services.start_recount, "restart_alt", answers=RecountForm, bulk=False),
    _action("approve", "Approve", "Everything is decided. Whoever counted an accepted variance cannot approve it.",
            services.approve_stocktake, "verified"),
    _action("post", "Post", "One movement is recorded for each variance that is decided, of exactly its size; each "
            "is computed once more before.", services.post_stocktake, "publish", fits=_may_post),
    _action("finish", "File away", "It is closed; nothing changes any more.", services.finish_stocktake, "inventory"),
    _action("reverse", "Reverse", "An inverse movement is recorded for each that posting made, linked to it.",
            services.reverse_stocktake, "undo", danger=True, bulk=False),
    _action("cancel", "Cancel", "It is given up; everything that was counted is kept.", services.cancel_stocktake,
            "block", danger=True),
)  # fmt: skip


@admin.register(Stocktake)
class StocktakeAdmin(OwnedAdmin):
    """From the draft to the ledger; the lines hold the review."""

    create_service = staticmethod(services.create_stocktake)
    update_service = staticmethod(services.update_stocktake)
    delete_service = staticmethod(services.delete_stocktake)
    row_actions = ACTIONS
    main_fields = (
        ("name", "kind"),
        ("state_label", "campaign"),
        "progress",
        "sheets",
        "lists",
        ("location", "category"),
        "scheduled_for",
        "note",
        "policy_words",
        ("opened_at", "closed_at", "posted_at"),
        ("pass_number", "approved_by"),
    )
    readonly_fields = (
        "state_label",
        "campaign",
        "progress",
        "sheets",
        "lists",
        "policy_words",
        "opened_at",
        "closed_at",
        "posted_at",
        "pass_number",
        "approved_by",
    )
    list_display = ("name", "state_label", "kind", "counted", "variances", "device_link", "scheduled_for", "updated_at")
    list_select_related = ("device", "location", "category", "campaign")
    list_filter = (
        ("device", AutocompleteSelectFilter),
        ("state", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("scheduled_for", RangeDateFilter),
        DeletedFilter,
    )
    search_fields = ("name", "note")
    search_help_text = "Name, note or id"
    autocomplete_fields = ("location", "category")

    def add_form(self) -> type[OwnedForm]:
        return NewStocktakeForm

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return found if obj is not None else [*found, ("Policy", {"fields": POLICY_FIELDS})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What is counted is settled when it is opened."""
        settled = () if obj is None or obj.state in (State.DRAFT, State.SCHEDULED) else SCOPE
        return (*super().get_readonly_fields(request, obj), *settled)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.state in services.REMOVABLE)

    def created_in(self, form: Any) -> dict[str, Any]:
        return {**super().created_in(form), "policy": policy_of(form)}

    def complete_page(self, rows: list[Any]) -> None:
        """How far each stocktake of the page is: one query."""
        found = StocktakeLine.objects.filter(stocktake__in=rows).order_by().values("stocktake", "state")
        by_row: dict[int, dict[str, int]] = {}
        for line in found.annotate(number=Count("pk")):
            by_row.setdefault(line["stocktake"], {})[line["state"]] = line["number"]
        for row in rows:
            row.line_states = by_row.get(row.pk, {})

    def _line_states(self, row: Any) -> dict[str, int]:
        if not hasattr(row, "line_states"):  # the page of one stocktake
            self.complete_page([row])
        found: dict[str, int] = row.line_states
        return found

    @column(description="State", ordering="state", badges=STATE_COLOURS)
    def state_label(self, row: Stocktake) -> str:
        return row.get_state_display()

    @column(description="Counted")
    def counted(self, row: Stocktake) -> str:
        states = self._line_states(row)
        every = sum(states.values())
        waiting = states.get(Line.TO_COUNT, 0) + states.get(Line.RECOUNT, 0)
        return f"{every - waiting:,} of {every:,}" if every else "–"

    @column(description="Variances")
    def variances(self, row: Stocktake) -> str:
        number = self._line_states(row).get(Line.VARIANCE, 0)
        return (
            link_to_list(StocktakeLine, f"{number:,} to decide", **_of(row), state__exact="variance") if number else "–"
        )

    @column(description="Progress")
    def progress(self, row: Stocktake) -> str:
        states = self._line_states(row)
        if not states:
            return "No lines yet: they are made when it is opened."
        cells = [
            (
                link_to_list(StocktakeLine, label, **_of(row), state__exact=state),
                badge(f"{states[state]:,}", LINE_TONES.get(Line(state), "")),
            )
            for state, label in Line.choices
            if state in states
        ]
        return format_html(
            '<div class="flex flex-wrap gap-4">{}</div>', format_html_join("", "<span>{} {}</span>", cells)
        )

    @column(description="Sheets")
    def sheets(self, row: Stocktake) -> str:
        found = CountSheet.objects.filter(stocktake=row).select_related("location").order_by("pass_number", "pk")[:20]
        shown = [
            (link_to(sheet), sheet.pass_number, sheet.assignee_name or "–", badge(sheet.get_state_display()))
            for sheet in found
        ]
        lines = format_html_join("", "<div>{} · pass {} · {} {}</div>", shown)
        return format_html("{}{}", lines, link_to_list(CountSheet, "All sheets", **_of(row)))

    @column(description="Lists")
    def lists(self, row: Stocktake) -> str:
        names = ("matched", "missing", "surplus", "unexpected", "misplaced", "not_counted", "waiting")
        links = [(link_to_list(StocktakeLine, name.replace("_", " "), **_of(row), list=name),) for name in names]
        unknown = link_to_list(ScanEvent, "unknown scans", sheet__stocktake__id__exact=row.pk, outcome__exact="unknown")
        return format_html_join(" · ", "{}", [*links, (unknown,)])

    @column(description="Policy")
    def policy_words(self, row: Stocktake) -> str:
        return format_html_join("", "<div>{}</div>", [(sentence,) for sentence in in_words(row.policy)])


def _of(row: Stocktake) -> dict[str, Any]:
    return {"stocktake__id__exact": row.pk}
