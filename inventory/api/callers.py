"""Callers: which installation calls, if any."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request

from devices.models import Installation


def calling_installation(request: Request) -> Installation | None:
    """The installation that calls; None for people."""
    caller: Any = request.user
    return caller if isinstance(caller, Installation) else None
