"""Unveiling: where blindness ends, rows that were hidden get a new revision, so that every pull brings them."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q

from devices.actors import Actor
from devices.services.owned import lock_device, restamp
from inventory.models import Alert, Case, StockLevel, Stocktake, StocktakeLine
from inventory.models.blindness import HIDING, SHOWN, telling
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
def show_telling(stocktake: Stocktake, lines: Sequence[StocktakeLine], *, actor: Actor) -> None:
    """The cases and alerts about these lines' products come again, and those that name none."""
    if not stocktake.rules.blind or not lines:
        return
    device = stocktake.device
    lock_device(device)
    products = sorted({line.product_id for line in lines})
    about = [Q(product=None), *(Q(product__in=products[at : at + CHUNK]) for at in range(0, len(products), CHUNK))]
    for model in (Case, Alert):
        for which in about:
            restamp(telling(model).filter(which, device=device), device=device, actor=actor, action="sent_again")


@transaction.atomic
def show_stocktake(stocktake: Stocktake, *, actor: Actor) -> None:
    """All that a blind stocktake hid comes again: its lines, their levels, and what tells of them."""
    if not stocktake.rules.blind:
        return
    lock_device(stocktake.device)
    hidden = stocktake.lines.exclude(state__in=SHOWN)
    restamp(hidden, device=stocktake.device, actor=actor, action="sent_again")
    lines = list(hidden.select_related("product", "location", "lot").order_by("pk"))
    show_levels(stocktake, lines, actor=actor)
    show_telling(stocktake, lines, actor=actor)


def show_after_reassignment(stocktake: Stocktake, *, actor: Actor) -> None:
    """Somebody else holds one of its sheets now: whoever held it may see again."""
    if stocktake.state in HIDING:
        show_stocktake(stocktake, actor=actor)
