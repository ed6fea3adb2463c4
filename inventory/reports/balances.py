"""Stock per bucket of many products at once, exactly as of a revision or a time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Subquery, Sum

from devices.models import Device, Feed
from inventory.models import StockLevel, StockMovement

Balances = dict[tuple[int, int, int | None], Decimal]  # product, location, lot → quantity
ZERO = Decimal(0)


def balances(
    device: Device,
    *,
    head: int,
    at: datetime | int | None = None,
    products: Collection[int] | None = None,
    lots: Collection[int] | None = None,
) -> Balances:
    """The buckets that are not empty, of these products or lots, in two queries.

    Without `at` from the levels, less what moved after `head`; with it from the ledger, whose newest entry
    counted is `head`. Either way it is the same however much is written meanwhile.
    """
    only: dict[str, Any] = {} if products is None else {"product__in": products}
    only |= {} if lots is None else {"lot__in": lots}
    if at is not None:
        found = _sums(StockMovement.objects.for_device(device).filter(**only).until(head).until(at))
    else:
        current = Subquery(Feed.objects.filter(device=device).values("head"))
        levels = StockLevel.all_objects.for_device(device).filter(**only).annotate(head=current)
        rows = list(levels.values_list("product", "location", "lot", "quantity", "head"))
        found = {(product, location, lot): quantity for product, location, lot, quantity, _ in rows}
        newest = rows[0][4] if rows else head
        later = StockMovement.objects.for_device(device).filter(**only, revision__gt=head, revision__lte=newest)
        for bucket, quantity in _sums(later).items() if newest > head else ():
            found[bucket] = found.get(bucket, ZERO) - quantity
    return {bucket: quantity for bucket, quantity in found.items() if quantity}


def _sums(movements: Any) -> Balances:
    found: Balances = {}
    for side, sign in (("from_location", -1), ("to_location", 1)):
        rows = movements.exclude(**{side: None}).order_by().values_list("product", side, "lot")
        for product, location, lot, total in rows.annotate(total=Sum("quantity")):
            bucket = (product, location, lot)
            found[bucket] = found.get(bucket, ZERO) + sign * total
    return found
