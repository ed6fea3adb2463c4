"""What is known of operations already: verdicts that are kept, and each installation's own order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from devices.models import Device, Installation, Operation, PurgePermit


@dataclass(frozen=True, slots=True)
class Expected:
    """The next sequence before and after a push; `gap` where an operation between is missing."""

    start: int
    end: int
    gap: bool


def stored_operations(device: Device, op_ids: Sequence[UUID]) -> dict[UUID, Operation]:
    """The verdicts kept for these operations of a device."""
    found = Operation.objects.filter(device=device, op_id__in=op_ids)
    return {operation.op_id: operation for operation in found}


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
