"""Unveiling: where blindness ends, rows that were hidden get a new revision, so that every pull brings them."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from devices.actors import Actor
from devices.services.owned import lock_device, restamp
from inventory.models import StockLevel, Stocktake, StocktakeLine
from inventory.models.blindness import HIDING, SHOWN
from inventory.services.levels import Bucket

CHUNK = 500


@transaction.atomic
def show_levels(stocktake: Stocktake, lines: Sequence[StocktakeLine], *, actor: Actor) -> None:
    """The levels of these lines (with product, location, lot) come again: constant queries per 500."""
    if not stocktake.rules.blind:
        return
    lock_device(stocktake.device)
    for start in range(0, len(lines), CHUNK):
        ids = [Bucket(line.product, line.location, line.lot).uuid for line in lines[start : start + CHUNK]]
        levels = StockLevel.objects.filter(device=stocktake.device_id, uuid__in=ids)
        restamp(levels, device=stocktake.device, actor=actor, action="sent_again")


@transaction.atomic
def show_stocktake(stocktake: Stocktake, *, actor: Actor) -> None:
    """All that a blind stocktake hid comes again: its lines and their levels."""
    if not stocktake.rules.blind:
        return
    lock_device(stocktake.device)
    hidden = stocktake.lines.exclude(state__in=SHOWN)
    restamp(hidden, device=stocktake.device, actor=actor, action="sent_again")
    show_levels(stocktake, list(hidden.select_related("product", "location", "lot").order_by("pk")), actor=actor)


def show_after_reassignment(stocktake: Stocktake, *, actor: Actor) -> None:
    """Somebody else holds one of its sheets now: whoever held it may see again."""
    if stocktake.state in HIDING:
        show_stocktake(stocktake, actor=actor)
