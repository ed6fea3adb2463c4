"""The base of admin pages of rows of one device or of every device: either has its events."""

from __future__ import annotations

from typing import Any

from config.core.display import column
from devices.admin.owned import link_to
from devices.admin.staff import StaffAdmin
from devices.models import Event, ServerEvent


class WideAdmin(StaffAdmin):
    """Rows of every device have server events, and a revision that counts them."""

    def events_about(self, row: Any) -> Any:
        return ServerEvent.objects.about(row) if row.device is None else Event.objects.about(row)

    def events_since(self, row: Any, opened: int) -> Any:
        events = self.events_about(row)
        return events.filter(revision__gt=opened) if row.device else events[: max(0, row.revision - opened)]

    @column(description="Device")
    def device_link(self, row: Any) -> str:
        return link_to(row.device) if row.device else "Every device"
