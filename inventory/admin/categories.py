"""Categories in the admin."""

from __future__ import annotations

from django.contrib import admin

from config.core.display import column
from devices.admin.owned import OwnedAdmin, link_to_list
from inventory.admin.columns import path_to
from inventory.models import Category, Product
from inventory.services.categories import create_category, delete_category, restore_category, update_category


@admin.register(Category)
class CategoryAdmin(OwnedAdmin):
    """The catalogue's tree."""

    create_service = staticmethod(create_category)
    update_service = staticmethod(update_category)
    delete_service = staticmethod(delete_category)
    restore_service = staticmethod(restore_category)
    main_fields = ("name", "parent", "products")
    readonly_fields = ("products",)
    list_display = ("path", "device_link", "products", "state", "updated_at")
    list_select_related = ("device", "parent__parent__parent")
    search_fields = ("name",)
    search_help_text = "Name or id"
    autocomplete_fields = ("parent",)

    @column(description="Category", ordering="name")
    def path(self, row: Category) -> str:
        return path_to(row)

    @column(description="Products")
    def products(self, row: Category) -> str:
        return link_to_list(Product, "Products", category__id__exact=row.pk)
