"""Scans that a device queued while it was offline: recorded sheet by sheet when they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction

from devices.actors import Actor
from devices.models import Device, Installation
from devices.services.owned import find_reference, lock_device, refuse_reference
from inventory.models import CountSheet, Location, ScanEvent
from inventory.services.counting.scans import RawScan, record_scans
from inventory.services.positions import Position


@dataclass(frozen=True, slots=True)
class Queued:
    """A scan that a device queued while it was offline, and the sheet it was made on."""

    sheet: CountSheet
    raw: RawScan
    installation: Installation | None


def queue_scan(
    *,
    find: Callable[..., Any],
    code: str = "",
    sheet_id: UUID | None = None,
    location_id: UUID | None = None,
    counted_at: datetime | None = None,
    base_revision: int | None = None,
    installation: Installation | None = None,
    position: Position | None = None,
    id: UUID | None = None,
) -> Queued:
    """A scan for record_queue(). `find(model, id=, field=)` looks references up. Raises what `find` raises."""
    sheet = find(CountSheet, id=sheet_id, field="sheet_id") or refuse_reference("sheet_id")
    find(Location, id=location_id, field="location_id")
    raw = RawScan(
        code=code,
        location_id=location_id,
        counted_at=counted_at,
        base_revision=base_revision,
        id=id,
        position=position,
    )
    return Queued(sheet, raw, installation)


@transaction.atomic
def record_queue(
    rows: Sequence[Queued], *, device: Device, actor: Actor, actors: Sequence[Actor] | None = None
) -> list[ScanEvent]:
    """Queued scans, sheet by sheet; their counts are made here. Returns their events in the order given."""
    by_sheet: dict[CountSheet, list[tuple[int, Queued, Actor]]] = {}
    for number, (row, by) in enumerate(zip(rows, actors or [actor] * len(rows), strict=True)):
        by_sheet.setdefault(row.sheet, []).append((number, row, by))
    events: dict[int, ScanEvent] = {}
    for sheet, some in by_sheet.items():
        heard = record_scans(
            sheet,
            actor=actor,
            scans=[row.raw for _, row, _ in some],
            installation=some[0][1].installation,
            actors=[by for _, _, by in some],
        )
        events |= {number: found.event for (number, _, _), found in zip(some, heard, strict=True)}
    return [events[number] for number in sorted(events)]


def record_queued_scans(
    *, device: Device, installation: Installation | None, find: Callable[..., Any], entries: Sequence[Any]
) -> list[ScanEvent]:
    """Record a batch of scans that came in a push (each with actor, id, values, position)."""
    build = partial(queue_scan, find=find, installation=installation)
    rows = [build(id=entry.id, position=entry.position, **entry.values) for entry in entries]
    actors = [entry.actor for entry in entries]
    return record_queue(rows, device=device, actor=actors[0], actors=actors)


@transaction.atomic
def record_scan(*, device: Device, actor: Actor, **values: Any) -> ScanEvent:
    """One queued scan; takes what queue_scan() takes. Raises ReferenceNotFound, IdAlreadyUsed."""
    lock_device(device)
    find = partial(find_reference, device=device, tombstones=True)
    return record_queue([queue_scan(find=find, **values)], device=device, actor=actor)[0]
