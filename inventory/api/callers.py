"""Callers: which installation calls, if any."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request

from devices.models import Installation
from inventory.errors.cases import PeopleOnly


def calling_installation(request: Request) -> Installation | None:
    """The installation that calls; None for people."""
    caller: Any = request.user
    return caller if isinstance(caller, Installation) else None


def refuse_devices(request: Request) -> None:
    """Raise PeopleOnly where an installation calls."""
    if calling_installation(request) is not None:
        raise PeopleOnly
