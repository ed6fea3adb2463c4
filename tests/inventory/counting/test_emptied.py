"""A place that was confirmed empty: all that the book had there is missing, whether it had a line or not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from inventory.models import CountSheet, Lot, Product, StockLevel, StocktakeLine
from inventory.services.counting import decisions, sheets, stocktakes
from inventory.services.counting.late import absorb_movement
from inventory.services.ledger import prove_ledger
from tests import factories
from tests.inventory.counting.desk import BOSS, Desk, after, operation
from tests.inventory.counting.test_costs import measured

pytestmark = pytest.mark.django_db


class Shelf(Desk):
    """A shop with a bay that holds nothing when the stocktake is opened; the till (1) has pulled all of that."""

    def __init__(self, **scope: Any) -> None:
        super().__init__(recount="optional")
        self.bay = factories.make_location(self.device, name="Bay")
        stocktakes.update_stocktake(self.stocktake, actor=BOSS, changes=scope)
        self.stock(10, occurred_at=after(days=-1))
        self.open()
        self.paper = self.sheet()
        self.base = self.head

    def moved(self, quantity: int, minutes: int, product: Product | None = None, **data: Any) -> None:
        """The till moved so many into the bay (< 0: out of it)."""
        op = self.moves(quantity, after(minutes=minutes))
        side = "to_location_id" if quantity > 0 else "from_location_id"
        product = product or self.product
        op["data"] |= {side: str(self.bay.uuid), "product_id": str(product.uuid), **data}
        assert self.push(op, who=1).results[0].status == "applied"

    def looks(self, sheet: CountSheet | None = None, minutes: int = 0) -> None:
        """The scanner (0) looked at the bay and saw nothing."""
        data = {"sheet_id": str((sheet or self.paper).uuid), "location_id": str(self.bay.uuid), "mode": "empty"}
        told = {"counted_at": after(minutes=minutes).isoformat(), "base_revision": self.base}
        assert self.push(operation("count_entries", {**data, **told})).results[0].status == "applied"

    def told(self) -> dict[str, tuple[Any, ...]]:
        """The lines of the bay."""
        lines = StocktakeLine.objects.filter(stocktake=self.key, location=self.bay).select_related("product")
        return {line.product.name: (line.state, line.expected, line.counted, line.flags) for line in lines}


def test_what_came_there_since_the_lines_were_made_is_missing() -> None:
    desk = Shelf()
    desk.moved(4, -30)
    desk.looks()
    desk.close()
    assert desk.told() == {"Oat milk": ("variance", 4, 0, [])}


def test_also_what_the_book_has_no_more() -> None:
    """4 came before the look and went again after it: the look says that they were not there."""
    desk = Shelf()
    desk.moved(4, -30)
    desk.looks()
    desk.moved(-4, 30)
    assert StockLevel.objects.get(location=desk.bay).quantity == 0
    desk.close()
    assert desk.told() == {"Oat milk": ("variance", 4, 0, [])}
    decisions.accept_line(StocktakeLine.objects.get(location=desk.bay), actor=BOSS, reason="missing")
    decisions.decide_lines(desk.stocktake, list(StocktakeLine.objects.filter(state="variance")), action="reject",
                           actor=BOSS)  # fmt: skip
    desk.post()
    assert StockLevel.objects.get(location=desk.bay).quantity == -4


def test_what_nobody_can_tell_is_in_doubt() -> None:
    desk = Shelf()
    desk.moved(4, -1)
    desk.looks()
    desk.moved(-4, 30)
    desk.close()
    assert desk.told() == {"Oat milk": ("variance", 0, 0, ["ambiguous"])}


def test_what_came_and_went_long_before_the_look_has_no_line() -> None:
    desk = Shelf()
    desk.moved(4, -60)
    desk.moved(-4, -50)
    desk.base = desk.head
    desk.looks()
    desk.close()
    assert desk.told() == {}


def test_a_lot_that_lies_there_is_not_the_bucket_without_one() -> None:
    desk = Shelf()
    lot: Lot = factories.make_lot(desk.device, product_id=desk.product.uuid)
    desk.moved(4, -30, lot_id=str(lot.uuid))
    desk.looks()
    desk.moved(-4, 30, lot_id=str(lot.uuid))
    desk.close()
    line = StocktakeLine.objects.get(location=desk.bay)
    assert (line.lot, line.variance) == (lot, -4)


def test_beyond_the_stocktakes_place_but_not_beyond_its_category() -> None:
    """Looked at is looked at, wherever; of other products than those that are counted it says nothing."""
    desk = Shelf()
    dairy = factories.make_category(desk.device)
    milk = factories.make_product(desk.device, name="Milk", category_id=dairy.uuid)
    made = stocktakes.create_stocktake(
        device=desk.device, actor=BOSS, name="Dairy", location_id=desk.place.uuid, category_id=dairy.uuid
    )
    desk.key, desk.stocktake_id = made.pk, made.uuid
    desk.open()
    for product in (milk, desk.product):
        desk.moved(4, -30, product)
    desk.looks(desk.sheet())
    desk.close()
    assert desk.told() == {"Milk": ("variance", 4, 0, [])}


def test_what_is_late_comes_to_light_before_posting() -> None:
    desk = Shelf()
    desk.looks()
    desk.close()
    decisions.excuse_line(desk.line, actor=BOSS)
    assert desk.told() == {}
    desk.moved(4, -30)
    desk.moved(3, 30, factories.make_product(desk.device, name="Rice"))
    desk.moved(-4, 60)
    stocktakes.approve_stocktake(desk.stocktake, actor=BOSS)
    stocktakes.post_stocktake(desk.stocktake, actor=BOSS)
    assert desk.stocktake.state == "review"
    assert desk.told() == {"Oat milk": ("variance", 4, 0, []), "Rice": ("posted", 0, 0, [])}
    assert StockLevel.objects.get(location=desk.bay, product=desk.product).quantity == 0
    decisions.accept_line(StocktakeLine.objects.get(location=desk.bay, state="variance"), actor=BOSS, reason="missing")
    desk.post()
    assert desk.stocktake.state == "posted"
    assert StockLevel.objects.get(location=desk.bay, product=desk.product).quantity == -4


@pytest.mark.parametrize("how", ["abandoned", "late"])
def test_a_word_that_does_not_count_adds_nothing(how: str) -> None:
    desk = Shelf()
    desk.moved(4, -30)
    if how == "abandoned":
        desk.looks()
        sheets.abandon_sheet(CountSheet.objects.get(), actor=BOSS)
    else:
        sheets.submit_sheet(desk.paper, actor=BOSS)
        desk.looks()
    desk.moved(-4, 30)
    desk.close()
    assert desk.told() == {}


def test_many_buckets_cost_what_few_do() -> None:
    costs = []
    for number in (2, 40):
        desk = Shelf()
        for product in (factories.make_product(desk.device) for _ in range(number)):
            desk.stock(4, product_id=product.uuid, to_location_id=desk.bay.uuid, occurred_at=after(minutes=-30))
        desk.looks()
        costs.append(measured(desk.close))
        lines = StocktakeLine.objects.filter(location=desk.bay)
        assert {(line.state, line.variance) for line in lines} == {("variance", Decimal(-4))}
        assert lines.count() == number
    assert costs[1] <= costs[0] + 2  # SQLite writes many columns in parts


def posted(desk: Shelf) -> None:
    """What the shop itself held was not counted; the empty bay is all that the stocktake says."""
    desk.close()
    decisions.excuse_line(desk.line, actor=BOSS)
    desk.post()
    assert desk.stocktake.state == "posted"
    assert desk.told() == {}


def test_what_comes_late_after_posting_has_a_case_and_can_be_absorbed() -> None:
    desk = Shelf()
    desk.looks()
    posted(desk)
    desk.moved(4, -30)
    assert desk.told() == {"Oat milk": ("posted", 0, 0, [])}
    line = StocktakeLine.objects.get(location=desk.bay)
    assert line.counters == [f"installation:{desk.installations[0].uuid}"]
    assert line in StocktakeLine.objects.matched()
    (case,) = desk.cases("late_movement")
    assert case.evidence["quantity"] == "4"
    absorb_movement(case, actor=BOSS)
    assert StockLevel.objects.get(location=desk.bay).quantity == 0
    assert prove_ledger(desk.device).drifts == []


def test_what_happened_after_the_look_has_neither_line_nor_case() -> None:
    desk = Shelf()
    desk.looks()
    posted(desk)
    desk.moved(4, 30)
    assert (desk.told(), desk.cases("late_movement")) == ({}, [])


def test_of_several_late_ones_the_second_finds_the_line() -> None:
    desk = Shelf()
    desk.looks()
    posted(desk)
    desk.moved(4, -30)
    desk.moved(3, -20)
    assert len(desk.cases("late_movement")) == 2
    assert StocktakeLine.objects.filter(location=desk.bay).count() == 1


@pytest.mark.parametrize(("inside", "cases"), [(True, 1), (False, 0)])
def test_a_stocktake_of_a_category_says_nothing_of_others(*, inside: bool, cases: int) -> None:
    desk = Shelf()
    drinks = factories.make_category(desk.device)
    below = factories.make_category(desk.device, parent_id=drinks.uuid)
    made = stocktakes.create_stocktake(device=desk.device, actor=BOSS, name="Drinks", category_id=drinks.uuid)
    desk.key, desk.stocktake_id = made.pk, made.uuid
    desk.open()
    desk.looks(desk.sheet())
    desk.close()
    desk.post()
    goods = [factories.make_product(desk.device, category_id=below.uuid if inside else None) for _ in range(2)]
    where = {"to_location_id": str(desk.bay.uuid)}
    late = [desk.moves(4, after(minutes=-30)) for _ in goods]
    for op, product in zip(late, goods, strict=True):
        op["data"] |= {**where, "product_id": str(product.uuid)}
    assert {result.status for result in desk.push(*late, who=1).results} == {"applied"}
    assert len(desk.cases("late_movement")) == cases * 2
    assert StocktakeLine.objects.filter(stocktake=desk.key).count() == cases * 2


def test_the_last_look_of_a_stocktake_decides() -> None:
    desk = Shelf()
    desk.looks(minutes=-60)
    desk.looks(desk.sheet(name="Again"), minutes=0)
    posted(desk)
    desk.moved(4, -30)
    line = StocktakeLine.objects.get(location=desk.bay)
    assert line.counted_at == after(minutes=0)
    assert len(desk.cases("late_movement")) == 1
