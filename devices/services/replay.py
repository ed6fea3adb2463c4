"""What is known of operations already: verdicts, each installation's own order, and the events, which outlive both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from devices.models import Device, DeviceOwnedModel, Event, Installation, Operation, PurgePermit


@dataclass(frozen=True, slots=True)
class Expected:
    """The next sequence before and after a push; `gap` where an operation between is missing."""

    start: int
    end: int
    gap: bool

    def is_replay(self, sequence: int | None) -> bool:
        """Whether an operation with this sequence was pushed before."""
        return sequence is not None and sequence < self.start


def stored_operations(device: Device, op_ids: Sequence[UUID]) -> dict[UUID, Operation]:
    """The verdicts kept for these operations of a device."""
    found = Operation.objects.filter(device=device, op_id__in=op_ids)
    return {operation.op_id: operation for operation in found}


def had_effect(device: Device, ops: Sequence[tuple[type[DeviceOwnedModel], UUID, UUID]]) -> set[UUID]:
    """The ids of those operations (model, row, operation) that events tell of, verdict or no verdict."""
    if not ops:
        return set()
    models, rows, ids = zip(*ops, strict=True)
    tables = {model._meta.db_table for model in models}
    events = Event.objects.filter(device=device, table__in=tables, object_id__in=rows, operation_id__in=ids)
    return {operation_id for operation_id in events.values_list("operation_id", flat=True) if operation_id}


def rows_forgotten(device: Device, model: type[DeviceOwnedModel], ids: Sequence[UUID]) -> dict[UUID, set[UUID | None]]:
    """Of ids that no row has: those that one had once, which is past the horizon; each with its operations."""
    events = Event.objects.filter(device=device, table=model._meta.db_table, object_id__in=ids)
    found: dict[UUID, set[UUID | None]] = {}
    for object_id, operation_id in events.values_list("object_id", "operation_id"):
        found.setdefault(object_id, set()).add(operation_id)
    return found


def next_sequence(installation: Installation, *, ops: Sequence[int | None]) -> Expected:
    """Check that the sequences go on where the installation left off; lower ones are replays."""
    # Under the feed lock, so nobody else moves it meanwhile.
    start = Installation.objects.values_list("next_sequence", flat=True).get(pk=installation.pk)
    end, gap = start, False
    for sequence in ops:
        if sequence is not None and sequence >= end:
            gap = gap or sequence > end
            end = sequence + 1
    return Expected(start, end, gap)


def save_sequence(installation: Installation, end: int) -> None:
    """Note the next sequence that is expected of the installation."""
    Installation.objects.filter(pk=installation.pk).exclude(next_sequence=end).update(next_sequence=end)


def forget_operations(device: Device, *, before: datetime, limit: int) -> int:
    """Remove at most `limit` verdicts older than `before`; replays of them stay harmless. Returns how many.

    Verdicts are append-only: the permit lives and dies inside this transaction.
    """
    old = Operation.objects.filter(device=device, created_at__lt=before).order_by("pk")
    ids = list(old.values_list("pk", flat=True)[:limit])
    if not ids:
        return 0
    permit = PurgePermit.objects.create(reason="retention of operations")
    Operation.objects.filter(pk__in=ids).delete()
    permit.delete()
    return len(ids)
