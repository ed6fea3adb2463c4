"""The ledger in the admin: recorded and reversed, never changed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminTextInputWidget

from config.core.display import column
from config.core.row_actions import RowAction
from devices.admin.owned import OwnedAdmin, OwnedForm, link_to
from inventory.admin.columns import shown
from inventory.admin.quantities import PositiveQuantity
from inventory.models import Product, StockMovement
from inventory.services.movements import record_movement, reverse_movement

Kind = StockMovement.Kind
KIND_COLOURS = {"Receipt": "success", "Issue": "warning", "Transfer": "info", "Adjustment": "primary", "Count": ""}


class ReversalForm(forms.Form):
    """Why it is undone."""

    reason = forms.CharField(max_length=100, required=False, widget=UnfoldAdminTextInputWidget)


class MovementForm(PositiveQuantity, OwnedForm):
    """A movement by staff: every kind but count, which only a stocktake makes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [(value, label) for value, label in Kind.choices if value != Kind.COUNT]
        self.fields["kind"].choices = [("", "Select value"), *kinds]  # type: ignore[attr-defined]  # a choice field
        self.fields["from_location"].help_text = "Issue: empty means the default location. Receipt: leave it empty."
        self.fields["to_location"].help_text = "Receipt: empty means the default location. Issue: leave it empty."
        self.fields["kind"].help_text = "A transfer needs both locations; an adjustment one: To adds, From takes away."
        self.fields["quantity"].help_text = "In the product's unit, up to 6 decimals."


def _can_be_reversed(row: StockMovement) -> bool:
    return row.reverses_id is None and not hasattr(row, "reversed_by")


@admin.register(StockMovement)
class MovementAdmin(OwnedAdmin):
    """Facts: newest first; a mistake is reversed by another movement."""

    create_service = staticmethod(record_movement)
    row_actions = (
        RowAction(
            "reverse",
            "Reverse",
            "A mirror movement is recorded and linked to it; the ledger keeps both.",
            reverse_movement,
            "add",
            "undo",
            answers=ReversalForm,
            fits=_can_be_reversed,
        ),
    )
    main_fields = (
        "product",
        ("kind", "quantity"),
        ("from_location", "to_location"),
        "lot",
        ("reason", "reference"),
        "note",
        "occurred_at",
        "received_at",
        "reversal",
        "installation",
    )
    readonly_fields = ("received_at", "reversal", "installation")
    paginator = InfinitePaginator  # a ledger grows without end; nobody needs its exact length
    list_display = ("occurred_at", "kind_label", "amount", "product_link", "way", "device_link", "reference", "undone")
    list_display_links = ("occurred_at",)
    list_select_related = ("device", "product", "from_location", "to_location", "lot")
    list_filter = (
        ("device", AutocompleteSelectFilter),
        ("product", AutocompleteSelectFilter),
        ("kind", ChoicesDropdownFilter),
        ("occurred_at", RangeDateTimeFilter),
    )
    search_fields = ("reference",)
    search_through = (("product__in", Product, ("name", "sku"), "pk"),)
    search_help_text = "Product, SKU, reference or id"
    ordering = ("-id",)
    autocomplete_fields = ("product", "from_location", "to_location", "lot")

    def add_form(self) -> type[MovementForm]:
        return MovementForm

    def complete_page(self, rows: list[Any]) -> None:
        """Which of the page's movements were reversed: joined, SQLite reads the whole ledger for each row."""
        reversed_ids = set(StockMovement.objects.filter(reverses__in=rows).values_list("reverses_id", flat=True))
        for row in rows:
            row.was_reversed = row.pk in reversed_ids

    @column(description="Kind", ordering="kind", badges=KIND_COLOURS)
    def kind_label(self, row: StockMovement) -> str:
        return row.get_kind_display()

    @column(description="Quantity", ordering="quantity")
    def amount(self, row: StockMovement) -> str:
        return shown(row.quantity, row.product.unit)

    @column(description="Product", ordering="product__name")
    def product_link(self, row: StockMovement) -> str:
        return link_to(row.product)

    @column(description="From → to")
    def way(self, row: StockMovement) -> str:
        way = f"{row.from_location or ''} → {row.to_location or ''}".strip()
        return way + (f" · lot {row.lot}" if row.lot else "")

    @column(description="Undone", badges={"Reversed": "warning", "Reversal": "info"})
    def undone(self, row: Any) -> str | None:
        return "Reversal" if row.reverses_id else "Reversed" if row.was_reversed else None

    @column(description="Reversal")
    def reversal(self, row: StockMovement) -> str:
        if row.reverses is not None:
            return link_to(row.reverses, f"Reverses {row.reverses}")
        return link_to(row.reversed_by, f"Reversed by {row.reversed_by}") if hasattr(row, "reversed_by") else "–"
