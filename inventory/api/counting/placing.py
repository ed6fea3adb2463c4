"""Placing: where a count that comes over HTTP stands in everybody's order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request

from config.core.fields import ExactInteger
from inventory.api.callers import calling_installation
from inventory.services.positions import Position
from inventory.services.sync.cursors import CURSOR, REVISION, told_base
from inventory.services.sync.watermelon.timestamps import EPOCH_STEP

MOST = 2**62
BASE = {
    "oneOf": [
        {"type": "integer", "minimum": 0, "maximum": MOST},
        {"type": "string", "pattern": f"^(?:{REVISION.pattern}|{CURSOR.pattern})$"},
    ],
    "description": "What had been pulled when it was counted: a cursor, or the revision that was the head; answered as "
    "a revision, 0 where the cursor is of another epoch.",
}


@extend_schema_field(BASE)
class BaseField(ExactInteger):
    """What a counter had pulled: a cursor, a bare revision, or WatermelonDB's timestamp; a revision from here on.

    0, nothing that is known, for a cursor or timestamp of another epoch: a revision of that means something else now.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def to_internal_value(self, data: Any) -> int:
        device = self.context["device"]
        if isinstance(data, str) and (CURSOR.fullmatch(data) or REVISION.fullmatch(data)):
            told = told_base(data, device, device.feed) or 0
        else:
            told = super().to_internal_value(data)
        if not 0 <= told <= MOST:
            self.fail("invalid")
        epoch, revision = divmod(told, EPOCH_STEP)
        return revision if epoch in (0, device.feed.epoch) else 0


def position_of(request: Request, values: Mapping[str, Any]) -> Position | None:
    """None for what is counted online: now. Else its own clock, by the offset that was last measured."""
    if values.get("counted_at") is None and values.get("base_revision") is None:
        return None
    installation = calling_installation(request)
    return Position(clock_offset_ms=installation.presence.clock_offset_ms if installation else 0)


def placed_by(request: Request, values: Mapping[str, Any]) -> dict[str, Any]:
    """`installation` and `position` for a service."""
    return {"installation": calling_installation(request), "position": position_of(request, values)}
