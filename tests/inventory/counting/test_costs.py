"""Counting many lines costs no more queries than counting a few."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from inventory.models import Product, Stocktake, StocktakeLine
from inventory.services.counting import decisions, stocktakes
from inventory.services.counting.judgement import CHUNK
from inventory.services.counting.scans import RawScan, record_scans
from inventory.services.movements import BATCH, build_movement, record_movements
from tests import factories
from tests.inventory.counting.desk import BOSS, Desk, operation

pytestmark = pytest.mark.django_db
FEW, MANY = 10, 250


def stocked(number: int) -> tuple[Desk, list[Product]]:
    """So many products with 5 each."""
    desk = Desk(recount="optional", case_over="1", not_counted="zero_with_approval")
    products = [desk.product, *(factories.make_product(desk.device) for _ in range(number - 1))]
    for start in range(0, number, BATCH):
        rows = [
            build_movement(
                device=desk.device, find=lambda model, **found: found["id"], default=lambda: desk.place,
                product_id=product, kind="receipt", quantity=Decimal(5),  # type: ignore[arg-type]
            )
            for product in products[start : start + BATCH]
        ]  # fmt: skip
        record_movements(device=desk.device, actor=BOSS, movements=rows)
    return desk, products


def measured(what: Callable[..., Any], *args: Any, **values: Any) -> int:
    """How many queries it takes."""
    seen = []

    def note(execute: Any, *query: Any) -> Any:
        seen.append(query[0])
        return execute(*query)

    with connection.execute_wrapper(note):
        what(*args, **values)
    return len(seen)


def day(number: int) -> dict[str, int]:
    """The queries of each step of a stocktake of so many lines, all of them 1 off."""
    desk, products = stocked(number)
    found = {"open": measured(desk.open)}
    sheet = desk.sheet()
    entries = [
        operation("count_entries", {"sheet_id": str(sheet.uuid), "product_id": str(product.uuid), "quantity": "3"})
        for product in products
    ]
    found["entries"] = measured(desk.push, *entries)
    codes = [factories.make_barcode(desk.device, product_id=product.uuid) for product in products[:5]]
    scans = [RawScan(code.value) for code in codes] * (number // 5)
    found["scans"] = measured(record_scans, desk.sheet(name="scans"), actor=desk.actors[0], scans=scans)
    found["close"] = measured(desk.close)
    lines = list(StocktakeLine.objects.filter(stocktake=desk.key))
    assert {line.state for line in lines} == {"variance"}
    on = {"actor": BOSS, "reason": "missing"}
    found["accept"] = measured(decisions.decide_lines, desk.stocktake, lines, action="accept", **on)
    stocktakes.approve_stocktake(desk.stocktake, actor=BOSS)
    found["post"] = measured(stocktakes.post_stocktake, desk.stocktake, actor=BOSS)
    assert desk.stocktake.state == "posted"
    found["reverse"] = measured(stocktakes.reverse_stocktake, desk.stocktake, actor=BOSS)
    return found


def test_queries_do_not_grow_with_the_lines() -> None:
    few, many = day(FEW), day(MANY)
    # Updates of many columns go in parts on SQLite, which bounds the parameters of a statement.
    parts = 12 if connection.vendor == "sqlite" else 0
    grown = {step: (few[step], many[step]) for step in few if many[step] > few[step] + parts}
    assert grown == {}


def test_more_than_a_chunk_goes_on_in_a_job(django_capture_on_commit_callbacks: Any) -> None:
    """500 lines in a transaction, the rest behind it, to the last."""
    desk, products = stocked(CHUNK + 20)
    with django_capture_on_commit_callbacks(execute=True):
        desk.open()
    assert StocktakeLine.objects.count() == len(products)
    with django_capture_on_commit_callbacks(execute=True):
        desk.close()
    assert desk.stocktake.state == "review"
    StocktakeLine.objects.update(state="accepted")
    stocktakes.approve_stocktake(desk.stocktake, actor=BOSS)
    with django_capture_on_commit_callbacks(execute=True):
        stocktakes.post_stocktake(desk.stocktake, actor=BOSS)
    assert (desk.stocktake.state, desk.level) == ("posted", 0)
    with django_capture_on_commit_callbacks(execute=True):
        stocktakes.reverse_stocktake(desk.stocktake, actor=BOSS)
    assert set(StocktakeLine.objects.values_list("state", flat=True)) == {"reversed"}
    assert Stocktake.objects.get().state == "reversed"
