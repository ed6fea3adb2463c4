"""Placing: where a count that comes over HTTP stands in everybody's order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.request import Request

from inventory.api.callers import calling_installation
from inventory.services.positions import Position


def position_of(request: Request, values: Mapping[str, Any]) -> Position | None:
    """None for what is counted online: now. Else its own clock, by the offset that was last measured."""
    if values.get("counted_at") is None and values.get("base_revision") is None:
        return None
    installation = calling_installation(request)
    return Position(clock_offset_ms=installation.presence.clock_offset_ms if installation else 0)


def placed_by(request: Request, values: Mapping[str, Any]) -> dict[str, Any]:
    """`installation` and `position` for a service."""
    return {"installation": calling_installation(request), "position": position_of(request, values)}
