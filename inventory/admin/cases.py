"""Cases in the admin: the inbox of facts that need a decision."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, DropdownFilter
from unfold.widgets import UnfoldAdminTextareaWidget

from config.core.display import column
from config.core.row_actions import RowAction
from devices.admin.owned import OwnedAdmin
from inventory.models import Case
from inventory.services.cases import STILL_OPEN, claim_case, resolve_case, waive_case
from inventory.services.counting.late import absorb_movement, keep_movement
from inventory.services.sync.quarantine import accept_quarantine, discard_quarantine

STATE_COLOURS = {"Open": "danger", "Claimed": "warning", "Resolved": "success", "Waived": "info"}


class ResolutionForm(forms.Form):
    """What was done about it, for whoever asks later."""

    resolution = forms.CharField(max_length=10_000, required=False, widget=UnfoldAdminTextareaWidget)


class InboxFilter(DropdownFilter):
    """What still waits for somebody, unless more is asked for."""

    title = "state"
    parameter_name = "state"
    all_option = ("", "Open and claimed")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*Case.State.choices, ("any", "Any")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        wanted = self.value()
        if wanted == "any":
            return queryset
        return queryset.filter(state__in=[wanted] if wanted in Case.State.values else STILL_OPEN)


def _is_open(row: Case) -> bool:
    return row.state == Case.State.OPEN


def _waits(row: Case) -> bool:
    return row.state in STILL_OPEN and row.kind != Case.Kind.QUARANTINE


def _is_quarantined(row: Case) -> bool:
    return row.state in STILL_OPEN and row.kind == Case.Kind.QUARANTINE


def _is_late(row: Case) -> bool:
    return row.state in STILL_OPEN and row.kind == Case.Kind.LATE_MOVEMENT


@admin.register(Case)
class CaseAdmin(OwnedAdmin):
    """Claim it, look, then resolve or waive it."""

    row_actions = (
        RowAction("claim", "Claim", "Others see that you look into it.", claim_case, icon="front_hand", fits=_is_open),
        RowAction(
            "resolve", "Resolve", "It is put right.", resolve_case, icon="task_alt", answers=ResolutionForm, fits=_waits
        ),
        RowAction(
            "waive", "Waive", "It may stay as it is.", waive_case, icon="do_not_disturb_on", answers=ResolutionForm,
            fits=_waits,
        ),
        RowAction(
            "accept", "Accept operations", "What the retired device still had queued is carried out as your own doing.",
            accept_quarantine, icon="move_to_inbox", fits=_is_quarantined, bulk=False,
        ),
        RowAction(
            "discard", "Discard operations", "They are dropped; the evidence stays.", discard_quarantine,
            icon="delete_sweep", danger=True, fits=_is_quarantined, bulk=False,
        ),
        RowAction(
            "absorb", "Absorb", "The count had seen what it moved: an inverse adjustment takes it out again.",
            absorb_movement, icon="merge", fits=_is_late,
        ),
        RowAction(
            "keep", "Keep the movement", "The count had not seen it: the level is right as it is.", keep_movement,
            icon="check", answers=ResolutionForm, fits=_is_late,
        ),
    )  # fmt: skip
    main_fields = (
        "summary",
        ("kind", "state_label"),
        ("times", "closed_at"),
        "evidence_table",
        "resolution",
    )
    readonly_fields = ("summary", "kind", "state_label", "times", "closed_at", "evidence_table", "resolution")
    list_display = ("summary", "kind", "state_label", "times", "device_link", "created_at", "updated_at")
    list_select_related = ("device",)
    list_filter = (InboxFilter, ("kind", ChoicesDropdownFilter), ("device", AutocompleteSelectFilter))
    search_fields = ("summary", "key")
    search_help_text = "Summary, key or id"

    @column(description="State", ordering="state", badges=STATE_COLOURS)
    def state_label(self, row: Case) -> str:
        return row.get_state_display()

    @column(description="Evidence")
    def evidence_table(self, row: Case) -> str:
        return evidence_lines(row.evidence)


def evidence_lines(evidence: dict[str, Any]) -> str:
    """Evidence as a table of names and values."""
    lines = [(key.replace("_", " "), _readable(value)) for key, value in evidence.items()]
    body = format_html_join(
        "",
        '<tr><th class="align-top font-medium pr-6 py-1 text-left whitespace-nowrap">{}</th>'
        '<td class="py-1 whitespace-pre-wrap">{}</td></tr>',
        lines,
    )
    return format_html("<table>{}</table>", body) if lines else "–"


def _readable(value: Any) -> str:
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, list) and all(isinstance(part, str | int) for part in value):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is None else json.dumps(value, indent=2, ensure_ascii=False)
