"""Sheets of one pass add up where their zones are apart; where they coincide or nest, the line is flagged."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.models import CountSheet, Location, StocktakeLine
from inventory.services.counting.entries import record_entry
from tests import factories
from tests.inventory.counting.desk import BOSS, Desk, after
from tests.inventory.counting.test_costs import measured

pytestmark = pytest.mark.django_db


class Hall(Desk):
    """A shop with a hall, two aisles in it and a rack in the first; 10 lie in the rack."""

    def __init__(self) -> None:
        super().__init__(recount="optional")
        self.hall = factories.make_location(self.device, name="Hall")
        self.aisle, self.other = (factories.make_location(self.device, parent_id=self.hall.uuid) for _ in range(2))
        self.rack = factories.make_location(self.device, parent_id=self.aisle.uuid)
        self.places = {"hall": self.hall, "aisle": self.aisle, "other": self.other, "rack": self.rack, "": None}
        self.stock(10, to_location_id=self.rack.uuid, occurred_at=after(days=-1))
        self.open()

    def zone(self, place: str, name: str = "") -> CountSheet:
        found: Location | None = self.places[place]
        return self.sheet(name=name, location_id=found.uuid if found else None)

    def counts_rack(self, zone: tuple[str, str], quantity: int, who: int = 0) -> None:
        self.count(self.zone(*zone), quantity, who=who, location_id=self.rack.uuid)

    def says_empty(self, zone: tuple[str, str], **values: Any) -> None:
        record_entry(device=self.device, actor=BOSS, sheet_id=self.zone(*zone).uuid, mode="empty", **values)


@pytest.mark.parametrize(
    ("one", "two", "overlap"),
    [
        (("rack", ""), ("rack", ""), True),
        (("rack", "Top"), ("rack", " top "), True),
        (("hall", ""), ("aisle", ""), True),  # one holds the other
        (("rack", ""), ("hall", ""), True),  # also two levels below
        (("hall", "Ann"), ("aisle", "Ben"), True),  # whatever they are called
        (("", ""), ("aisle", ""), True),  # no location: everywhere
        (("rack", ""), ("", "Zone 1"), True),
        (("rack", ""), ("rack", "top"), True),  # no name: all of it
        (("", ""), ("", "top"), True),
        (("rack", "top"), ("rack", "ground"), False),
        (("", "top"), ("", "ground"), False),
        (("aisle", ""), ("other", ""), False),
    ],
)
def test_only_zones_that_are_apart_add_up(one: tuple[str, str], two: tuple[str, str], *, overlap: bool) -> None:
    desk = Hall()
    desk.counts_rack(one, 4)
    desk.counts_rack(two, 6, who=1)
    desk.close()
    line = desk.line
    if not overlap:
        assert (line.state, line.counted, line.flags, desk.cases("overlap")) == ("matched", 10, [], [])
        return
    assert (line.state, line.counted, line.variance, line.flags) == ("variance", 6, -4, ["overlap"])
    (case,) = desk.cases("overlap")
    assert (case.evidence["line_id"], "overlapping zones" in case.summary) == (str(line.uuid), True)
    assert desk.level == 10


def test_the_parts_that_were_counted_after_the_whole_stand_together() -> None:
    desk = Hall()
    for zone, quantity in ((("rack", "top"), 4), (("hall", ""), 9), (("rack", "ground"), 6)):
        desk.counts_rack(zone, quantity)
    desk.close()
    assert (desk.line.counted, desk.line.flags) == (10, ["overlap"])
    desk.recounted(10, location_id=desk.rack.uuid)
    assert (desk.line.counted, desk.line.flags, desk.line.state) == (10, [], "matched")


def test_zones_that_nest_in_other_passes_are_compared_as_ever() -> None:
    desk = Hall()
    desk.counts_rack(("hall", ""), 7)
    desk.close()
    desk.recounted(10, location_id=desk.rack.uuid)
    assert (desk.line.counted, desk.line.flags, [one["counted"] for one in desk.line.passes]) == (10, [], ["7", "10"])


@pytest.mark.parametrize(
    ("counting", "looking", "beyond", "flags"),
    [
        (("hall", ""), ("rack", ""), False, ["overlap"]),
        (("hall", ""), ("other", ""), True, ["overlap"]),  # it looked beyond its zone
        (("rack", "top"), ("rack", "ground"), False, []),  # each speaks for its part
        (("aisle", ""), ("", ""), True, ["overlap"]),
    ],
)
def test_empty_never_stands_against_a_count(
    counting: tuple[str, str], looking: tuple[str, str], *, beyond: bool, flags: list[str]
) -> None:
    """Neither before it nor after it: whoever counted something had it in hand."""
    for first in (True, False):
        desk = Hall()
        where = {"location_id": desk.rack.uuid} if beyond else {}
        if first:
            desk.says_empty(looking, **where)
        desk.counts_rack(counting, 10)
        if not first:
            desk.says_empty(looking, **where)
        desk.close()
        assert (desk.line.counted, desk.line.flags) == (10, flags), first
        assert len(desk.cases("overlap")) == len(flags)


def test_the_sheet_that_counted_may_say_that_nothing_else_is_there() -> None:
    desk = Hall()
    sheet = desk.zone("rack")
    desk.count(sheet, 10)
    record_entry(device=desk.device, actor=BOSS, sheet_id=sheet.uuid, mode="empty")
    desk.close()
    assert (desk.line.state, desk.line.flags) == ("matched", [])


def test_a_deep_tree_costs_a_query_a_level_for_all_lines() -> None:
    desk = Hall()
    products = [desk.product, *(factories.make_product(desk.device) for _ in range(9))]
    top, ground = desk.zone("hall"), desk.zone("aisle")
    for product in products:
        for sheet in (top, ground):
            desk.count(sheet, 1, product_id=product.uuid, location_id=desk.rack.uuid)
    many = measured(desk.close)
    assert StocktakeLine.objects.filter(flags=["overlap"]).count() == 10
    few = Hall()
    few.counts_rack(("hall", ""), 1)
    few.counts_rack(("aisle", ""), 1)
    parts = 12  # SQLite writes many columns in parts
    assert many <= measured(few.close) + parts
