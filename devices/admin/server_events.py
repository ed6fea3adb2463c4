"""The log of what was changed outside of devices: people, groups, schedules, enrollment codes."""

from __future__ import annotations

from functools import cache

from django.apps import apps
from django.contrib import admin
from unfold.contrib.filters.admin import FieldTextFilter, RangeDateTimeFilter
from unfold.paginator import InfinitePaginator

from config.core.display import column
from devices.admin.events import EventColumns
from devices.admin.staff import StaffAdmin
from devices.models import ServerEvent


@admin.register(ServerEvent)
class ServerEventAdmin(EventColumns, StaffAdmin):
    """Append-only and read-only, like the events of devices."""

    has_history = False
    paginator = InfinitePaginator
    list_display = ("created_at", "what", "object_name", "changed", "who")
    list_display_links = ("created_at",)
    list_filter = (
        ("table", FieldTextFilter),
        ("action", FieldTextFilter),
        ("actor_kind", FieldTextFilter),
        ("created_at", RangeDateTimeFilter),
    )
    search_fields = ("actor_name", "action", "object_name", "=object_id", "=request_id")
    search_help_text = "Who, action, name, object id or request id"
    ordering = ("-id",)
    fields = (
        ("created_at", "action"),
        ("table", "object_id"),
        ("object_name", "request_id"),
        ("who", "actor_id"),
        "all_changes",
    )
    readonly_fields = tuple(name for line in fields for name in (line if isinstance(line, tuple) else (line,)))

    @column(description="What", badges={})
    def what(self, row: ServerEvent) -> str:
        return f"{_names().get(row.table, row.table)} {row.action}".replace("_", " ")


@cache
def _names() -> dict[str, str]:
    """What the rows of each table are called."""
    return {model._meta.db_table: str(model._meta.verbose_name) for model in apps.get_models()}
