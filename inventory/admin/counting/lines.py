"""Stocktake lines in the admin: the review, with the evidence behind each number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, DropdownFilter
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from config.core.display import badge, column
from config.core.row_actions import RowAction
from devices.admin.owned import OwnedAdmin, link_to
from inventory.admin.columns import shown
from inventory.models import Location, Product, StocktakeLine, VarianceReason
from inventory.models.lines import NEXT_LINE
from inventory.services.counting.decisions import accept_line, excuse_line, recount_line, reject_line
from inventory.services.counting.explanation import explain_line
from inventory.services.counting.posting import reverse_line

STATE_COLOURS = {
    "To count": "",
    "Counted": "info",
    "Matched": "success",
    "Variance": "danger",
    "Recount": "warning",
    "Accepted": "success",
    "Rejected": "primary",
    "Excused": "",
    "Posted": "success",
    "Reversed": "danger",
}
LISTS = {
    "matched": "Matched",
    "missing": "Missing",
    "surplus": "Surplus",
    "unexpected": "Unexpected",
    "misplaced": "Misplaced",
    "not_counted": "Not counted",
    "waiting": "Waiting for a decision",
}


class NoteForm(forms.Form):
    """What to remember."""

    note = forms.CharField(max_length=10_000, required=False, widget=UnfoldAdminTextareaWidget)


class ReasonForm(NoteForm):
    """Why book and shelf differ."""

    reason = forms.ChoiceField(
        choices=[("", "Choose"), *VarianceReason.choices], required=False, widget=UnfoldAdminSelectWidget
    )
    field_order = ("reason", "note")


class ListFilter(DropdownFilter):
    """The lists that stock controllers ask for."""

    title = "list"
    parameter_name = "list"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(LISTS.items())

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        wanted = self.value()
        return getattr(queryset, wanted)() if wanted in LISTS else queryset


class FlagFilter(DropdownFilter):
    """Lines that a person should look at."""

    title = "flags"
    parameter_name = "flagged"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Flagged"), ("no", "Not flagged")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        wanted = self.value()
        return {"yes": queryset.exclude(flags=[]), "no": queryset.filter(flags=[])}.get(wanted or "", queryset)


def _may(move: str) -> Callable[[StocktakeLine], bool]:
    return lambda row: (row.state, move) in NEXT_LINE and not row.is_deleted


def _decision(name: str, label: str, question: str, run: Any, icon: str, **more: Any) -> RowAction:
    return RowAction(name, label, question, run, icon=icon, fits=_may(name), **{"answers": ReasonForm, **more})


@admin.register(StocktakeLine)
class LineAdmin(OwnedAdmin):
    """Decide variances; every number opens into what it is made of."""

    change_form_after_template = "admin/counting/evidence.html"
    row_actions = (
        _decision(
            "accept", "Accept", "The shelf is right: posting records the variance. Who counted it cannot accept it.",
            accept_line, "check",
        ),
        _decision("reject", "Keep the book", "The count is rejected, the book stays.", reject_line, "book"),
        _decision("excuse", "Excuse", "It need not be counted now; the book stays.", excuse_line, "do_not_disturb_on"),
        _decision(
            "recount", "Recount", "It is counted again in the next pass.", recount_line, "restart_alt",
            answers=NoteForm,
        ),
        _decision(
            "reverse", "Reverse", "An inverse movement is recorded and linked to what posting made.", reverse_line,
            "undo", answers=forms.Form, danger=True,
        ),
    )  # fmt: skip
    main_fields = (
        "stocktake_link",
        ("product_link", "place"),
        ("state_label", "flag_badges"),
        ("expected_shown", "counted_shown", "variance_shown"),
        ("reason", "note"),
        ("decider", "decided_at"),
        "movement_link",
    )
    readonly_fields = (
        "stocktake_link", "product_link", "place", "state_label", "flag_badges", "expected_shown", "counted_shown",
        "variance_shown", "reason", "note", "decider", "decided_at", "movement_link",
    )  # fmt: skip
    list_display = (
        "product_link", "place", "state_label", "expected_shown", "counted_shown", "variance_shown", "flag_badges",
        "reason", "stocktake_link", "device_link",
    )  # fmt: skip
    list_display_links = ("variance_shown",)
    list_select_related = ("device", "stocktake", "product", "location", "lot", "movement")
    list_filter = (
        ("device", AutocompleteSelectFilter),
        ("stocktake", AutocompleteSelectFilter),
        ("state", ChoicesDropdownFilter),
        ListFilter,
        FlagFilter,
        ("product", AutocompleteSelectFilter),
        ("location", AutocompleteSelectFilter),
        ("reason", ChoicesDropdownFilter),
    )
    search_fields = ("decided_by_name", "note")
    search_through = (
        ("product__in", Product, ("name", "sku"), "pk"),
        ("location__in", Location, ("name", "code"), "pk"),
    )
    search_help_text = "Product, SKU, location, who decided, note or id"

    @column(description="State", ordering="state", badges=STATE_COLOURS)
    def state_label(self, row: StocktakeLine) -> str:
        return row.get_state_display()

    @column(description="Stocktake", ordering="stocktake__name")
    def stocktake_link(self, row: StocktakeLine) -> str:
        return link_to(row.stocktake)

    @column(description="Product", ordering="product__name")
    def product_link(self, row: StocktakeLine) -> str:
        return link_to(row.product)

    @column(description="Where", ordering="location__name")
    def place(self, row: StocktakeLine) -> str:
        return f"{row.location}" + (f" · {row.lot}" if row.lot else "")

    @column(description="Expected", ordering="expected")
    def expected_shown(self, row: StocktakeLine) -> str:
        return shown(row.expected, row.product.unit)

    @column(description="Counted", ordering="counted")
    def counted_shown(self, row: StocktakeLine) -> str:
        return shown(row.counted, row.product.unit)

    @column(description="Variance", ordering="variance")
    def variance_shown(self, row: StocktakeLine) -> str:
        return shown(row.variance, row.product.unit)

    @column(description="Flags")
    def flag_badges(self, row: StocktakeLine) -> str:
        return format_html_join(" ", "{}", [(badge(flag.replace("_", " "), "warning"),) for flag in row.flags]) or "–"

    @column(description="Decided by")
    def decider(self, row: StocktakeLine) -> str:
        return row.decided_by_name or "–"

    @column(description="Posted as")
    def movement_link(self, row: StocktakeLine) -> str:
        return link_to(row.movement)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        row = kwargs.get("obj")
        return super().render_change_form(
            request, context if row is None else {**context, "why": explain_line(row)}, *args, **kwargs
        )
