"""Products in the admin."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from config.core.display import DeletedFilter, column
from config.core.printing import PrintsLabels
from devices.admin.owned import OwnedAdmin, OwnedForm, link_to, link_to_list
from inventory.admin.columns import on_hand, shown
from inventory.admin.quantities import LeastQuantity
from inventory.models import Barcode, Lot, Product, StockLevel, StockMovement
from inventory.services.products import create_product, delete_product, restore_product, update_product


class ReadOnlyInline(TabularInline):
    """Rows that have pages and services of their own, to look at here."""

    extra = 0
    can_delete = False
    per_page = 20
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class BarcodeInline(ReadOnlyInline):
    """The codes of a product."""

    model = Barcode
    fields = ("code", "units", "symbology", "gtin", "check_digit_ok")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> Any:
        return Barcode.objects.order_by("id")

    @column(description="Code")
    def code(self, row: Barcode) -> str:
        return link_to(row)

    @column(description="Units per scan")
    def units(self, row: Barcode) -> str:
        return shown(row.quantity)


class LevelInline(ReadOnlyInline):
    """Where a product lies."""

    model = StockLevel
    fields = ("place", "lot", "amount", "updated_at")
    readonly_fields = fields
    verbose_name_plural = "stock by location"

    def get_queryset(self, request: HttpRequest) -> Any:
        return StockLevel.all_objects.exclude(quantity=0).select_related("location", "lot", "product").order_by("id")

    @column(description="Location")
    def place(self, row: StockLevel) -> str:
        return link_to(row.location)

    @column(description="Quantity")
    def amount(self, row: StockLevel) -> str:
        return shown(row.quantity, row.product.unit)


class ProductForm(LeastQuantity):
    """Nothing is reordered below zero, or costs less than nothing."""

    quantity_fields = ("reorder_level", "unit_cost")


class NewProductForm(ProductForm, OwnedForm):
    """The same, with the device."""


@admin.register(Product)
class ProductAdmin(PrintsLabels, OwnedAdmin):
    """What is counted, with its codes and its stock."""

    label_kind = "products"
    form = ProductForm
    create_service = staticmethod(create_product)
    update_service = staticmethod(update_product)
    delete_service = staticmethod(delete_product)
    restore_service = staticmethod(restore_product)
    main_fields = (
        "name",
        ("stock", "links"),
        ("sku", "unit"),
        ("category", "reorder_level"),
        ("unit_cost", "is_active"),
        "notes",
        "attributes",
    )
    readonly_fields = ("stock", "links")
    list_display = ("name", "sku", "stock", "category", "device_link", "is_active", "state", "updated_at")
    list_select_related = ("device", "category")
    list_filter = (
        ("device", AutocompleteSelectFilter),
        ("category", AutocompleteSelectFilter),
        "is_active",
        "is_duplicate",
        DeletedFilter,
    )
    search_fields = ("name", "sku")
    search_through = (("pk__in", Barcode, ("value", "gtin"), "product"),)
    search_help_text = "Name, SKU, barcode or id"
    autocomplete_fields = ("category",)
    inlines = (BarcodeInline, LevelInline)

    def add_form(self) -> type[OwnedForm]:
        return NewProductForm

    def complete_page(self, rows: list[Any]) -> None:
        """The stock of the page's products at once: as an annotation it would be summed for every product."""
        found = on_hand(rows)
        for row in rows:
            row.on_hand = found.get(row.pk, Decimal(0))

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj is not None else ()

    @column(description="On hand")
    def stock(self, row: Any) -> str:
        if not hasattr(row, "on_hand"):  # the page of one product
            self.complete_page([row])
        return shown(row.on_hand, row.unit)

    @column(description="More")
    def links(self, row: Product) -> str:
        found = [
            link_to_list(model, label, product__id__exact=row.pk)
            for model, label in (
                (StockMovement, "Movements"),
                (StockLevel, "Levels"),
                (Barcode, "Barcodes"),
                (Lot, "Lots"),
            )
        ]
        return format_html_join(" · ", "{}", [(link,) for link in found])
