"""Barcodes in the admin."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from config.core.display import DeletedFilter, column
from devices.admin.owned import OwnedAdmin, OwnedForm, link_to
from inventory.admin.columns import shown
from inventory.admin.quantities import PositiveQuantity
from inventory.models import Barcode, Product
from inventory.services.barcodes import create_barcode, delete_barcode, restore_barcode, update_barcode


class BarcodeForm(PositiveQuantity):
    """Zero units a scan would be no scan."""


class NewBarcodeForm(PositiveQuantity, OwnedForm):
    """The same, with the device."""


@admin.register(Barcode)
class BarcodeAdmin(OwnedAdmin):
    """Codes as scanned, and how many units each stands for."""

    form = BarcodeForm
    create_service = staticmethod(create_barcode)
    update_service = staticmethod(update_barcode)
    delete_service = staticmethod(delete_barcode)
    restore_service = staticmethod(restore_barcode)
    main_fields = ("product", ("value", "symbology"), "quantity", "gtin", "check_digit_ok", "is_duplicate")
    readonly_fields = ("gtin", "check_digit_ok", "is_duplicate")
    list_display = ("value", "product_link", "units", "gtin", "check_digit_ok", "device_link", "state", "updated_at")
    list_select_related = ("device", "product")
    list_filter = (
        ("device", AutocompleteSelectFilter),
        ("product", AutocompleteSelectFilter),
        "check_digit_ok",
        "is_duplicate",
        DeletedFilter,
    )
    search_fields = ("value", "gtin")
    search_through = (("product__in", Product, ("name", "sku"), "pk"),)
    search_help_text = "Code, GTIN-14, product or id"
    autocomplete_fields = ("product",)

    def add_form(self) -> type[OwnedForm]:
        return NewBarcodeForm

    @column(description="Product", ordering="product__name")
    def product_link(self, row: Barcode) -> str:
        return link_to(row.product)

    @column(description="Units per scan", ordering="quantity")
    def units(self, row: Barcode) -> str:
        return shown(row.quantity)
