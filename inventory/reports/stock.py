"""Stock of a product: on hand and where, now or at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, Sum

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
    """Stock now (from the levels), by a time of occurrence, or by a revision (both from the ledger)."""
    lines = sorted(_now(product) if at is None else _then(product, at), key=lambda line: line.location_name)
    on_hand = sum((line.quantity for line in lines), Decimal(0))
    return Stock(on_hand, lines, min(at, head) if isinstance(at, int) else head)


def _now(product: Product) -> Iterator[StockLine]:
    levels = StockLevel.all_objects.filter(product=product).exclude(quantity=0)
    for level in levels.select_related("location", "lot"):
        yield StockLine(level.location.uuid, level.location.name, level.lot.uuid if level.lot else None, level.quantity)


def _then(product: Product, at: datetime | int) -> Iterator[StockLine]:
    movements = StockMovement.objects.for_device(product.device).filter(product=product).until(at)
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
