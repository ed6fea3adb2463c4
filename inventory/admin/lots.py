"""Lots and serials in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateFilter

from config.core.display import DeletedFilter, column
from config.core.printing import PrintsLabels
from devices.admin.owned import OwnedAdmin, link_to
from inventory.models import Lot, Product
from inventory.services.lots import create_lot, delete_lot, restore_lot, update_lot


@admin.register(Lot)
class LotAdmin(PrintsLabels, OwnedAdmin):
    """Batches with an expiry date, and single pieces."""

    label_kind = "lots"
    create_service = staticmethod(create_lot)
    update_service = staticmethod(update_lot)
    delete_service = staticmethod(delete_lot)
    restore_service = staticmethod(restore_lot)
    main_fields = ("product", ("code", "kind"), "expires_on")
    list_display = ("code", "kind", "product_link", "expires_on", "freshness", "device_link", "state", "updated_at")
    list_select_related = ("device", "product")
    list_filter = (
        ("device", AutocompleteSelectFilter),
        ("product", AutocompleteSelectFilter),
        ("kind", ChoicesDropdownFilter),
        ("expires_on", RangeDateFilter),
        DeletedFilter,
    )
    search_fields = ("code",)
    search_through = (("product__in", Product, ("name", "sku"), "pk"),)
    search_help_text = "Code, product or id"
    autocomplete_fields = ("product",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        stays = ("product",) if obj is not None else ()  # a lot stays with its product
        return (*super().get_readonly_fields(request, obj), *stays)

    @column(description="Product", ordering="product__name")
    def product_link(self, row: Lot) -> str:
        return link_to(row.product)

    @column(description="Expiry", badges={"Expired": "danger"})
    def freshness(self, row: Lot) -> str | None:
        return "Expired" if row.expires_on and row.expires_on < timezone.localdate() else None
