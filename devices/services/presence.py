"""Presence: who was here when, written at most once a minute or on change."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError
from django.utils import timezone

from devices.models import Installation, Presence

QUIET = timedelta(minutes=1)


def touch_presence(installation: Installation, *, address: str = "") -> None:
    """Note that the installation is here. Skipped within a minute of the last note from the same address."""
    presence = installation.presence
    now = timezone.now()
    if now - presence.last_seen_at < QUIET and presence.address == address:
        return
    try:
        Presence.objects.filter(pk=installation.pk).update(last_seen_at=now, address=address)
    except OperationalError:
        return  # a busy database must not fail a read for the sake of a timestamp


def note_clock(*, installation: Installation, client_time: datetime, received_at: datetime) -> int:
    """Store how far the device's clock is off (server minus device, in ms) as a push showed it. Returns it."""
    offset = round((received_at - client_time) / timedelta(milliseconds=1))
    Presence.objects.filter(pk=installation.pk).update(clock_offset_ms=offset)
    return offset


def heartbeat(
    *,
    installation: Installation,
    queue_depth: int,
    client_time: datetime,
    battery: int | None = None,
    app_version: str | None = None,
) -> Presence:
    """Store what a device says of itself; the clock offset is server time minus its own, in ms."""
    now = timezone.now()
    values: dict[str, Any] = {
        "queue_depth": queue_depth,
        "clock_offset_ms": round((now - client_time) / timedelta(milliseconds=1)),
        "battery": battery,
        "last_seen_at": now,
    }
    if app_version is not None:
        values["app_version"] = app_version
    Presence.objects.filter(pk=installation.pk).update(**values)
    return Presence.objects.get(pk=installation.pk)
