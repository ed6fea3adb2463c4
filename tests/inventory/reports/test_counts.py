"""Reports on stocktakes: the variance of one, the accuracy of many."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from devices.actors import Actor
from devices.models import Device
from devices.services.enrollment import Enrolled
from inventory.models import Product, Stocktake, StocktakeLine
from inventory.reports.registry import REPORTS
from inventory.reports.scope import open_scope
from inventory.services.counting import decisions, entries, sheets, stocktakes
from tests import factories
from tests.factories import make_location, make_lot, make_movement, make_product
from tests.inventory.reports.asking import Reports, reports

__all__ = ["reports"]
BOSS = Actor("staff", "0192f0c4-0000-7000-8000-000000000001", "Boss")
D = Decimal


@pytest.fixture
def counted(enrolled: Enrolled) -> Stocktake:
    """Tea: 10 expected, 7 counted; nuts as expected; oil in a lot not counted; salt found."""
    device, me = enrolled.installation.device, factories.actor(enrolled.installation)
    products = {name: make_product(device, name=name, unit_cost=D("2.5")) for name in ("Tea", "Nuts", "Oil", "Salt")}
    lot = make_lot(device, product_id=products["Oil"].uuid, code="L1")
    for name, lot_id in (("Tea", None), ("Nuts", None), ("Oil", lot.uuid)):
        make_movement(device, product_id=products[name].uuid, quantity=D(10), lot_id=lot_id)
    found = stocktakes.create_stocktake(device=device, actor=BOSS, name="Autumn", policy={"recount": "optional"})
    stocktakes.open_stocktake(found, actor=BOSS)
    sheet = sheets.create_sheet(device=device, actor=BOSS, stocktake_id=found.uuid)
    for name, quantity in (("Tea", 7), ("Nuts", 10), ("Salt", 2)):
        entries.record_entry(
            device=device, actor=me, sheet_id=sheet.uuid, product_id=products[name].uuid, quantity=D(quantity),
            installation=enrolled.installation,
        )  # fmt: skip
    sheet.refresh_from_db()
    sheets.submit_sheet(sheet, actor=me)
    stocktakes.close_stocktake(found, actor=BOSS)
    decisions.accept_line(StocktakeLine.objects.get(product=products["Tea"]), actor=BOSS, reason="missing")
    found.refresh_from_db()
    assert found.state == Stocktake.State.REVIEW
    return found


def test_what_is_counted_shows_before_it_is_compared(reports: Reports, enrolled: Enrolled) -> None:
    device = enrolled.installation.device
    tea, _ = (make_movement(device, product_id=make_product(device).uuid, quantity=D(10)).product for _ in range(2))
    found = stocktakes.create_stocktake(device=device, actor=BOSS, name="Autumn")
    stocktakes.open_stocktake(found, actor=BOSS)
    sheet = sheets.create_sheet(device=device, actor=BOSS, stocktake_id=found.uuid)
    entries.record_entry(
        device=device, actor=BOSS, sheet_id=sheet.uuid, product_id=tea.uuid, quantity=D(7),
        installation=enrolled.installation,
    )  # fmt: skip
    sheet.refresh_from_db()
    sheets.submit_sheet(sheet, actor=BOSS)
    figures = reports.json("stocktake_variance")["figures"]
    assert (figures["Counted"], figures["As expected"]) == ("1 of 2 lines", "–")


def test_the_variance_of_the_newest_stocktake(reports: Reports, counted: Stocktake) -> None:
    columns = ("product", "lot", "expected", "counted", "variance", "value", "reason", "decided_by")
    assert reports.rows("stocktake_variance", *columns) == [
        ("Nuts", "", "10", "10", "0", "0", "", ""),
        ("Oil", "L1", "10", None, None, None, "", ""),
        ("Salt", "", "0", "2", "2", "5", "", ""),
        ("Tea", "", "10", "7", "-3", "-7.5", "Missing", "Boss"),
    ]
    found = reports.json("stocktake_variance")
    assert found["totals"] == {"value": "-2.5"}
    assert found["figures"] == {
        "Counted": "3 of 4 lines", "As expected": "33.3 %", "Missing, EUR": "−7.50", "Surplus, EUR": "5.00",
    }  # fmt: skip
    assert (found["facts"]["Stocktake"], found["facts"]["State"]) == ("Autumn (full)", "Review")
    assert "As expected" not in reports.json("stocktake_variance", lines="missing")["figures"]
    text = reports.text("stocktake_variance")
    assert "Variance by reason" in text
    assert "Lines by state" in text


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ("all", ["Nuts", "Oil", "Salt", "Tea"]), ("variance", ["Salt", "Tea"]), ("missing", ["Tea"]),
        ("surplus", ["Salt"]), ("unexpected", ["Salt"]), ("misplaced", []), ("matched", ["Nuts"]),
        ("not_counted", ["Oil"]),
    ],
)  # fmt: skip
def test_the_lists_that_stock_controllers_ask_for(
    reports: Reports, counted: Stocktake, lines: str, names: list[str]
) -> None:
    asked = {"lines": lines, "stocktake_id": str(counted.uuid)}
    assert [row[0] for row in reports.rows("stocktake_variance", "product", **asked)] == names


def test_who_approved_it_is_said(reports: Reports, counted: Stocktake) -> None:
    Stocktake.objects.filter(pk=counted.pk).update(approved_by="Boss")
    assert reports.json("stocktake_variance")["facts"]["Approved by"] == "Boss"


def test_a_product_without_a_cost_has_no_value(reports: Reports, counted: Stocktake) -> None:
    Product.objects.update(unit_cost=None)
    found = reports.json("stocktake_variance", lines="variance")
    assert [row["value"] for row in found["rows"]] == [None, None]
    assert found["totals"] == {"value": "0"}
    assert reports.rows("count_accuracy", "net_value", "gross_value") == [("0", "0")]


def test_a_foreign_stocktake_is_missing(reports: Reports, other: Device, counted: Stocktake) -> None:
    foreign = factories.make_stocktake(other)
    answer = reports.api.post("/v1/reports", {"report": "stocktake_variance", "stocktake_id": str(foreign.uuid)})
    assert (answer.status_code, answer.json()["internal_code"]) == (404, "reference_not_found")


def test_accuracy(reports: Reports, counted: Stocktake) -> None:
    columns = ("stocktake", "state", "lines", "counted", "exact", "accuracy", "missing", "surplus")
    assert reports.rows("count_accuracy", *columns) == [("Autumn", "Review", 4, 3, 1, "33.33", 1, 1)]
    assert reports.rows("count_accuracy", "net_value", "gross_value") == [("-2.5", "12.5")]
    found = reports.json("count_accuracy", from_day="2020-01-01", to_day=str(timezone.localdate()))
    assert found["figures"] == {
        "Accuracy": "33.3 %", "Lines counted": "3", "Net variance, EUR": "−2.50", "Gross variance, EUR": "12.50",
    }  # fmt: skip
    assert reports.rows("count_accuracy", "stocktake", to_day="2020-01-01") == []
    empty = factories.make_stocktake(counted.device, name="Empty")
    Stocktake.objects.filter(pk=empty.pk).update(state="closed", closed_at=timezone.now())
    StocktakeLine.objects.filter(stocktake=empty).update(deleted_at=timezone.now())
    again = factories.make_stocktake(counted.device, name="Again")
    Stocktake.objects.filter(pk=again.pk).update(state="closed", closed_at=timezone.now())
    StocktakeLine.objects.filter(stocktake=again).update(counted=D(1), variance=D(0))
    assert reports.rows("count_accuracy", "stocktake", "accuracy") == [
        ("Autumn", "33.33"), ("Empty", None), ("Again", "100"),
    ]  # fmt: skip
    assert "Accuracy" in reports.text("count_accuracy")


def test_everyone(reports: Reports, counted: Stocktake, other: Device) -> None:
    factories.make_stocktake(other)
    found = reports.everyone("stocktake_variance")
    assert [(row["device"], row["product"]) for row in found["rows"]][-1] == ("Scanner", "Tea")
    assert "Stocktake" not in found["facts"]
    assert [row["device"] for row in reports.everyone("count_accuracy")["rows"]] == ["Scanner"]


@pytest.mark.parametrize("name", ["stocktake_variance", "count_accuracy"])
def test_queries_do_not_grow_with_the_lines(device: Device, name: str) -> None:
    def queries() -> int:
        asked: dict[str, Any] = {"lines": "all"}
        with CaptureQueriesContext(connection) as captured:
            assert list(REPORTS[name].build(open_scope(device), asked))
        return len(captured)

    def stock(number: int) -> None:
        for _ in range(number):
            make_movement(device, to_location_id=make_location(device).uuid)
        factories.make_stocktake(device)
        Stocktake.objects.update(state="closed", closed_at=timezone.now())
        StocktakeLine.objects.update(counted=D(1), variance=D(0))

    stock(1)
    few = queries()
    stock(4)
    assert queries() == few
