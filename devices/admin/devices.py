"""Devices: who they are, how they do, what they hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, DropdownFilter

from config.core.display import DeletedFilter, column
from config.core.printing import PrintsLabels
from devices.admin.installations import InstallationInline, seen
from devices.admin.owned import link_to_list
from devices.admin.staff import StaffAdmin
from devices.admin.standing import STANDING_COLOURS, standing_actions
from devices.models import Device, DeviceOwnedModel, Event, Installation, Standing, User
from devices.services.standing import set_standing, update_device

MOST_COUNTED = 10_000


def rename_device(
    device: Device, *, actor: Any, changes: dict[str, Any], expected_revision: int | None = None
) -> Device:
    """update_device with a form's changes; an owner that was taken out is taken away."""
    owner_id: UUID | None = changes.get("owner_id")
    return update_device(
        device=device,
        actor=actor,
        expected_revision=expected_revision,
        name=changes.get("name"),
        platform=changes.get("platform"),
        owner=User.objects.get(uuid=owner_id) if owner_id else None,
        disown="owner_id" in changes and owner_id is None,
    )


def move_device(device: Device, *, actor: Any, standing: Standing) -> Device:
    """set_standing of a whole device."""
    return set_standing(device=device, actor=actor, standing=standing)


class SeenFilter(DropdownFilter):
    """Who was here, who is silent, who has something to push."""

    title = "seen"
    parameter_name = "seen"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("lately", "In the last 24 h"), ("silent", "Not for 24 h"), ("queue", "With a queue")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        since = timezone.now() - timedelta(hours=24)
        wanted = {
            "lately": models.Q(last_seen_at__gte=since),
            "silent": models.Q(last_seen_at__lt=since) | models.Q(last_seen_at__isnull=True),
            "queue": models.Q(queue_depth__gt=0),
        }
        return queryset.filter(wanted.get(self.value() or "", models.Q()))


@admin.register(Device)
class DeviceAdmin(PrintsLabels, StaffAdmin):
    """Devices enrol themselves; staff name them, give them owners, and suspend, drain and revoke them."""

    label_kind = "devices"
    update_service = staticmethod(rename_device)
    row_actions = standing_actions(move_device)
    list_display = ("display_name", "state", "owner", "last_seen", "queue", "installation_count", "version", "platform")
    list_filter = (("standing", ChoicesDropdownFilter), SeenFilter, ("owner", AutocompleteSelectFilter), DeletedFilter)
    list_select_related = ("owner", "feed")
    search_fields = ("name", "platform", "uuid", "installations__name")
    search_help_text = "Name, platform, id or the name of an installation"
    ordering = ("-updated_at", "-id")
    autocomplete_fields = ("owner",)
    readonly_fields = (
        "state",
        "uuid",
        "feed_position",
        "holdings",
        "revision",
        "created_at",
        "updated_at",
        "deleted_at",
    )
    fieldsets = (
        (None, {"fields": ("name", ("platform", "owner"), ("state", "feed_position"), "holdings")}),
        (
            "Kept by the server",
            {"fields": (("uuid", "revision"), ("created_at", "updated_at")), "classes": ["collapse"]},
        ),
    )
    inlines: ClassVar[Any] = [InstallationInline]

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows if request.path.endswith("/autocomplete/") else rows.with_activity()

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        rows, many = super().get_search_results(request, queryset, search_term)
        return (rows.alive() if request.path.endswith("/autocomplete/") else rows), many

    def complete_page(self, rows: list[Any]) -> None:
        """The newest app version of each device."""
        wanted = Installation.objects.filter(device__in=rows).exclude(presence__app_version="")
        newest = wanted.order_by("presence__last_seen_at").values_list("device_id", "presence__app_version")
        versions = dict(newest)
        for row in rows:
            row.app_version = versions.get(row.pk, "–")

    @column(description="Device", ordering="name")
    def display_name(self, row: Device) -> str:
        return str(row)

    @column(description="State", ordering="standing", badges=STANDING_COLOURS)
    def state(self, row: Device) -> str:
        return row.get_standing_display()

    @column(description="Last seen", ordering=models.F("last_seen_at").desc(nulls_last=True))
    def last_seen(self, row: Any) -> str:
        return seen(row.last_seen_at)

    @column(description="Queue", ordering="queue_depth")
    def queue(self, row: Any) -> int:
        return row.queue_depth or 0

    @column(description="Installations", ordering="installation_count")
    def installation_count(self, row: Any) -> int:
        found: int = row.installation_count
        return found

    @column(description="App version")
    def version(self, row: Any) -> str:
        found: str = row.app_version
        return found

    @column(description="Feed")
    def feed_position(self, row: Device) -> str:
        return f"epoch {row.feed.epoch}, head {row.feed.head:,}, floor {row.feed.floor:,}"

    @column(description="Holds")
    def holdings(self, row: Any) -> SafeString:
        """A link with a count for everything that devices own and the admin shows."""
        if not hasattr(row, "holdings"):  # unfold asks for a line of a form several times
            row.holdings = self._holdings(row)
        found: SafeString = row.holdings
        return found

    def _holdings(self, row: Device) -> SafeString:
        owned = [model for model in self.admin_site._registry if issubclass(model, DeviceOwnedModel)]
        links = [(link_to_list(model, _counted(model, row), device__id__exact=row.pk),) for model in owned]
        return format_html_join(" · ", "{}", [*links, (link_to_list(Event, "events", device__id__exact=row.pk),)])


def _counted(model: Any, device: Device) -> str:
    found = model.objects.for_device(device)[: MOST_COUNTED + 1].count()
    number = f"{MOST_COUNTED:,}+" if found > MOST_COUNTED else f"{found:,}"
    return f"{number} {model._meta.verbose_name if found == 1 else model._meta.verbose_name_plural}"
