"""Emptied places: who says that a place is empty counts all that the book has there, lines or none."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce

from devices.actors import Actor
from devices.services.owned import lock_device
from inventory.models import CountEntry, StockMovement, Stocktake, StocktakeLine
from inventory.services.causality import fact_of_count
from inventory.services.counting.evaluation import maybe_after
from inventory.services.counting.preparation import add_missing, counted_levels


@transaction.atomic
def add_emptied(stocktake: Stocktake, *, actor: Actor) -> list[StocktakeLine]:
    """Add at most 500 lines for buckets that have none, of places that were confirmed empty; constant queries.

    The book has something there, or something moved that may not be before the look: then the book may have had it.
    """
    lock_device(stocktake.device)
    said = CountEntry.objects.on_time().filter(sheet__stocktake=stocktake, product=None)
    looks = list(said.select_related("sheet__stocktake"))
    if not looks:
        return []
    counts = [fact_of_count(look) for look in looks]
    moved = StockMovement.all_objects.filter(
        maybe_after(counts),
        Q(from_location=OuterRef("location")) | Q(to_location=OuterRef("location")),
        device=stocktake.device_id,
        product=OuterRef("product"),
        revision__gt=min(fact.base for fact in counts),
    ).annotate(lot_or_none=Coalesce("lot_id", 0))
    moved = moved.filter(lot_or_none=Coalesce(OuterRef("lot_id"), 0))
    levels = counted_levels(stocktake).filter(location__in={look.location_id for look in looks})
    return add_missing(stocktake, levels.filter(~Q(quantity=0) | Exists(moved)), actor=actor)
