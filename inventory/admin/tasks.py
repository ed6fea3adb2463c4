"""Tasks in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateFilter
from unfold.widgets import UnfoldAdminSelectWidget

from config.core.display import DeletedFilter, column
from config.core.row_actions import RowAction
from devices.admin.owned import OwnedAdmin, link_to
from inventory.models import Task
from inventory.services.tasks import complete_task, create_task, delete_task, reopen_task, restore_task, update_task

PRIORITIES = ((1, "1 · urgent"), (2, "2 · high"), (3, "3 · normal"), (4, "4 · low"), (5, "5 · whenever"))
PRIORITY_COLOURS = {"urgent": "danger", "high": "warning", "normal": "info", "low": "", "whenever": ""}


def _is_open(row: Task) -> bool:
    return not row.completed and not row.is_deleted


def _is_done(row: Task) -> bool:
    return row.completed and not row.is_deleted


@admin.register(Task)
class TaskAdmin(OwnedAdmin):
    """Work for people."""

    create_service = staticmethod(create_task)
    update_service = staticmethod(update_task)
    delete_service = staticmethod(delete_task)
    restore_service = staticmethod(restore_task)
    row_actions = (
        RowAction("complete", "Complete", "It counts as done from now on.", complete_task, icon="check", fits=_is_open),
        RowAction("reopen", "Reopen", "It is to be done after all.", reopen_task, icon="replay", fits=_is_done),
    )
    main_fields = (
        "title",
        "description",
        ("priority", "due_date"),
        ("assignee", "location"),
        "completed",
        "completed_at",
    )
    readonly_fields = ("completed_at",)
    list_display = ("title", "urgency", "due", "assignee", "location_link", "progress", "device_link", "state")
    list_select_related = ("device", "location")
    list_filter = (
        ("device", AutocompleteSelectFilter),
        "completed",
        ("due_date", RangeDateFilter),
        DeletedFilter,
    )
    search_fields = ("title", "description", "assignee")
    search_help_text = "Title, description, assignee or id"
    autocomplete_fields = ("location",)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "priority":
            return forms.TypedChoiceField(choices=PRIORITIES, coerce=int, initial=3, widget=UnfoldAdminSelectWidget())
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @column(description="Priority", ordering="priority", badges=PRIORITY_COLOURS)
    def urgency(self, row: Task) -> str:
        return dict(PRIORITIES)[row.priority].split(" · ")[1]

    @column(description="State", ordering="completed", badges={"Done": "success", "Open": ""})
    def progress(self, row: Task) -> str:
        return "Done" if row.completed else "Open"

    @column(description="Due", ordering="due_date")
    def due(self, row: Task) -> str:
        if row.due_date is None:
            return "–"
        late = not row.completed and row.due_date < timezone.localdate()
        return f"{row.due_date:%Y-%m-%d}" + (" · overdue" if late else "")

    @column(description="Location", ordering="location__name")
    def location_link(self, row: Task) -> str:
        return link_to(row.location)
