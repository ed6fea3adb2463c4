"""The base of admin pages of what belongs to no device: server events are the history, and the revision."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from devices.admin.staff import StaffAdmin
from devices.models import ServerEvent
from devices.services.server_rows import last_event


class ServerRowAdmin(StaffAdmin):
    """The number of a row's last event serves as its revision, so that two people at once are noticed here too."""

    deletion = "It is gone for good. What was done to it, and by it, stays in the events."

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            row.revision = last_event(row)
        return row

    def events_about(self, row: Any) -> Any:
        return ServerEvent.objects.about(row)

    def events_since(self, row: Any, opened: int) -> Any:
        return self.events_about(row).filter(id__gt=opened)
