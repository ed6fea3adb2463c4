"""Clocks: a device's time, put right by how far its clock was off."""

from __future__ import annotations

from datetime import datetime, timedelta


def corrected_time(told: datetime, *, offset_ms: int, received_at: datetime) -> datetime:
    """What the device told, by the server's clock: offset added, never later than the receipt."""
    try:
        return min(told + timedelta(milliseconds=offset_ms), received_at)
    except OverflowError:  # beyond the calendar
        return received_at if offset_ms > 0 else told
