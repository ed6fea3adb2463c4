"""The log of everything that was changed."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter, FieldTextFilter, RangeDateTimeFilter
from unfold.paginator import InfinitePaginator

from config.core.display import column
from devices.admin.owned import link_to
from devices.admin.staff import StaffAdmin
from devices.models import Event


class EventColumns:
    """What both logs show of an event."""

    @column(description="Changed")
    def changed(self, row: Any) -> str:
        names = [name.replace("_", " ") for name in row.changes]
        return ", ".join(names[:4]) + (" …" if len(names) > 4 else "") or "–"  # noqa: PLR2004  # a line's worth

    @column(description="Who")
    def who(self, row: Any) -> str:
        return f"{row.actor_name or '–'} ({row.actor_kind})"

    @column(description="Changes")
    def all_changes(self, row: Any) -> str:
        text = json.dumps(row.changes, indent=2, ensure_ascii=False)
        return format_html('<pre class="text-xs whitespace-pre-wrap">{}</pre>', text)


@admin.register(Event)
class EventAdmin(EventColumns, StaffAdmin):
    """Append-only and read-only: who changed what, when, by which request."""

    has_history = False
    paginator = InfinitePaginator  # the log grows without end; nobody needs its exact length
    list_display = ("created_at", "device_link", "what", "changed", "who", "revision")
    list_display_links = ("created_at",)
    list_filter = (
        ("device", AutocompleteSelectFilter),
        ("table", FieldTextFilter),
        ("action", FieldTextFilter),
        ("actor_kind", FieldTextFilter),
        ("created_at", RangeDateTimeFilter),
    )
    list_select_related = ("device",)
    search_fields = ("actor_name", "action", "table", "=object_id", "=request_id")
    search_help_text = "Who, action, table, object id or request id"
    ordering = ("-id",)
    fields = (
        ("created_at", "device_link"),
        ("table", "object_id"),
        ("action", "revision"),
        ("who", "actor_id"),
        ("request_id", "operation_id"),
        "all_changes",
    )
    readonly_fields = tuple(name for line in fields for name in (line if isinstance(line, tuple) else (line,)))

    @column(description="Device")
    def device_link(self, row: Event) -> str:
        return link_to(row.device)

    @column(description="What", badges={})
    def what(self, row: Event) -> str:
        return f"{row.table} {row.action}".replace("_", " ")
