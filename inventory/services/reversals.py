"""Reversals: what undoes a movement is its mirror image; one that came from offline is judged, never refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from inventory.models import StockMovement

Kind = StockMovement.Kind

MIRROR: Mapping[str, str] = {
    Kind.RECEIPT: Kind.ISSUE,
    Kind.ISSUE: Kind.RECEIPT,
    Kind.TRANSFER: Kind.TRANSFER,
    Kind.ADJUSTMENT: Kind.ADJUSTMENT,
    Kind.COUNT: Kind.ADJUSTMENT,
}


@dataclass(frozen=True, slots=True)
class OddReversal:
    """A fact that says it reverses the movement `reverses`, with what is wrong about that."""

    reverses: UUID
    reasons: Sequence[str]


def mirror_of(movement: StockMovement) -> dict[str, Any]:
    """The values that undo a movement."""
    return {
        "product": movement.product,
        "kind": MIRROR[movement.kind],
        "quantity": movement.quantity,
        "from_location": movement.to_location,
        "to_location": movement.from_location,
        "lot": movement.lot,
    }


def settle_reversals(movements: Sequence[StockMovement]) -> dict[UUID, OddReversal]:
    """Judge the reversals among unsaved facts, under the feed lock. Returns the odd ones by their uuid.

    A movement is reversed once: a second reversal loses its link, it stays a movement of its own. One query.
    """
    linked = [movement for movement in movements if movement.reverses is not None]
    if not linked:
        return {}
    reversed_ids = [movement.reverses_id for movement in linked]
    taken = set(StockMovement.all_objects.filter(reverses__in=reversed_ids).values_list("reverses_id", flat=True))
    odd = {}
    for movement in linked:
        original: Any = movement.reverses
        reasons = _reasons(movement, original, taken)
        if reasons:
            odd[movement.uuid] = OddReversal(original.uuid, reasons)
        if original.pk in taken:
            movement.reverses = None
        taken.add(original.pk)
    return odd


def _undoes(movement: StockMovement, original: StockMovement) -> bool:
    """Whether it is what mirror_of(original) makes; the keys tell, no related row is read."""
    a, b = movement, original
    same = (a.product_id, a.quantity, a.lot_id) == (b.product_id, b.quantity, b.lot_id)
    sides = (a.from_location_id, a.to_location_id) == (b.to_location_id, b.from_location_id)
    return same and sides and a.kind == MIRROR[b.kind]


def _reasons(movement: StockMovement, original: StockMovement, taken: set[int]) -> list[str]:
    checks = {
        "reversal_of_reversal": original.reverses_id is not None,
        "not_the_mirror": not _undoes(movement, original),
        "already_reversed": original.pk in taken,
    }
    return [reason for reason, holds in checks.items() if holds]
