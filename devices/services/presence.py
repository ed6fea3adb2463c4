"""Presence: who was here when, written at most once a minute or on change."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError
from django.utils import timezone

from devices.models import Installation, Presence

QUIET = timedelta(minutes=1)
CLOCK_TOLERANCE = timedelta(minutes=5)
CLOCK_STEP_MS = 1000  # the way through the network makes an offset tremble


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


def note_clock(*, installation: Installation, offset_ms: int) -> bool:
    """Store how far the device's clock is off (server minus device) as a push showed it, where that changed.

    True where it went beyond 5 minutes since a push or heartbeat found it within.
    """
    known = installation.presence
    off = is_far_off(offset_ms)
    if off == known.clock_flagged and abs(offset_ms - known.clock_offset_ms) <= CLOCK_STEP_MS:
        return False
    Presence.objects.filter(pk=installation.pk).update(clock_offset_ms=offset_ms, clock_flagged=off)
    return off and not known.clock_flagged


def is_far_off(offset_ms: int) -> bool:
    """Whether a clock is off by more than 5 minutes."""
    return abs(offset_ms) > CLOCK_TOLERANCE / timedelta(milliseconds=1)


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
    offset = round((now - client_time) / timedelta(milliseconds=1))
    values: dict[str, Any] = {
        "queue_depth": queue_depth,
        "clock_offset_ms": offset,
        "battery": battery,
        "last_seen_at": now,
    }
    if app_version is not None:
        values["app_version"] = app_version
    if not is_far_off(offset):
        values["clock_flagged"] = False  # that it is far off is for a push to find, which opens the case
    Presence.objects.filter(pk=installation.pk).update(**values)
    return Presence.objects.get(pk=installation.pk)
