"""Movements that lines of a file have become before."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid5

from devices.models import Device
from inventory.models import StockMovement
from inventory.services.imports.lines import Line

LINES = UUID("0192f0c4-5d0e-7a51-8a3d-6f1f0c0de002")  # namespace of the ids of imported lines
REVERTED = "import reverted"  # the reason of the mirror images


def find_earlier(device: Device, lines: Sequence[Line], uuids: dict[int, UUID]) -> dict[UUID, StockMovement]:
    """What the lines are by now, by the ids in `uuids`.

    A line whose import was reverted is free again: its id in `uuids` becomes the next one. One that says its own id is
    not, that id stays taken.
    """
    rows = StockMovement.all_objects.for_device(device).select_related("reversed_by")
    found = {row.uuid: row for row in rows.filter(uuid__in=uuids.values())}
    free = [line.number for line in lines if not line.get("id") and is_reverted(found.get(uuids[line.number]))]
    while free:
        uuids.update({number: uuid5(LINES, str(uuids[number])) for number in free})
        found.update({row.uuid: row for row in rows.filter(uuid__in=[uuids[number] for number in free])})
        free = [number for number in free if is_reverted(found.get(uuids[number]))]
    return found


def is_reverted(row: StockMovement | None) -> bool:
    """Whether reverting an import took it back; a movement that somebody reversed by hand stays what its line is."""
    mirror = getattr(row, "reversed_by", None)
    return mirror is not None and mirror.reason == REVERTED
