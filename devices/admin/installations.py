"""Installations: one app on one handset, with its presence."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.timesince import timesince
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from config.core.display import column
from devices.admin.owned import link_to
from devices.admin.staff import StaffAdmin
from devices.admin.standing import STANDING_COLOURS, standing_actions
from devices.models import Device, Event, Installation, Standing
from devices.services.standing import set_standing


def seen(moment: Any) -> str:
    """How long ago, in one unit."""
    return f"{timesince(moment, timezone.now(), depth=1)} ago" if moment else "never"


class PresenceColumns:
    """What an installation said of itself when it was last here."""

    @column(description="State", ordering="standing", badges=STANDING_COLOURS)
    def state(self, row: Installation) -> str:
        return row.get_standing_display()

    @column(description="Last seen", ordering="presence__last_seen_at")
    def last_seen(self, row: Installation) -> str:
        return seen(row.presence.last_seen_at)

    @column(description="From address")
    def seen_from(self, row: Installation) -> str:
        return row.presence.address or "–"

    @column(description="Queue", ordering="presence__queue_depth")
    def queue(self, row: Installation) -> int:
        return row.presence.queue_depth

    @column(description="Battery", ordering="presence__battery")
    def battery(self, row: Installation) -> str:
        return "–" if row.presence.battery is None else f"{row.presence.battery} %"

    @column(description="App version", ordering="presence__app_version")
    def app_version(self, row: Installation) -> str:
        return row.presence.app_version or "–"

    @column(description="Clock offset")
    def clock(self, row: Installation) -> str:
        return f"{row.presence.clock_offset_ms / 1000:+.1f} s"


class InstallationInline(PresenceColumns, TabularInline):
    """The handsets of a device, to look at."""

    model = Installation
    fields = ("name_link", "platform", "state", "last_seen", "queue", "battery", "app_version", "clock")
    readonly_fields = fields
    extra = 0
    can_delete = False
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("presence").order_by("id")

    @column(description="Name")
    def name_link(self, row: Installation) -> str:
        return link_to(row)


def move_installation(installation: Installation, *, actor: Any, standing: Standing) -> Device:
    """set_standing of one installation."""
    return set_standing(device=installation.device, actor=actor, standing=standing, installation=installation)


@admin.register(Installation)
class InstallationAdmin(PresenceColumns, StaffAdmin):
    """To look at, suspend, drain and revoke; its secret is nowhere to be seen."""

    row_actions = standing_actions(move_installation)
    list_display = ("display_name", "device_link", "state", "last_seen", "queue", "battery", "app_version", "platform")
    list_filter = (("standing", ChoicesDropdownFilter), ("device", AutocompleteSelectFilter))
    list_select_related = ("device", "presence")
    search_fields = ("name", "uuid", "device__name", "presence__app_version")
    search_help_text = "Name, id, device or app version"
    ordering = ("-id",)
    fields = (
        ("name", "device_link"),
        ("state", "platform"),
        ("last_seen", "seen_from"),
        ("queue", "battery"),
        ("app_version", "clock"),
        ("uuid", "created_at"),
    )
    readonly_fields = tuple(name for line in fields for name in line)

    def events_about(self, row: Any) -> Any:
        """What its device's events say of it, and what it did itself."""
        named = Q(table="devices", changes__installation__1=str(row.uuid))
        own = Q(actor_kind="installation", actor_id=str(row.uuid))
        return Event.objects.for_device(row.device).filter(named | own).order_by("-revision", "-id")

    @column(description="Installation", ordering="name")
    def display_name(self, row: Installation) -> str:
        return str(row)

    @column(description="Device", ordering="device__name")
    def device_link(self, row: Installation) -> str:
        return link_to(row.device)
