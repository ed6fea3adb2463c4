"""Preparation: the lines of a stocktake, one for each bucket that the book says holds something."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce

from devices.actors import Actor
from devices.services.owned import insert_many_owned, lock_device, restamp
from inventory.models import Location, StockLevel, Stocktake, StocktakeLine
from inventory.models.lines import Line
from inventory.services.counting.states import next_line_state
from inventory.services.levels import Bucket, line_uuid
from inventory.services.trees import branch

CHUNK = 500


def scope_of(stocktake: Stocktake) -> Any:
    """The levels that a stocktake counts: its location and category with all below them, or everything."""
    levels = counted_levels(stocktake)
    if stocktake.location is not None:
        levels = levels.filter(location__in=[stocktake.location, *branch(stocktake.location)])
    return levels


def counted_levels(stocktake: Stocktake) -> Any:
    """The levels of what a stocktake counts, wherever it lies: its category with all below it, or everything."""
    levels = StockLevel.objects.for_device(stocktake.device)
    if stocktake.category is not None:
        levels = levels.filter(product__category__in=[stocktake.category, *branch(stocktake.category)])
    return levels


@transaction.atomic
def prepare_some(stocktake: Stocktake, *, actor: Actor) -> int:
    """Add at most 500 lines for buckets in scope that hold something and have none yet. Returns how many."""
    lock_device(stocktake.device)
    return len(add_missing(stocktake, scope_of(stocktake).exclude(quantity=0), actor=actor))


def add_missing(stocktake: Stocktake, levels: Any, *, actor: Actor) -> list[StocktakeLine]:
    """Insert lines to count for at most 500 of these levels that have none. Under the feed lock."""
    lines = StocktakeLine.all_objects.filter(
        device=stocktake.device_id,  # for the index of buckets: without it each level would look at every line
        stocktake=stocktake,
        product=OuterRef("product"),
        location=OuterRef("location"),
    ).annotate(lot_or_none=Coalesce("lot_id", 0))
    known = lines.filter(lot_or_none=Coalesce(OuterRef("lot_id"), 0))
    wanted = levels.exclude(Exists(known)).order_by("pk").select_related("product", "location", "lot")[:CHUNK]
    return add_lines(stocktake, [Bucket(level.product, level.location, level.lot) for level in wanted], actor=actor)


def add_lines(stocktake: Stocktake, buckets: Iterable[Bucket], *, actor: Actor) -> list[StocktakeLine]:
    """Insert lines to count for buckets that have none; the caller holds the feed lock and made sure of that."""
    lines = [
        StocktakeLine(
            device=stocktake.device,
            uuid=line_uuid(stocktake, bucket),
            stocktake=stocktake,
            product=bucket.product,
            location=bucket.location,
            lot=bucket.lot,
            pass_number=stocktake.pass_number,
        )
        for bucket in buckets
    ]
    insert_many_owned(lines, device=stocktake.device, actor=actor)
    return lines


def touch_lines(
    stocktake: Stocktake, buckets: Sequence[Bucket], *, actor: Actor, emptied: Sequence[Location] = ()
) -> None:
    """Counts came in for these buckets, and for all that lies at `emptied`: what waited to be counted is counted.

    Constant queries for all of them; the caller holds the feed lock.
    """
    wanted = {line_uuid(stocktake, bucket): bucket for bucket in buckets}
    lines = StocktakeLine.all_objects.filter(stocktake=stocktake).select_related("product", "location", "lot")
    missing = wanted.keys() - set(lines.filter(uuid__in=wanted).values_list("uuid", flat=True))
    add_lines(stocktake, [wanted[uuid] for uuid in sorted(missing)], actor=actor)
    mine = Q(uuid__in=wanted) | Q(location__in=emptied)
    for state in (Line.TO_COUNT, Line.RECOUNT):
        rows = lines.filter(mine, state=state, pass_number__lte=stocktake.pass_number)
        restamp(rows, device=stocktake.device, actor=actor, action="counted", state=next_line_state(state, "count"))
