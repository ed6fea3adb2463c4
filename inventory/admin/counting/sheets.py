"""Count sheets in the admin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from config.core.display import column
from config.core.row_actions import RowAction
from devices.admin.owned import OwnedAdmin, link_to, link_to_list
from devices.models import Installation
from inventory.models import CountEntry, CountSheet, ScanEvent
from inventory.models.sheets import NEXT_SHEET
from inventory.services.counting.sheets import abandon_sheet, create_sheet, submit_sheet, update_sheet

STATE_COLOURS = {
    "Offered": "",
    "Downloaded": "info",
    "In progress": "primary",
    "Submitted": "warning",
    "Sealed": "success",
    "Abandoned": "danger",
}


def _may(move: str) -> Callable[[CountSheet], bool]:
    return lambda row: (row.state, move) in NEXT_SHEET and not row.is_deleted


@admin.register(CountSheet)
class SheetAdmin(OwnedAdmin):
    """One zone in one pass; the handset says how far it is."""

    create_service = staticmethod(create_sheet)
    update_service = staticmethod(update_sheet)
    row_actions = (
        RowAction(
            "submit",
            "Submit",
            "Everything on it was counted; it is sealed at once, as far as the server has heard.",
            submit_sheet,
            icon="task_alt",
            fits=_may("submit"),
        ),
        RowAction(
            "abandon",
            "Abandon",
            "Nothing on it counts any more; what still arrives becomes a case.",
            abandon_sheet,
            icon="delete_sweep",
            danger=True,
            fits=_may("abandon"),
        ),
    )
    main_fields = (
        "stocktake",
        ("name", "location"),
        ("state_label", "pass_number"),
        "assignee_name",
        ("holder", "final_sequence"),
        ("submitted_at", "sealed_at"),
        ("blind", "counts"),
    )
    readonly_fields = (
        "state_label", "pass_number", "holder", "final_sequence", "submitted_at", "sealed_at", "blind", "counts",
    )  # fmt: skip
    list_display = (
        "zone_name",
        "stocktake_link",
        "pass_number",
        "state_label",
        "assignee_name",
        "device_link",
        "sealed_at",
    )
    list_select_related = ("device", "stocktake", "location")
    list_filter = (
        ("device", AutocompleteSelectFilter),
        ("stocktake", AutocompleteSelectFilter),
        ("state", ChoicesDropdownFilter),
    )
    search_fields = ("name", "assignee_name")
    search_help_text = "Zone, name or id"
    autocomplete_fields = ("stocktake", "location")

    def get_readonly_fields(self, request: Any, obj: Any = None) -> tuple[str, ...]:
        found = super().get_readonly_fields(request, obj)
        return found if obj is None else (*found, "stocktake")  # a sheet stays with its stocktake

    @column(description="State", ordering="state", badges=STATE_COLOURS)
    def state_label(self, row: CountSheet) -> str:
        return row.get_state_display()

    @column(description="Zone", ordering="name")
    def zone_name(self, row: CountSheet) -> str:
        return str(row)

    @column(description="Stocktake", ordering="stocktake__name")
    def stocktake_link(self, row: CountSheet) -> str:
        return link_to(row.stocktake)

    @column(description="Held by")
    def holder(self, row: CountSheet) -> str:
        wanted = row.held_by or row.assigned_to
        if wanted is None:
            return "–"
        return link_to(Installation.objects.filter(device=row.device_id, uuid=wanted).select_related("device").first())

    @column(description="Counted")
    def counts(self, row: CountSheet) -> Any:
        return (
            link_to_list(CountEntry, "Counts", sheet__id__exact=row.pk)
            + " · "
            + link_to_list(ScanEvent, "Scans", sheet__id__exact=row.pk)
        )
