"""Stock of a product: on hand and where, now or at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, Subquery, Sum

from devices.models import Feed
from inventory.models import Location, Lot, Product, StockLevel, StockMovement


@dataclass(frozen=True, slots=True)
class StockLine:
    """The quantity of one bucket, in the product's unit."""

    location_id: UUID
    location_name: str
    lot_id: UUID | None
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Stock:
    """on_hand = the sum of the lines; revision = the feed position it is true at."""

    on_hand: Decimal
    by_location: list[StockLine]
    revision: int


def stock_of(product: Product, *, head: int, at: datetime | int | None = None) -> Stock:
    """Stock now (from the levels), by a time of occurrence, or by a revision (both from the ledger).

    `head` = a position that the device's feed had reached; what came later is left out of the past, and for
    now a newer one is answered where there is one.
    """
    if at is None:
        lines, revision = _now(product, head)
    else:
        revision = min(at, head) if isinstance(at, int) else head
        lines = list(_then(product, at, revision))
    lines.sort(key=lambda line: (line.location_name, str(line.location_id), str(line.lot_id or "")))
    return Stock(sum((line.quantity for line in lines), Decimal(0)), lines, revision)


def _now(product: Product, head: int) -> tuple[list[StockLine], int]:
    """The levels, with the feed's head read in the same statement: the two belong together."""
    current = Subquery(Feed.objects.filter(device=product.device_id).values("head"))
    levels = StockLevel.all_objects.filter(product=product).annotate(head=current)
    found = list(levels.select_related("location", "lot"))
    lines = [
        StockLine(level.location.uuid, level.location.name, level.lot.uuid if level.lot else None, level.quantity)
        for level in found
        if level.quantity
    ]
    return lines, found[0].head if found else head


def _then(product: Product, at: datetime | int, head: int) -> Iterator[StockLine]:
    movements = StockMovement.objects.for_device(product.device).filter(product=product).until(head).until(at)
    sums: dict[tuple[int, int | None], Decimal] = {}
    for side, sign in (("from_location_id", -1), ("to_location_id", 1)):
        rows: Any = movements.exclude(**{side: None}).order_by().values(side, "lot_id").annotate(total=Sum("quantity"))
        for row in rows:
            key = (row[side], row["lot_id"])
            sums[key] = sums.get(key, Decimal(0)) + sign * row["total"]
    kept = {key: total for key, total in sums.items() if total}
    places = Location.all_objects.in_bulk({location for location, _ in kept})
    lots = Lot.all_objects.in_bulk({lot for _, lot in kept if lot is not None})
    for (location, lot), total in kept.items():
        yield StockLine(places[location].uuid, places[location].name, lots[lot].uuid if lot else None, total)


def sums_by_sku(device: Any) -> Any:
    """on_hand per SKU of one device: rows of {sku, on_hand}."""
    rows = StockLevel.all_objects.for_device(device).order_by().values(sku=F("product__sku"))
    return rows.annotate(on_hand=Sum("quantity")).order_by("sku")
