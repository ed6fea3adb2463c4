"""The shared catalogue in the admin: to look at; jobs refresh it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import RelatedDropdownFilter

from config.core.display import column
from devices.admin.staff import StaffAdmin
from inventory.models import CatalogProduct


@admin.register(CatalogProduct)
class CatalogAdmin(StaffAdmin):
    """Read-only: products as their sources describe them, no device's."""

    has_history = False
    list_display = ("name", "brand", "quantity", "gtin", "category", "source", "updated_at")
    list_select_related = ("source",)
    list_filter = (("source", RelatedDropdownFilter),)
    search_fields = ("name", "brand", "=gtin")
    search_help_text = "Name, brand or 14-digit GTIN"
    ordering = ("-id",)
    show_full_result_count = False
    fields = ("name", ("brand", "quantity"), ("gtin", "category"), "about", ("source", "updated_at"))
    readonly_fields = tuple(name for line in fields for name in (line if isinstance(line, tuple) else (line,)))

    @column(description="More")
    def about(self, row: CatalogProduct) -> Any:
        lines = sorted(row.attributes.items())
        body = format_html_join("\n", "{}: {}", lines)
        return format_html('<pre class="text-xs whitespace-pre-wrap">{}</pre>', body or "–")
