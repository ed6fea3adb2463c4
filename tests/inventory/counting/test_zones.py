"""Zones add, passes compare; totals replace, scans add; zero, empty, not counted are different things."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from devices.errors import IdAlreadyUsed
from inventory.errors.counting import CountOfNothing
from inventory.models import CountEntry, Lot, StocktakeLine
from inventory.services.counting import sheets, stocktakes
from inventory.services.counting.entries import record_entry
from inventory.services.counting.preparation import scope_of
from inventory.services.levels import Bucket, line_uuid
from tests import factories
from tests.inventory.counting.desk import BOSS, Desk, after

pytestmark = pytest.mark.django_db


def begun(**policy: Any) -> Desk:
    desk = Desk(recount="optional", **policy)
    desk.stock(10, occurred_at=after(days=-1))
    desk.open()
    return desk


def test_zones_of_one_pass_add_up() -> None:
    desk = begun()
    desk.count(desk.sheet(name="top"), 6)
    desk.count(desk.sheet(name="ground"), 4, who=1)
    desk.close()
    assert (desk.line.state, desk.line.counted, desk.line.flags) == ("matched", 10, [])
    assert len(desk.line.counters) == 2


def test_two_sheets_of_one_zone_overlap_and_the_later_stands() -> None:
    desk = begun()
    desk.count(desk.sheet(name="Top "), 6)
    desk.count(desk.sheet(name="top"), 10, who=1)
    desk.close()
    assert (desk.line.state, desk.line.counted, desk.line.flags) == ("variance", 10, ["overlap"])
    (case,) = desk.cases("overlap")
    assert case.evidence["line_id"] == str(desk.line.uuid)


def test_passes_are_never_added() -> None:
    desk = begun()
    desk.count(desk.sheet(), 6)
    desk.close()
    line = desk.recounted(7)
    assert (line.counted, line.variance, line.pass_number) == (7, -3, 2)
    assert [(one["pass"], one["counted"]) for one in line.passes] == [(1, "6"), (2, "7")]


@pytest.mark.parametrize(
    ("steps", "total"),
    [
        ([("set", 3), ("set", 10)], 10),
        ([("add", 3), ("add", 4)], 7),
        ([("add", 3), ("set", 5), ("add", 1)], 6),
        ([("set", 5), ("set", 0)], 0),
    ],
)
def test_a_total_replaces_and_a_scan_adds(steps: list[tuple[str, int]], total: int) -> None:
    desk = begun()
    sheet = desk.sheet()
    for mode, quantity in steps:
        desk.count(sheet, quantity, mode=mode)
    desk.close()
    assert desk.line.counted == total
    assert CountEntry.objects.count() == len(steps)


def test_a_total_replaces_only_what_its_own_sheet_said() -> None:
    desk = begun()
    top, ground = desk.sheet(name="top"), desk.sheet(name="ground")
    desk.count(top, 6)
    desk.count(ground, 1)
    desk.count(ground, 4)
    desk.close()
    assert desk.line.counted == 10


def test_in_a_retried_push_the_later_number_is_the_correction() -> None:
    """The first total was refused for a while; it does not replace the one that was typed after it."""
    desk = begun()
    sheet = desk.sheet()
    first = desk.counts(sheet, 4, after(), base=desk.head, sequence=1)
    desk.push({**first, "data": {**first["data"], "location_id": str(uuid4())}})
    desk.push(desk.counts(sheet, 9, after(minutes=1), base=desk.head, sequence=2))
    desk.push(first)
    desk.close()
    assert desk.line.counted == 9


def test_zero_is_a_count() -> None:
    desk = begun()
    desk.count(desk.sheet(), 0)
    desk.close()
    assert (desk.line.state, desk.line.counted, desk.line.variance) == ("variance", 0, -10)


def test_an_empty_place_is_zero_for_all_that_the_pass_did_not_count_there() -> None:
    desk = begun()
    other = factories.make_product(desk.device)
    desk.stock(3, product_id=other.uuid)
    sheet = desk.sheet()
    desk.count(sheet, 10)
    empty = record_entry(device=desk.device, actor=BOSS, sheet_id=sheet.uuid, mode="empty")
    assert (str(empty), empty.location, empty.product) == ("empty", desk.place, None)
    late = factories.make_product(desk.device)
    desk.stock(2, product_id=late.uuid)  # it gets its line at the evaluation, and comes after the look
    desk.close()
    found = {
        line.product.uuid: (line.counted, line.expected) for line in StocktakeLine.objects.select_related("product")
    }
    assert found == {desk.product.uuid: (10, 10), other.uuid: (0, 3), late.uuid: (0, 0)}


@pytest.mark.parametrize(
    "values",
    [
        {"product": False, "mode": "set"},
        {"product": True, "mode": "empty"},
        {"product": False, "mode": "empty", "quantity": Decimal(1)},
    ],
)
def test_a_count_of_nothing_is_refused(values: dict[str, Any]) -> None:
    desk = begun()
    sheet = desk.sheet()
    product = {"product_id": desk.product.uuid} if values.pop("product") else {}
    before = desk.head
    with pytest.raises(CountOfNothing):
        record_entry(device=desk.device, actor=BOSS, sheet_id=sheet.uuid, **product, **values)
    assert (CountEntry.objects.count(), desk.line.state, desk.head) == (0, "to_count", before)


def test_a_serial_is_one_piece() -> None:
    desk = begun()
    lot = factories.make_lot(desk.device, product_id=desk.product.uuid, code="S1", kind=Lot.Kind.SERIAL)
    for name in ("top", "ground"):
        desk.count(desk.sheet(name=name), 1, lot_id=lot.uuid)
    desk.close()
    line = StocktakeLine.objects.get(lot=lot)
    assert (line.counted, line.flags, line.state) == (1, ["serial_again"], "variance")
    assert len(desk.cases("serial_in_two_places")) == 1


def test_lots_are_buckets_of_their_own() -> None:
    desk = begun()
    lot = factories.make_lot(desk.device, product_id=desk.product.uuid)
    sheet = desk.sheet()
    desk.count(sheet, 10)
    desk.count(sheet, 2, lot_id=lot.uuid)
    desk.close()
    assert StocktakeLine.objects.get(lot=None).state == "matched"
    assert StocktakeLine.objects.get(lot=lot).variance == 2


def test_lines_are_made_for_what_is_in_scope_and_never_twice() -> None:
    desk = Desk()
    inner = factories.make_location(desk.device, parent_id=desk.place.uuid)
    outer = factories.make_location(desk.device)
    dairy = factories.make_category(desk.device)
    milk = factories.make_product(desk.device, category_id=dairy.uuid)
    for place in (inner, outer):
        for product in (milk, desk.product):
            desk.stock(1, product_id=product.uuid, to_location_id=place.uuid)
    stocktakes.update_stocktake(
        desk.stocktake, actor=BOSS, changes={"location_id": desk.place.uuid, "category_id": dairy.uuid}
    )
    assert [level.location for level in scope_of(desk.stocktake)] == [inner]
    desk.open()
    desk.count(desk.sheet(), 1, product_id=milk.uuid, location_id=inner.uuid)
    desk.close()
    (line,) = StocktakeLine.objects.all()
    assert line.uuid == line_uuid(desk.stocktake, Bucket(milk, inner, None))
    assert line.state == "matched"


def test_what_was_counted_on_an_abandoned_sheet_was_not_counted() -> None:
    desk = begun(not_counted="recount")
    sheet = desk.sheet()
    desk.count(sheet, 4)
    assert desk.line.state == "counted"
    sheets.abandon_sheet(CountEntry.objects.get().sheet, actor=BOSS)
    desk.close()
    assert (desk.line.state, desk.line.counted, desk.line.passes) == ("recount", None, [])


def test_an_id_of_an_entry_is_used_once() -> None:
    desk = begun()
    entry = desk.count(desk.sheet(), 10)
    with pytest.raises(IdAlreadyUsed):
        desk.count(entry.sheet, 11, id=entry.uuid)
    assert CountEntry.objects.get().quantity == 10
