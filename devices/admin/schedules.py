"""Schedules: what runs when; the running scheduler takes a change up by itself."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django_celery_beat.models import PeriodicTask
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from unfold.widgets import UnfoldAdminSelectWidget

from config.core.dispatch import job_names
from config.core.display import column
from config.core.forms import ServiceForm
from config.core.row_actions import RowAction
from devices.admin.server_rows import ServerRowAdmin
from devices.services.schedules import create_schedule, delete_schedule, enable_schedule, update_schedule

admin.site.unregister(PeriodicTask)
# A refresh token is a secret: no page may show it. Signing out and rotation keep these tables.
for model in (BlacklistedToken, OutstandingToken):
    admin.site.unregister(model)


def _choices() -> list[tuple[str, str]]:
    return [(name, name.rpartition(".")[2].replace("_", " ")) for name in job_names()]


class ScheduleForm(ServiceForm):
    """Which job, and one of three timings."""

    task = forms.ChoiceField(label="Job", choices=_choices, widget=UnfoldAdminSelectWidget)


def _is_enabled(row: PeriodicTask) -> bool:
    return bool(row.enabled)


def _is_disabled(row: PeriodicTask) -> bool:
    return not row.enabled


@admin.register(PeriodicTask)
class ScheduleAdmin(ServerRowAdmin):
    """What runs when."""

    form = ScheduleForm
    create_service = staticmethod(create_schedule)
    update_service = staticmethod(update_schedule)
    delete_service = staticmethod(delete_schedule)
    deletion = "It is gone for good. One of the server's own comes back at the next start: disable it instead."
    row_actions: ClassVar[Any] = (
        RowAction(
            "disable", "Disable", "It does not run until it is enabled again.", partial(enable_schedule, enabled=False),
            icon="pause", fits=_is_enabled,
        ),
        RowAction(
            "enable", "Enable", "It runs at its times again.", partial(enable_schedule, enabled=True),
            icon="play_arrow", fits=_is_disabled,
        ),
    )  # fmt: skip
    list_display = ("name", "timing", "enabled", "last_run_at", "total_run_count", "task")
    list_filter = ("enabled", "one_off")
    list_select_related = ("interval", "crontab", "solar", "clocked")
    search_fields = ("name", "task", "description")
    ordering = ("name",)
    readonly_fields = ("last_run_at", "total_run_count", "date_changed")
    fieldsets = (
        (None, {"fields": ("name", "task", "enabled", "description")}),
        (
            "When: one of the three",
            {"fields": ("interval", "crontab", ("clocked", "one_off"), ("start_time", "expire_seconds"))},
        ),
        ("With", {"fields": ("kwargs",), "classes": ["collapse"]}),
        ("Kept by the server", {"fields": (("last_run_at", "total_run_count"), "date_changed")}),
    )

    @column(description="When")
    def timing(self, row: PeriodicTask) -> str:
        return str(row.scheduler)
