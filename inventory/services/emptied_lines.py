"""Emptied lines: what comes late to a place that was confirmed empty finds a posted line there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from devices.actors import Actor
from devices.models import Device
from devices.services.owned import insert_many_owned
from inventory.models import CountEntry, StockMovement, Stocktake, StocktakeLine
from inventory.models.lines import Line
from inventory.models.stocktakes import State
from inventory.services.causality import CLOSE, fact_of_movement
from inventory.services.levels import Bucket, deltas_of, line_uuid
from inventory.services.trees import branch

NOTHING = Decimal(0)


def add_emptied_lines(device: Device, movements: Sequence[StockMovement], *, actor: Actor) -> None:
    """Add a posted line, 0 counted and 0 expected, for each bucket of these movements that has none in a posted
    stocktake whose counters found its place empty at about the time or later.

    The book knew of nothing there, so posting made no line: but a case needs one to hang on. Constant queries, under
    the feed lock.
    """
    told = [(movement, fact) for movement in movements if not (fact := fact_of_movement(movement)).online]
    if not told:
        return
    since = min(fact.at for _, fact in told) - CLOSE
    buckets = list(deltas_of([movement for movement, _ in told]))
    looks = _looks(device, buckets, since)
    lines = {line_uuid(look.sheet.stocktake, bucket): (look, bucket) for look, bucket in _emptied(looks, buckets)}
    rows = StocktakeLine.all_objects.filter(device=device, uuid__in=lines)
    known = set(rows.values_list("uuid", flat=True)) if lines else set()
    fresh = [_line(uuid, look, bucket) for uuid, (look, bucket) in sorted(lines.items()) if uuid not in known]
    insert_many_owned(fresh, device=device, actor=actor)


def _looks(device: Device, buckets: Sequence[Bucket], since: datetime) -> list[CountEntry]:
    """The words of posted stocktakes that one of these places is empty, the last of each stocktake last."""
    rows = CountEntry.objects.on_time().filter(
        device=device,
        product=None,
        location__in={bucket.location.pk for bucket in buckets},
        received_at__gte=since,  # it was looked at no later than that
        sheet__stocktake__state__in=(State.POSTED, State.CLOSED),
    )
    few = ("sheet__stocktake__device", "sheet__stocktake__category", "installation")
    looks = rows.select_related("sheet").prefetch_related(*few)
    return sorted((look for look in looks if look.corrected_at >= since), key=lambda look: look.corrected_at)


def _emptied(looks: Sequence[CountEntry], buckets: Sequence[Bucket]) -> Iterator[tuple[CountEntry, Bucket]]:
    categories: dict[int, set[int]] = {}
    for look in looks:
        for bucket in buckets:
            if bucket.location.pk == look.location_id and _counts(look.sheet.stocktake, bucket, categories):
                yield look, bucket


def _counts(stocktake: Stocktake, bucket: Bucket, categories: dict[int, set[int]]) -> bool:
    """Whether a stocktake is about this product: all, or those of its category with all below it."""
    if stocktake.category is None:
        return True
    key = stocktake.category.pk
    if key not in categories:
        categories[key] = {key, *(below.pk for below in branch(stocktake.category))}
    return bucket.product.category_id in categories[key]


def _line(uuid: UUID, look: CountEntry, bucket: Bucket) -> StocktakeLine:
    stocktake = look.sheet.stocktake
    return StocktakeLine(
        device=stocktake.device,
        uuid=uuid,
        stocktake=stocktake,
        product=bucket.product,
        location=bucket.location,
        lot=bucket.lot,
        state=Line.POSTED,
        pass_number=look.sheet.pass_number,
        expected=NOTHING,
        counted=NOTHING,
        variance=NOTHING,
        head=stocktake.evaluated_head,
        counted_at=look.corrected_at,
        counters=sorted(look.counters),
    )
