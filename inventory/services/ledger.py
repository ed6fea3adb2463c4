"""The ledger's proof: every level is the sum of its movements; and the way back where one is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction

from config.core.quantities import plain
from devices.actors import Actor
from devices.models import Device
from devices.services.feed import next_revision
from devices.services.owned import change_owned, insert_owned, lock_device
from inventory.models import Case, Location, Lot, Product, StockLevel
from inventory.reports.ledger_proof import differing_levels
from inventory.services.cases import Trouble, open_cases
from inventory.services.levels import Bucket

CHUNK = 500
DRIFT = Case.Kind.LEDGER_DRIFT
CASES = 50  # of one device and proof; more of them say no more


@dataclass(frozen=True, slots=True)
class Drift:
    """A bucket whose stored level is not the sum of its movements; both in the product's unit."""

    bucket: Bucket
    level: Decimal
    ledger: Decimal

    def __str__(self) -> str:
        lot = f", {self.bucket.lot}" if self.bucket.lot else ""
        return (
            f"{self.bucket.product} at {self.bucket.location}{lot}: "
            f"level {plain(self.level)}, ledger {plain(self.ledger)} {self.bucket.product.unit}"
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found on one device: how many levels were compared, and those that differ."""

    device: Device
    buckets: int
    drifts: list[Drift]


def devices_to_prove(device: Device | None = None) -> Any:
    """One device, or all of them, deleted ones too, in the order they came."""
    devices = Device.all_objects.order_by("pk")
    return devices if device is None else devices.filter(pk=device.pk)


def prove_ledger(device: Device) -> Proof:
    """Compare every level of a device with the ledger, in the database. Locks and writes nothing."""
    buckets = StockLevel.all_objects.for_device(device).count()
    return Proof(device, buckets, list(_drifts(device)))


@transaction.atomic
def open_drift_cases(proof: Proof, *, actor: Actor) -> None:
    """Put the drifts into the staff inbox; nothing is repaired. One case a bucket, 50 at most."""
    troubles = [
        Trouble(DRIFT, str(drift.bucket.uuid), f"Ledger drift: {drift}", _evidence(drift), drift.bucket.product)
        for drift in proof.drifts[:CASES]
    ]
    more = len(proof.drifts) - CASES
    if more > 0:
        troubles.append(Trouble(DRIFT, "more", f"Ledger drift: {more} more levels differ", {"more": more}))
    open_cases(device=proof.device, actor=actor, troubles=troubles)


@transaction.atomic
def _rebuild_some(device: Device, actor: Actor) -> list[Drift]:
    lock_device(device)
    drifts = list(_drifts(device, limit=CHUNK))
    for drift in drifts:
        _set_level(device, actor, drift)
    return drifts


def rebuild_levels(device: Device, *, actor: Actor, apply: bool = False) -> list[Drift]:
    """The levels that differ from the ledger; with `apply` they are set to its sums.

    Each gets a revision and an event `rebuilt`, 500 in a transaction under the feed lock.
    """
    if not apply:
        return list(_drifts(device))
    rebuilt: list[Drift] = []
    while some := _rebuild_some(device, actor):
        rebuilt += some
    return rebuilt


def _drifts(device: Device, *, limit: int | None = None) -> Iterator[Drift]:
    rows = differing_levels(device, limit=limit)
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]
        products = Product.all_objects.in_bulk({row[0] for row in some})
        locations = Location.all_objects.in_bulk({row[1] for row in some})
        lots = Lot.all_objects.in_bulk({row[2] for row in some if row[2] is not None})
        for product, location, lot, level, ledger in some:
            bucket = Bucket(products[product], locations[location], None if lot is None else lots[lot])
            yield Drift(bucket, level, ledger)


def _set_level(device: Device, actor: Actor, drift: Drift) -> None:
    """Set the bucket's level, or insert it where it is missing; were there two rows, the others become 0."""
    product, location, lot = drift.bucket.product, drift.bucket.location, drift.bucket.lot
    rows = StockLevel.all_objects.for_device(device).filter(product=product, location=location, lot=lot)
    found = list(rows.order_by("pk"))
    if not found:
        level = StockLevel(uuid=drift.bucket.uuid, device=device, product=product, location=location, lot=lot)
        level.quantity = drift.ledger
        level.deleted_at = product.deleted_at or location.deleted_at  # as levels go with what they are of
        insert_owned(level, actor=actor, action="rebuilt")
    for row, quantity in zip(found, [drift.ledger] + [Decimal(0)] * len(found), strict=False):
        revision = next_revision(device)
        change_owned(row, revision=revision, actor=actor, changes={"quantity": quantity}, action="rebuilt")


def _evidence(drift: Drift) -> dict[str, Any]:
    return {
        "product_id": drift.bucket.product.uuid,
        "location_id": drift.bucket.location.uuid,
        "lot_id": drift.bucket.lot.uuid if drift.bucket.lot else None,
        "level": plain(drift.level),
        "ledger": plain(drift.ledger),
    }
