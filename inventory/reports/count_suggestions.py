"""What to count next: buckets by value at stake, movement, age of the last count and past variance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from heapq import nlargest
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Q
from django.utils import timezone

from devices.models import Device
from inventory.models import StockLevel, StockMovement, StocktakeLine
from inventory.models.lines import Line

BUSY_DAYS = 90
NEVER = 365  # days: a bucket that was never counted is as old as this
MONTH = 30
CENT = Decimal("0.01")
ONE = Decimal(1)
Key = tuple[int, int, int | None]
COLUMNS = (
    "product_id", "location_id", "lot_id", "uuid", "quantity", "product__uuid", "product__name", "product__unit",
    "product__unit_cost", "location__uuid", "location__name", "lot__uuid", "lot__code",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CountedBucket:
    """One bucket that holds something, and when it was last counted (posted); None: never.

    score = value × (1 + movements) × (1 + days since the last count / 30) × (1 + share of counts with a variance)
    where value = |quantity| × unit cost (1 where none is known), movements = the product's in 90 days.
    """

    level_id: UUID
    product_id: UUID
    product_name: str
    unit: str
    location_id: UUID
    location_name: str
    lot_id: UUID | None
    lot_code: str | None
    last_counted_at: datetime | None
    value: Decimal
    movements: int
    days: int
    counts: int
    variances: int

    @property
    def score(self) -> Decimal:
        """How much it asks to be counted; exact but for the last rounding to cents."""
        age = ONE + Decimal(self.days) / MONTH
        past = ONE + (Decimal(self.variances) / self.counts if self.counts else 0)
        return (self.value * (1 + self.movements) * age * past).quantize(CENT, ROUND_HALF_EVEN)


def suggest_counts(device: Device, *, limit: int, levels: Any = None) -> list[CountedBucket]:
    """The `limit` buckets with the highest score. Three queries; `levels` narrows what is looked at."""
    return nlargest(limit, _buckets(device, levels), key=lambda bucket: (bucket.score, str(bucket.level_id)))


def last_counted(device: Device, *, limit: int, levels: Any = None) -> list[CountedBucket]:
    """The `limit` buckets that were not counted for the longest time, never counted ones first. Three queries."""
    found = _buckets(device, levels)
    found.sort(key=lambda bucket: (bucket.last_counted_at is not None, bucket.last_counted_at, str(bucket.level_id)))
    return found[:limit]


def _buckets(device: Device, levels: Any) -> list[CountedBucket]:
    now = timezone.now()
    rows = StockLevel.objects.for_device(device) if levels is None else levels
    counted, busy = _counted(device), _movements(device, now)
    found = []
    for product, location, lot, uuid, quantity, *names in rows.exclude(quantity=0).order_by().values_list(*COLUMNS):
        product_id, product_name, unit, cost, location_id, location_name, lot_id, lot_code = names
        last, counts, variances = counted.get((product, location, lot), (None, 0, 0))
        found.append(
            CountedBucket(
                uuid, product_id, product_name, unit, location_id, location_name, lot_id, lot_code, last,
                value=abs(quantity) * (ONE if cost is None else cost),
                movements=busy.get(product, 0),
                days=NEVER if last is None else max((now - last).days, 0),
                counts=counts,
                variances=variances,
            )
        )  # fmt: skip
    return found


def _counted(device: Device) -> Mapping[Key, tuple[datetime, int, int]]:
    """By bucket: when it was last counted, how often, and how often with a variance."""
    lines = StocktakeLine.objects.for_device(device).filter(state=Line.POSTED, counted_at__isnull=False).order_by()
    rows = lines.values_list("product_id", "location_id", "lot_id").annotate(
        last=Max("counted_at"), counts=Count("pk"), variances=Count("pk", filter=~Q(variance=0))
    )
    return {(product, location, lot): (last, *numbers) for product, location, lot, last, *numbers in rows}


def _movements(device: Device, now: datetime) -> Mapping[int, int]:
    since = now - timedelta(days=BUSY_DAYS)
    rows = StockMovement.objects.for_device(device).filter(occurred_at__gte=since).order_by()
    return dict(rows.values_list("product_id").annotate(number=Count("pk")))
