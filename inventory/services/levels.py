"""Levels: the ledger's sums, moved in the transaction of the movement and never read, changed and written back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from django.db import connection
from django.utils import timezone

from config.core.quantities import PLACES, from_micro
from devices.models import Device
from devices.services.feed import take_revisions
from inventory.models import Location, Lot, Product, StockLevel, StockMovement

BUCKETS = UUID("0192f0c4-5d0e-7a51-8a3d-6f1f0c0de001")  # namespace of level ids
BATCH = 500


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where a quantity lies: product, location, and lot if any."""

    product: Product
    location: Location
    lot: Lot | None

    @property
    def uuid(self) -> UUID:
        """The same bucket has the same id for ever."""
        lot = self.lot.uuid if self.lot else ""
        return uuid5(BUCKETS, f"{self.product.uuid}/{self.location.uuid}/{lot}")


def deltas_of(movements: Iterable[StockMovement]) -> dict[Bucket, Decimal]:
    """What movements add to each bucket; zero sums are kept, their buckets were touched."""
    found: dict[Bucket, Decimal] = {}
    for movement in movements:
        for location, sign in ((movement.from_location, -1), (movement.to_location, 1)):
            if location is not None:
                bucket = Bucket(movement.product, location, movement.lot)
                found[bucket] = found.get(bucket, Decimal(0)) + sign * movement.quantity
    return found


def move_levels(*, device: Device, deltas: Mapping[Bucket, Decimal]) -> dict[Bucket, Decimal]:
    """Add `deltas` to the levels under the feed lock. Returns each bucket's new quantity.

    One statement per 500 buckets; raises QuantityOutOfRange through the level_in_range constraint.
    """
    by_uuid = {bucket.uuid: bucket for bucket in deltas}
    after: dict[Bucket, Decimal] = {}
    ordered = sorted(by_uuid)
    for start in range(0, len(ordered), BATCH):
        chunk = [(uuid, by_uuid[uuid], deltas[by_uuid[uuid]]) for uuid in ordered[start : start + BATCH]]
        found = _upsert(device, chunk)
        after.update({bucket: found[uuid] for uuid, bucket, _ in chunk})
    return after


# A level is deleted while its product, location or lot is. The database says so itself: rows in memory may be old.
DELETED = (
    "COALESCE((SELECT deleted_at FROM products WHERE id = %s), (SELECT deleted_at FROM locations WHERE id = %s), "
    "(SELECT deleted_at FROM lots WHERE id = %s))"
)
ROW = f"(%s, %s, %s, %s, %s, %s, %s, %s, %s, {DELETED})"


def _upsert(device: Device, chunk: list[tuple[UUID, Bucket, Decimal]]) -> dict[UUID, Decimal]:
    """INSERT … ON CONFLICT adds to what is there: the ORM's bulk_create can only overwrite."""
    to_database: Any = StockLevel._meta.get_field("uuid").get_db_prep_value
    moment: Any = StockLevel._meta.get_field("created_at").get_db_prep_value
    now = moment(timezone.now(), connection)
    parameters: list[Any] = []
    for (uuid, bucket, delta), revision in zip(chunk, take_revisions(device, len(chunk)), strict=True):
        where = (bucket.product.pk, bucket.location.pk, bucket.lot.pk if bucket.lot else None)
        parameters += [device.pk, to_database(uuid, connection), revision, *where]
        parameters += [int(delta.scaleb(PLACES)), now, now, *where]
    values = ", ".join([ROW] * len(chunk))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO stock_levels (device_id, uuid, revision, product_id, location_id, lot_id, quantity, "
            f"created_at, updated_at, deleted_at) VALUES {values} "
            "ON CONFLICT (device_id, uuid) DO UPDATE SET quantity = stock_levels.quantity + excluded.quantity, "
            "revision = excluded.revision, updated_at = excluded.updated_at, deleted_at = CASE WHEN "
            "excluded.deleted_at IS NULL THEN NULL ELSE COALESCE(stock_levels.deleted_at, excluded.deleted_at) END "
            "RETURNING uuid, quantity",
            parameters,
        )
        return {_uuid(uuid): from_micro(quantity) for uuid, quantity in cursor.fetchall()}


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(str(value))
