"""Counts and scans in the admin: facts, to look at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.paginator import InfinitePaginator

from config.core.display import column
from config.core.row_actions import RowAction
from devices.admin.owned import OwnedAdmin, link_to
from inventory.admin.columns import shown
from inventory.models import CountEntry, Product, ScanEvent
from inventory.services.counting.unread_scans import count_scan

COUNTED_LATER = "Counted later"
OUTCOMES = {
    "Counted": "success",
    COUNTED_LATER: "success",
    "A place": "info",
    "Serial seen again": "warning",
    "Unknown": "danger",
}


class FactAdmin(OwnedAdmin):
    """What scans and counts show alike; the evidence is never changed."""

    paginator = InfinitePaginator
    ordering = ("-id",)
    list_select_related: tuple[str, ...] = (
        "device",
        "sheet",
        "sheet__location",
        "product",
        "location",
        "lot",
        "installation",
    )
    search_fields: Any = ("counter_name",)
    search_through = (("product__in", Product, ("name", "sku"), "pk"),)
    search_help_text = "Product, SKU, counter or id"

    @column(description="Product", ordering="product__name")
    def product_link(self, row: Any) -> str:
        return link_to(row.product)

    @column(description="Where")
    def place(self, row: Any) -> str:
        return f"{row.location or '–'}" + (f" · {row.lot}" if row.lot else "")

    @column(description="Sheet")
    def sheet_link(self, row: Any) -> str:
        return link_to(row.sheet)

    @column(description="Late", badges={"Late": "danger"})
    def late(self, row: Any) -> str | None:
        return "Late" if row.is_late else None

    @column(description="Quantity", ordering="quantity")
    def amount(self, row: Any) -> str:
        return shown(row.quantity, row.product.unit if row.product else "")


CLOCKS = (("counted_at", "received_at"), ("clock_offset_ms", "sequence"), ("base_revision", "pushed_base"))
WHO = (("counter_name", "counter"), "installation")


@admin.register(CountEntry)
class EntryAdmin(FactAdmin):
    """One count of one bucket each; a correction is another entry."""

    main_fields = (
        "sheet_link",
        ("product_link", "place"),
        ("mode", "amount"),
        "late",
        *WHO,
        *CLOCKS,
        ("scan", "note"),
    )
    readonly_fields = (
        "sheet_link", "product_link", "place", "mode", "amount", "late", "counter_name", "counter", "installation",
        "counted_at", "received_at", "clock_offset_ms", "sequence", "base_revision", "pushed_base", "scan", "note",
    )  # fmt: skip
    list_display = ("received_at", "product_link", "mode", "amount", "place", "counter_name", "sheet_link", "late")
    list_display_links = ("received_at",)
    list_filter = (
        ("device", AutocompleteSelectFilter),
        ("sheet", AutocompleteSelectFilter),
        ("product", AutocompleteSelectFilter),
        ("mode", ChoicesDropdownFilter),
        ("received_at", RangeDateTimeFilter),
        "is_late",
    )


def _is_unread(row: ScanEvent) -> bool:
    return row.outcome == ScanEvent.Outcome.UNKNOWN and not hasattr(row, "entry")


@admin.register(ScanEvent)
class ScanAdmin(FactAdmin):
    """Raw scans, kept as they came; what nobody could read is counted once its code is known."""

    row_actions = (
        RowAction(
            "count", "Count it", "What its code stands for now is counted: where and when it was scanned, by whoever "
            "scanned it.", count_scan, icon="add_task", fits=_is_unread,
        ),
    )  # fmt: skip
    list_select_related = (*FactAdmin.list_select_related, "entry")
    main_fields = (
        "sheet_link",
        ("code", "match"),
        ("outcome_label", "amount"),
        ("product_link", "place"),
        "late",
        *WHO,
        *CLOCKS,
    )
    readonly_fields = (
        "sheet_link", "code", "match", "outcome_label", "amount", "product_link", "place", "late", "counter_name",
        "counter", "installation", "counted_at", "received_at", "clock_offset_ms", "sequence", "base_revision",
        "pushed_base",
    )  # fmt: skip
    list_display = (
        "received_at",
        "code",
        "outcome_label",
        "product_link",
        "place",
        "counter_name",
        "sheet_link",
        "late",
    )
    list_display_links = ("received_at",)
    list_filter = (
        ("device", AutocompleteSelectFilter),
        ("sheet", AutocompleteSelectFilter),
        ("sheet__stocktake", AutocompleteSelectFilter),
        ("outcome", ChoicesDropdownFilter),
        ("received_at", RangeDateTimeFilter),
        "is_late",
    )
    search_fields = ("code", "counter_name")
    search_help_text = "Code, product, SKU, counter or id"

    @column(description="What it was", ordering="outcome", badges=OUTCOMES)
    def outcome_label(self, row: ScanEvent) -> str:
        later = row.outcome == ScanEvent.Outcome.UNKNOWN and hasattr(row, "entry")
        return COUNTED_LATER if later else row.get_outcome_display()
