"""Posting: one movement of kind count for each variance, of exactly its size; and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from devices.actors import Actor
from devices.services.owned import change_many_owned, lock_device
from inventory.errors.counting import LineNotReversible
from inventory.models import StockMovement, Stocktake, StocktakeLine, VarianceReason
from inventory.models.lines import DECIDED, Line
from inventory.models.stocktakes import State
from inventory.services.cases import open_cases
from inventory.services.counting.emptied import add_emptied
from inventory.services.counting.judgement import judge_lines, lock_and_head
from inventory.services.counting.states import move_stocktake, next_line_state
from inventory.services.counting.unveiling import show_levels, show_telling
from inventory.services.late_movements import line_reference, missed_troubles
from inventory.services.movements import BATCH, mirror_movement, record_movements

ACCEPTED = (Line.MATCHED, Line.ACCEPTED)  # the shelf is right; elsewhere the book is kept


@transaction.atomic
def post_some(stocktake: Stocktake, *, actor: Actor, limit: int) -> int:
    """Post at most `limit` decided lines. Returns how many were looked at; 0 = none are left.

    Each is computed once more under the lock: late data that changed a number sends its line back to a variance,
    and an approved stocktake back to review, as does what came to light at a place that was confirmed empty. Lines
    nobody counted keep the book.
    """
    head = lock_and_head(stocktake.device)
    wanted = Q(state__in=DECIDED)
    if stocktake.state == State.APPROVED:
        wanted |= Q(state=Line.TO_COUNT)
        add_emptied(stocktake, actor=actor)
    rows = stocktake.lines.filter(wanted).select_related("product", "lot").prefetch_related("location")
    lines = list(rows.order_by("pk")[:limit])
    uncounted = [line for line in lines if line.state == Line.TO_COUNT]
    changed = judge_lines(stocktake, lines, head=head, actor=actor)
    changed += [line for line in uncounted if line.state == Line.VARIANCE]
    if changed and stocktake.state == State.APPROVED:
        move_stocktake(stocktake, "reopen", actor=actor, action="reopened")
    _post(stocktake, [line for line in lines if line.state in (*DECIDED, Line.TO_COUNT)], actor=actor)
    return len(lines)


def _post(stocktake: Stocktake, lines: Sequence[StocktakeLine], *, actor: Actor) -> None:
    booked = [line for line in lines if line.state in ACCEPTED and line.variance]
    movements = [_movement(stocktake, line) for line in booked]
    record_movements(device=stocktake.device, actor=actor, movements=movements)
    made = {line.pk: movement for line, movement in zip(booked, movements, strict=True)}
    changes = []
    for line in lines:
        state, values = line.state, dict[str, Any]()
        if state == Line.TO_COUNT:
            state, values = next_line_state(state, "excuse"), {"reason": VarianceReason.NOT_COUNTED.value}
        if line.pk in made:
            values["movement"] = made[line.pk]
        changes.append((line, {**values, "state": next_line_state(state, "post")}))
    change_many_owned(changes, device=stocktake.device, actor=actor, action="posted")
    show_levels(stocktake, [line for line in lines if line.pk not in made], actor=actor)  # the others have moved
    show_telling(stocktake, lines, actor=actor)


def _movement(stocktake: Stocktake, line: StocktakeLine) -> StockMovement:
    variance, now = line.variance or Decimal(0), timezone.now()
    return StockMovement(
        device=stocktake.device,
        uuid=uuid7(),
        product=line.product,
        lot=line.lot,
        kind=StockMovement.Kind.COUNT,
        quantity=abs(variance),
        to_location=line.location if variance > 0 else None,
        from_location=line.location if variance < 0 else None,
        reason=line.reason or "count",
        note=line.note,
        reference=f"stocktake:{stocktake.uuid}",
        occurred_at=line.counted_at or now,  # it was so when it was counted: a count that comes later is after it
        received_at=now,
    )


@transaction.atomic
def reverse_some(stocktake: Stocktake, *, actor: Actor, limit: int) -> int:
    """Undo at most `limit` posted lines by inverse movements. Returns how many; 0 = none are left."""
    lock_device(stocktake.device)
    found = list(stocktake.lines.filter(state=Line.POSTED).select_related("device").order_by("pk")[:limit])
    reverse_lines(found, actor=actor)
    return len(found)


@transaction.atomic
def reverse_line(line: StocktakeLine, *, actor: Actor) -> StocktakeLine:
    """Undo one posted line by an inverse movement, linked to it. Raises LineNotReversible."""
    lock_device(line.device)
    current: StocktakeLine = StocktakeLine.objects.select_related("device").get(pk=line.pk)
    if current.state != Line.POSTED:
        raise LineNotReversible
    reverse_lines([current], actor=actor)
    return current


def reverse_lines(lines: Sequence[StocktakeLine], *, actor: Actor) -> None:
    """Mirror what posting inserted and what late movements were absorbed by; what somebody reversed already is left.

    What these counts had put right of earlier ones becomes a case of those. Under the feed lock.
    """
    if not lines:
        return
    device = lines[0].device
    booked = Q(pk__in=[line.movement_id for line in lines if line.movement_id])
    absorbed = Q(device=device, reference__in=[line_reference(line) for line in lines], reverses=None)
    found = StockMovement.all_objects.filter(booked | absorbed, reversed_by=None).order_by("pk")
    few = ("device", "from_location", "to_location")  # shared by many: read once, not joined
    mirrors = [mirror_movement(one) for one in found.select_related("product", "lot").prefetch_related(*few)]
    for start in range(0, len(mirrors), BATCH):
        record_movements(device=device, actor=actor, movements=mirrors[start : start + BATCH])
    state = next_line_state(Line.POSTED, "reverse")
    change_many_owned([(line, {"state": state}) for line in lines], device=device, actor=actor, action="reversed")
    open_cases(device=device, actor=actor, troubles=missed_troubles(device, lines))
