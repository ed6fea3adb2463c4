"""Stock levels in the admin: what the ledger sums to, to look at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, DropdownFilter

from config.core.display import DeletedFilter, column
from devices.admin.owned import OwnedAdmin, link_to, link_to_list
from inventory.admin.columns import shown
from inventory.models import Location, Lot, Product, StockLevel, StockMovement


class SignFilter(DropdownFilter):
    """Negative, zero or some."""

    title = "quantity"
    parameter_name = "sign"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("negative", "Negative"), ("zero", "Zero"), ("some", "In stock")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        signs = {"negative": {"quantity__lt": 0}, "zero": {"quantity": 0}, "some": {"quantity__gt": 0}}
        return queryset.filter(**signs.get(self.value() or "", {}))


@admin.register(StockLevel)
class LevelAdmin(OwnedAdmin):
    """One bucket each: product, location, lot."""

    has_history = False
    main_fields = ("product_link", "location_link", "lot", "amount", "movements")
    readonly_fields = main_fields
    list_display = ("product_link", "location_link", "lot", "amount", "device_link", "state", "updated_at")
    list_display_links = ("amount",)
    list_select_related = ("device", "product", "location", "lot")
    list_filter = (
        ("device", AutocompleteSelectFilter),
        SignFilter,
        ("product", AutocompleteSelectFilter),
        ("location", AutocompleteSelectFilter),
        DeletedFilter,
    )
    search_fields = ("=id",)
    search_through = (
        ("product__in", Product, ("name", "sku"), "pk"),
        ("location__in", Location, ("name", "code"), "pk"),
        ("lot__in", Lot, ("code",), "pk"),
    )
    search_help_text = "Product, SKU, location or lot"

    @column(description="Product", ordering="product__name")
    def product_link(self, row: StockLevel) -> str:
        return link_to(row.product)

    @column(description="Location", ordering="location__name")
    def location_link(self, row: StockLevel) -> str:
        return link_to(row.location)

    @column(description="Quantity", ordering="quantity")
    def amount(self, row: StockLevel) -> str:
        return shown(row.quantity, row.product.unit)

    @column(description="Made of")
    def movements(self, row: StockLevel) -> str:
        return link_to_list(StockMovement, "Movements of the product", product__id__exact=row.product_id)
