"""Clocks: a device's is measured at every push, never trusted for order, and flagged when it is far off."""

from __future__ import annotations

from datetime import datetime, timedelta

from devices.actors import Actor
from devices.models import Device, Installation
from devices.services.presence import note_clock
from inventory.models import Case
from inventory.services.cases import open_case

TOLERANCE = timedelta(minutes=5)


def measure_clock(
    *, device: Device, actor: Actor, installation: Installation, client_time: datetime, received_at: datetime
) -> None:
    """Note the offset of an installation's clock; beyond 5 minutes it is a case."""
    known = installation.presence.clock_offset_ms
    offset = note_clock(installation=installation, client_time=client_time, received_at=received_at)
    limit = TOLERANCE / timedelta(milliseconds=1)
    if abs(offset) > limit >= abs(known):
        open_case(
            device=device,
            actor=actor,
            kind=Case.Kind.CLOCK_SKEW,
            key=str(installation.uuid),
            summary=f"The clock of {installation} is off by {timedelta(milliseconds=offset)}",
            evidence={"installation_id": installation.uuid, "offset_ms": offset},
        )
