"""Clocks: a device's is measured at every push, never trusted for order, and flagged when it is far off."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from devices.actors import Actor
from devices.models import Installation
from devices.services.presence import note_clock
from inventory.models import Case
from inventory.services.cases import open_case


@transaction.atomic
def measure_clock(*, installation: Installation, actor: Actor, client_time: datetime, received_at: datetime) -> int:
    """How far an installation's clock is off, in ms; beyond 5 minutes it is a case, once until it is right again."""
    offset = round((received_at - client_time) / timedelta(milliseconds=1))
    if note_clock(installation=installation, offset_ms=offset):
        off = timedelta(seconds=abs(round(offset / 1000)))
        open_case(
            device=installation.device,
            actor=actor,
            kind=Case.Kind.CLOCK_SKEW,
            key=str(installation.uuid),
            summary=f"The clock of {installation} is {off} {'ahead' if offset < 0 else 'behind'}",
            evidence={"installation_id": installation.uuid, "offset_ms": offset},
        )
    return offset
