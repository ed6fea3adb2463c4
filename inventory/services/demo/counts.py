"""The counts of the demo: two spot counts that are posted, and a full count that is going on."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid5

from devices.actors import Actor
from devices.models import Installation
from devices.services.enrollment import actor_of
from inventory.models import CountKind, CountSheet, Location, StockLevel, Stocktake, VarianceReason
from inventory.services.counting.decisions import decide_lines
from inventory.services.counting.entries import record_entry
from inventory.services.counting.sheets import create_sheet, submit_sheet
from inventory.services.counting.stocktakes import (
    approve_stocktake,
    close_stocktake,
    create_stocktake,
    open_stocktake,
    post_stocktake,
)

POLICY = {"recount": "optional"}


def seed_counts(
    installations: Sequence[Installation], *, actor: Actor, cold: Location, room: Location, shelves: Location
) -> None:
    """Two spot counts to the end, each by its counter, and a full one that begins at the shelves. `actor` decides."""
    first, second = (_Counter(installation, actor) for installation in installations)
    _count_to_the_end(first, "Cold cabinet, spot check", cold, short=1)
    _count_to_the_end(second, "Back room, spot check", room, short=3)
    going_on = first.stocktake("Autumn count", kind=CountKind.FULL)
    sheet = first.sheet(going_on, shelves)
    for level in first.levels(shelves)[::2]:
        first.count(sheet, level, max(level.quantity, Decimal(0)))


def _count_to_the_end(counter: _Counter, name: str, place: Location, *, short: int) -> None:
    """Counted, decided, approved and posted; one piece is missing of each of the `short` fullest levels."""
    done = counter.stocktake(name, kind=CountKind.SPOT, location=place)
    sheet = counter.sheet(done, place)
    levels = counter.levels(place)
    missing = sorted(levels, key=lambda level: -level.quantity)[:short]
    for level in levels:
        counter.count(sheet, level, max(level.quantity - (level in missing), Decimal(0)))
    submit_sheet(sheet, actor=counter.me)
    close_stocktake(done, actor=counter.actor)
    lines = list(done.lines.exclude(variance=0))
    decide_lines(done, lines, action="accept", actor=counter.actor, reason=VarianceReason.MISSING, note="Seen by two")
    approve_stocktake(done, actor=counter.actor)
    post_stocktake(done, actor=counter.actor)


class _Counter:
    """Who counts, on which device."""

    def __init__(self, installation: Installation, actor: Actor) -> None:
        self.installation, self.device, self.actor = installation, installation.device, actor
        self.me = actor_of(installation)

    def stocktake(self, name: str, *, kind: CountKind, location: Location | None = None) -> Stocktake:
        made = create_stocktake(
            device=self.device,
            actor=self.actor,
            id=uuid5(self.device.uuid, f"stocktake/{name}"),
            name=name,
            kind=kind,
            location_id=location.uuid if location else None,
            policy=POLICY,
        )
        return open_stocktake(made, actor=self.actor)

    def sheet(self, stocktake: Stocktake, location: Location) -> CountSheet:
        return create_sheet(
            device=self.device,
            actor=self.actor,
            id=uuid5(stocktake.uuid, f"sheet/{location.uuid}"),
            stocktake_id=stocktake.uuid,
            location_id=location.uuid,
            assigned_to=self.installation.uuid,
        )

    def levels(self, location: Location) -> Sequence[Any]:
        rows = StockLevel.objects.for_device(self.device).filter(location=location).exclude(quantity=0)
        return list(rows.select_related("product", "location", "lot").order_by("product__sku"))

    def count(self, sheet: CountSheet, level: Any, quantity: Decimal) -> None:
        record_entry(
            device=self.device,
            actor=self.me,
            id=uuid5(sheet.uuid, f"entry/{level.uuid}"),
            sheet_id=sheet.uuid,
            product_id=level.product.uuid,
            location_id=level.location.uuid,
            lot_id=level.lot.uuid if level.lot else None,
            quantity=quantity,
            installation=self.installation,
        )
