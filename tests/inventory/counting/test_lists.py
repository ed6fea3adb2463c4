"""The lists of lines that stock controllers ask for."""

from __future__ import annotations

import pytest

from inventory.models import Stocktake, StocktakeLine
from inventory.reports.count_progress import progress_of
from inventory.services.counting import decisions
from tests import factories
from tests.inventory.counting.desk import BOSS, Desk, after

pytestmark = pytest.mark.django_db


def test_every_line_is_in_the_lists_it_belongs_to() -> None:
    desk = Desk(recount="optional")
    names = ("matched", "missing", "surplus", "left")
    products = {name: factories.make_product(desk.device, name=name) for name in names}
    bay = factories.make_location(desk.device)
    for product in products.values():
        desk.stock(10, product_id=product.uuid)
    desk.open()
    sheet = desk.sheet()
    for name, quantity in (("matched", 10), ("missing", 7), ("surplus", 12)):
        desk.count(sheet, quantity, product_id=products[name].uuid)
    for name in ("missing", "matched"):
        desk.count(sheet, 3, product_id=products[name].uuid, location_id=bay.uuid)
    desk.close()

    def listed(name: str) -> set[str]:
        return {str(line) for line in getattr(StocktakeLine.objects, name)().select_related("product", "location")}

    assert listed("matched") == {"matched at Main"}
    assert listed("missing") == {"missing at Main"}
    assert listed("surplus") == {"surplus at Main", f"missing at {bay}", f"matched at {bay}"}
    assert listed("unexpected") == {f"missing at {bay}", f"matched at {bay}"}
    assert listed("misplaced") == {f"missing at {bay}"}
    assert listed("not_counted") == {"left at Main"}
    assert listed("waiting") == {"missing at Main", "left at Main", *listed("surplus")}


def test_what_waits_for_its_evaluation_is_counted_and_an_assumed_zero_is_not() -> None:
    desk = Desk(not_counted="zero_with_approval")
    tea = factories.make_product(desk.device, name="Tea")
    for product in (desk.product, tea):
        desk.stock(10, product_id=product.uuid)
    desk.open()
    desk.count(desk.sheet(), 10)
    figures = []
    for evaluated in (False, True):
        if evaluated:
            desk.close()
        left = StocktakeLine.objects.not_counted().select_related("product")
        row = Stocktake.objects.with_counts().get(pk=desk.stocktake.pk)
        shown = progress_of(desk.stocktake)
        figures.append(([line.product.name for line in left], row.counted_count, shown.counted, shown.total))
    assert figures == [(["Tea"], 1, 1, 2)] * 2
    assert set(StocktakeLine.objects.values_list("product__name", "state", "counted")) == {
        ("Oat milk", "matched", 10),
        ("Tea", "variance", 0),
    }


def test_what_a_person_must_look_at_is_matched_once_it_is_decided() -> None:
    desk = Desk(independent_counter=True)
    desk.push(desk.moves(10, after(days=-1)))
    desk.counted(10)
    assert (desk.line.state, desk.line.variance, desk.line.flags) == ("variance", 0, ["not_independent"])
    assert not StocktakeLine.objects.matched().exists()
    decisions.accept_line(desk.line, actor=BOSS, reason="recounted")
    assert StocktakeLine.objects.matched().get() == desk.line


def test_an_assumed_zero_over_the_limit_has_a_case() -> None:
    desk = Desk(not_counted="zero_with_approval", case_over="3")
    desk.stock(42)
    desk.open()
    desk.sheet()
    desk.close()
    assert (desk.line.variance, desk.line.flags) == (-42, ["assumed_zero"])
    (case,) = desk.cases("variance_over_limit")
    assert (case.evidence["counted"], case.evidence["expected"]) == ("0", "42")
