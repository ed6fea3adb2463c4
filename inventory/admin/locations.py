"""Locations in the admin."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from config.core.display import DeletedFilter, column
from config.core.printing import PrintsLabels
from devices.admin.owned import OwnedAdmin, link_to_list
from inventory.admin.columns import path_to
from inventory.models import Location, StockLevel
from inventory.services.locations import create_location, delete_location, restore_location, update_location


@admin.register(Location)
class LocationAdmin(PrintsLabels, OwnedAdmin):
    """Where stock lies: a tree, shown as paths."""

    label_kind = "locations"
    create_service = staticmethod(create_location)
    update_service = staticmethod(update_location)
    delete_service = staticmethod(delete_location)
    restore_service = staticmethod(restore_location)
    main_fields = ("name", ("code", "kind"), "parent", "is_default", "stock")
    readonly_fields = ("is_default", "stock")
    list_display = ("path", "code", "kind", "role", "device_link", "stock", "state", "updated_at")
    list_select_related = ("device", "parent__parent__parent")
    list_filter = (
        ("device", AutocompleteSelectFilter),
        ("kind", ChoicesDropdownFilter),
        "is_default",
        DeletedFilter,
    )
    search_fields = ("name", "code")
    search_help_text = "Name, code or id"
    autocomplete_fields = ("parent",)

    @column(description="Location", ordering="name")
    def path(self, row: Location) -> str:
        return path_to(row)

    @column(description="Role", ordering="is_default", badges={"Default": "info"})
    def role(self, row: Location) -> str | None:
        return "Default" if row.is_default else None

    @column(description="Stock")
    def stock(self, row: Location) -> str:
        return link_to_list(StockLevel, "Levels", location__id__exact=row.pk)
