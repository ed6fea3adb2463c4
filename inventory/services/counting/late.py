"""Late data: what staff may do about a movement or a count that arrived after the fact."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from config.core.quantities import plain
from devices.actors import Actor
from devices.services.feed import give_back
from inventory.errors.cases import NoActionOfCase
from inventory.errors.counting import LineTransition
from inventory.models import Case, StockMovement, StocktakeLine
from inventory.models.lines import Line
from inventory.services.cases import lock_case, resolve_case, waive_case
from inventory.services.late_movements import line_reference
from inventory.services.movements import record_movements


@transaction.atomic
def absorb_movement(case: Case, *, actor: Actor, expected_revision: int | None = None) -> StockMovement:
    """The count had seen what the late movement moved: an inverse adjustment, linked to both, takes it out again.

    It stands where the count stands, as what posting inserted does: a later count knows it to be before itself.
    Raises NoActionOfCase, CaseClosed, RevisionMismatch, LineTransition where the count was reversed since.
    """
    _refuse_others(case, "absorb")
    current, revision = lock_case(case, expected_revision=expected_revision)
    give_back(case.device, revision)
    evidence = current.evidence
    line: StocktakeLine = StocktakeLine.all_objects.select_related("product", "location", "lot").get(
        device=case.device, uuid=UUID(evidence["line_id"])
    )
    if line.state != Line.POSTED:
        raise LineTransition(line.state, "absorb")
    quantity, now = -Decimal(evidence["quantity"]), timezone.now()
    adjustment = StockMovement(
        device=case.device,
        uuid=uuid7(),
        product=line.product,
        lot=line.lot,
        kind=StockMovement.Kind.ADJUSTMENT,
        quantity=abs(quantity),
        to_location=line.location if quantity > 0 else None,
        from_location=line.location if quantity < 0 else None,
        reason="late_movement",
        reference=line_reference(line),
        note=f"Takes out movement {evidence['movement_id']}: the count had seen it",
        occurred_at=line.counted_at or now,
        received_at=now,
    )
    record_movements(device=case.device, actor=actor, movements=[adjustment])
    told = f"absorbed by {adjustment.uuid}: {plain(quantity)} {line.product.unit}"
    resolve_case(current, actor=actor, resolution=told)
    return adjustment


def keep_movement(case: Case, *, actor: Actor, resolution: str = "", expected_revision: int | None = None) -> Case:
    """The count had not seen it: the level is right as it is. Raises NoActionOfCase, CaseClosed, RevisionMismatch."""
    _refuse_others(case, "keep")
    told = resolution or "kept: the count had not seen it"
    return waive_case(case, actor=actor, resolution=told, expected_revision=expected_revision)


def _refuse_others(case: Case, action: str) -> None:
    if case.kind != Case.Kind.LATE_MOVEMENT:
        raise NoActionOfCase(case.kind, action)
