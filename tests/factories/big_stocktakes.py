"""A stocktake of thousands of lines, quickly: for the kill test and for bin/bench."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from devices.actors import system
from devices.models import Device
from devices.services.enrollment import Wish, register_device
from devices.services.owned import insert_many_owned
from inventory.models import CountEntry, CountSheet, Location, Product, StockMovement, Stocktake
from inventory.services.counting.entries import placing, record_entries
from inventory.services.counting.sheets import create_sheet, submit_sheet
from inventory.services.counting.stocktakes import create_stocktake, open_stocktake
from inventory.services.locations import default_location
from inventory.services.movements import BATCH, record_movements

ME = system("counter")


def make_big_stocktake(lines: int, *, moved_since: bool = False) -> Stocktake:
    """A new device whose sheet is submitted: each product had 10 pieces, and every second count says 9.

    `moved_since`: one piece of each has left after it was counted.
    """
    device = register_device(Wish(name="Big")).installation.device
    place = default_location(device)
    made = create_stocktake(device=device, actor=ME, name="Big", policy={"tolerance": "1"})
    stocktake = open_stocktake(made, actor=ME)
    sheet = create_sheet(device=device, actor=ME, stocktake_id=stocktake.uuid)
    for start in range(0, lines, BATCH):
        with transaction.atomic():
            goods = [
                Product(device=device, uuid=uuid7(), name=f"P{number}")
                for number in range(start, min(start + BATCH, lines))
            ]
            insert_many_owned(goods, device=device, actor=ME)
            _move(device, goods, kind="receipt", quantity=Decimal(10), to_location=place)
            _count(sheet, goods, place)
            if moved_since:
                _move(device, goods, kind="issue", quantity=Decimal(1), from_location=place)
    submit_sheet(sheet, actor=ME)
    return stocktake


def _move(device: Device, goods: list[Product], **values: Any) -> None:
    now = timezone.now()
    common = {"device": device, "occurred_at": now, "received_at": now, **values}
    moved = [StockMovement(uuid=uuid7(), product=product, **common) for product in goods]
    record_movements(device=device, actor=ME, movements=moved)


def _count(sheet: CountSheet, goods: list[Product], place: Location) -> None:
    values = placing(position=None, counted_at=None, base_revision=None)
    found = [
        CountEntry(
            device=sheet.device,
            uuid=uuid7(),
            sheet=sheet,
            product=product,
            location=place,
            mode="set",
            quantity=Decimal(9 if number % 2 else 10),
            **values,
        )
        for number, product in enumerate(goods)
    ]
    record_entries(device=sheet.device, actor=ME, entries=found)
