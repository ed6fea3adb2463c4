"""Movements: facts go into the ledger, levels follow, trouble becomes a case."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache, partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from config.core.quantities import plain
from devices.actors import Actor
from devices.errors import IdAlreadyUsed
from devices.models import Device, Installation
from devices.services.owned import find_reference, insert_many_owned, lock_device
from inventory.errors import (
    LotOfAnotherProduct,
    MovementAlreadyReversed,
    MovementSides,
    ReversalOfReversal,
    SameLocation,
)
from inventory.models import Case, Location, Lot, Product, StockLevel, StockMovement
from inventory.services.cases import Trouble, open_case, open_cases
from inventory.services.emptied_lines import add_emptied_lines
from inventory.services.late_movements import late_troubles
from inventory.services.levels import Bucket, deltas_of, move_levels
from inventory.services.locations import default_location
from inventory.services.positions import UNKNOWN, Position
from inventory.services.reversals import OddReversal, mirror_of, settle_reversals

Kind = StockMovement.Kind
BATCH = 500


@transaction.atomic
def record_movement(
    *,
    device: Device,
    actor: Actor,
    product_id: UUID,
    kind: str,
    quantity: Decimal,
    from_location_id: UUID | None = None,
    to_location_id: UUID | None = None,
    lot_id: UUID | None = None,
    reason: str = "",
    note: str = "",
    reference: str = "",
    occurred_at: datetime | None = None,
    reverses_id: UUID | None = None,
    installation: Installation | None = None,
    id: UUID | None = None,
    position: Position = UNKNOWN,
    as_fact: bool = False,
) -> StockMovement:
    """Record one movement of `quantity` > 0 units. Negative stock is never refused: it opens a case.

    `as_fact`: it has happened, on a device that was offline; deleted products, locations and lots, a lot of another
    product and a reversal against the rules are then kept with a case instead of refused. Only a fact `reverses_id`
    another movement by itself: else reverse_movement() does it.

    Raises MovementSides, SameLocation, LotOfAnotherProduct, ReferenceNotFound, IdAlreadyUsed,
    QuantityOutOfRange.
    """
    lock_device(device)
    if id is not None and StockMovement.all_objects.by_uuid(device, id) is not None:
        raise IdAlreadyUsed(f"The id {id} is used already.")
    movement = build_movement(
        device=device,
        find=partial(find_reference, device=device, tombstones=as_fact),
        default=partial(default_location, device),
        product_id=product_id,
        kind=kind,
        quantity=quantity,
        from_location_id=from_location_id,
        to_location_id=to_location_id,
        lot_id=lot_id,
        reason=reason,
        note=note,
        reference=reference,
        occurred_at=occurred_at,
        reverses_id=reverses_id,
        installation=installation,
        id=id,
        position=position,
    )
    if not as_fact and "lot_of_another_product" in _oddities(movement):
        raise LotOfAnotherProduct
    return record_movements(device=device, actor=actor, movements=[movement])[0]


def record_facts(
    *, device: Device, installation: Installation | None, find: Callable[..., Any], entries: Sequence[Any]
) -> list[StockMovement]:
    """record_movement() `as_fact` for a batch of a push: its entries, and how it looks references up.

    Raises MovementSides, SameLocation, QuantityOutOfRange, and what `find` raises.
    """
    default = cache(lambda: default_location(device))
    who: dict[str, Any] = {"device": device, "installation": installation, "find": find, "default": default}
    movements = [build_movement(**who, id=entry.id, position=entry.position, **entry.values) for entry in entries]
    actors = [entry.actor for entry in entries]
    return record_movements(device=device, actor=actors[0], movements=movements, actors=actors)


def build_movement(
    *,
    device: Device,
    find: Callable[..., Any],
    default: Callable[[], Location],
    product_id: UUID,
    kind: str,
    from_location_id: UUID | None = None,
    to_location_id: UUID | None = None,
    lot_id: UUID | None = None,
    reverses_id: UUID | None = None,
    occurred_at: datetime | None = None,
    id: UUID | None = None,
    position: Position = UNKNOWN,
    **values: Any,
) -> StockMovement:
    """An unsaved movement for record_movements(). `find(model, id=, field=)` looks references up in the device.

    Raises MovementSides, SameLocation, and what `find` raises.
    """
    source, target = _sides(
        kind,
        find(Location, id=from_location_id, field="from_location_id"),
        find(Location, id=to_location_id, field="to_location_id"),
        default,
    )
    now = timezone.now()
    return StockMovement(
        device=device,
        uuid=id or uuid7(),
        product=find(Product, id=product_id, field="product_id"),
        kind=kind,
        from_location=source,
        to_location=target,
        lot=find(Lot, id=lot_id, field="lot_id"),
        reverses=find(StockMovement, id=reverses_id, field="reverses_id"),
        occurred_at=occurred_at or now,
        received_at=now,  # equal to occurred_at where the server's clock set both
        sequence=position.sequence,
        clock_offset_ms=position.clock_offset_ms if occurred_at else 0,  # else it is the server's own time
        **values,
    )


def _oddities(movement: StockMovement) -> list[str]:
    """What an intent would be refused for and a fact is flagged for."""
    named = {"product": movement.product, "from_location": movement.from_location, "to_location": movement.to_location}
    odd = [f"{name}_deleted" for name, row in (named | {"lot": movement.lot}).items() if row and row.is_deleted]
    if movement.lot is not None and movement.lot.product_id != movement.product.pk:
        odd.append("lot_of_another_product")
    return odd


def _odd(movement: StockMovement, reversal: OddReversal | None) -> Trouble | None:
    odd = [*_oddities(movement), *(reversal.reasons if reversal else ())]
    if not odd:
        return None
    return Trouble(
        kind=Case.Kind.PAYLOAD_CONFLICT,
        key=f"stock_movements:{movement.uuid}",
        summary=f"A movement of {movement.product} was kept although: {', '.join(odd)}",
        evidence={
            "movement_id": movement.uuid,
            "reasons": odd,
            **({"reverses_id": reversal.reverses} if reversal else {}),
        },
    )


@transaction.atomic
def record_movements(
    *, device: Device, actor: Actor, movements: list[StockMovement], actors: Sequence[Actor] | None = None
) -> list[StockMovement]:
    """Insert checked, unsaved movements of one device: ledger, levels, events and cases in one transaction.

    At most 500 at a time, so that the feed lock stays short. The references are rows of the device.
    `actors`: one per movement, where their events name different operations.
    """
    if len(movements) > BATCH:
        raise ValueError(f"at most {BATCH} movements at a time")
    reversals = settle_reversals(movements)
    insert_many_owned(movements, device=device, actor=actor, actors=actors)
    deltas = deltas_of(movements)
    after = move_levels(device=device, deltas=deltas)
    moved = {bucket: (after[bucket] - delta, after[bucket]) for bucket, delta in deltas.items()}
    odd = [trouble for movement in movements if (trouble := _odd(movement, reversals.get(movement.uuid)))]
    add_emptied_lines(device, movements, actor=actor)
    odd += late_troubles(device, movements)
    _open_cases(device, actor, movements, moved, odd)
    return movements


@transaction.atomic
def reverse_movement(
    movement: StockMovement,
    *,
    actor: Actor,
    reason: str = "",
    installation: Installation | None = None,
    id: UUID | None = None,
) -> StockMovement:
    """Undo a movement by its mirror image, linked to it; the ledger keeps both.

    Raises MovementAlreadyReversed, ReversalOfReversal, IdAlreadyUsed.
    """
    device = movement.device
    lock_device(device)
    if movement.reverses_id is not None:
        raise ReversalOfReversal
    if StockMovement.all_objects.filter(reverses=movement).exists():
        raise MovementAlreadyReversed
    if id is not None and StockMovement.all_objects.by_uuid(device, id) is not None:
        raise IdAlreadyUsed(f"The id {id} is used already.")
    mirror = mirror_movement(movement, reason=reason, installation=installation)
    if id is not None:
        mirror.uuid = id
    return record_movements(device=device, actor=actor, movements=[mirror])[0]


def mirror_movement(
    movement: StockMovement, *, reason: str = "", installation: Installation | None = None
) -> StockMovement:
    """The unsaved inverse of a movement, linked to it."""
    now = timezone.now()
    return StockMovement(
        **mirror_of(movement),
        device=movement.device,
        reason=reason or "reversal",
        reference=movement.reference,
        occurred_at=now,
        received_at=now,
        reverses=movement,
        installation=installation,
    )


def _sides(
    kind: str, source: Location | None, target: Location | None, default: Callable[[], Location]
) -> tuple[Location | None, Location | None]:
    """Fill in the default location and refuse sides that do not fit the kind."""
    if kind == Kind.RECEIPT and source is None:
        return None, target or default()
    if kind == Kind.ISSUE and target is None:
        return source or default(), None
    if kind == Kind.TRANSFER and source is not None and target is not None:
        if source.pk == target.pk:
            raise SameLocation
        return source, target
    if kind in (Kind.ADJUSTMENT, Kind.COUNT) and (source is None) != (target is None):
        return source, target
    raise MovementSides


def _open_cases(
    device: Device,
    actor: Actor,
    movements: Sequence[StockMovement],
    moved: Mapping[Bucket, tuple[Decimal, Decimal]],
    odd: Sequence[Trouble],
) -> None:
    """What is `odd`, a bucket that falls below zero and a serial that is not one piece become cases."""
    last = {Bucket(m.product, m.from_location, m.lot): m for m in movements if m.from_location is not None}
    below = [_negative(bucket, after, last[bucket]) for bucket, (before, after) in moved.items() if before >= 0 > after]
    open_cases(device=device, actor=actor, troubles=[*odd, *below])
    serials = {bucket.lot for bucket in moved if bucket.lot is not None and bucket.lot.kind == Lot.Kind.SERIAL}
    for lot in sorted(serials, key=lambda lot: lot.pk):
        _serial_case(device, actor, lot)


def _negative(bucket: Bucket, quantity: Decimal, movement: StockMovement) -> Trouble:
    return Trouble(
        kind=Case.Kind.NEGATIVE_STOCK,
        key=str(bucket.uuid),
        product=bucket.product,
        summary=f"{bucket.product} at {bucket.location}: {plain(quantity)} {bucket.product.unit}",
        evidence={
            "product_id": bucket.product.uuid,
            "location_id": bucket.location.uuid,
            "lot_id": bucket.lot.uuid if bucket.lot else None,
            "quantity": plain(quantity),
            "movement_id": movement.uuid,
        },
    )


def _serial_case(device: Device, actor: Actor, lot: Lot) -> None:
    """A serial is one piece: more than one, or in more than one place, is for people to look at."""
    held = StockLevel.all_objects.filter(lot=lot, quantity__gt=0)
    places = [(str(level.location), plain(level.quantity)) for level in held.select_related("location")]
    if len(places) > 1 or any(quantity != "1" for _, quantity in places):
        open_case(
            device=device,
            actor=actor,
            kind=Case.Kind.SERIAL_IN_TWO_PLACES,
            key=str(lot.uuid),
            product=lot.product,
            summary=f"Serial {lot.code}: " + ", ".join(f"{quantity} at {place}" for place, quantity in places),
            evidence={"lot_id": lot.uuid, "places": places},
        )
