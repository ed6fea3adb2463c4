"""`manage.py seed_demo`: believable, exact, the same twice."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from django.core.management import call_command
from django.db.models import Sum

from devices.models import Device, Event
from inventory.formats.gtin import has_valid_check_digit
from inventory.models import (
    Barcode,
    Case,
    Location,
    Lot,
    Product,
    StockLevel,
    StockMovement,
    Stocktake,
    StocktakeLine,
    Task,
)
from inventory.reports.accuracy import accuracy_by
from inventory.reports.registry import REPORTS
from inventory.reports.scope import open_scope
from tests.conftest import client_with

TABLES = (Product, Barcode, Location, Lot, StockMovement, Task, Case, Event)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("seed_demo", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def printed(db: None) -> str:
    return run()


def test_its_tokens_open_its_devices(printed: str) -> None:
    tokens = re.findall(r"token +(\S+)", printed)
    assert len(tokens) == Device.objects.count() == 3
    counts = [client_with(token).get("/v1/products").json()["count"] for token in tokens]
    assert counts == [40, 36, 15]


def test_levels_are_the_sums_of_the_movements(printed: str) -> None:
    for level in StockLevel.objects.all():
        bucket = StockMovement.objects.filter(product=level.product, lot=level.lot)
        came = bucket.filter(to_location=level.location).aggregate(sum=Sum("quantity"))["sum"] or 0
        went = bucket.filter(from_location=level.location).aggregate(sum=Sum("quantity"))["sum"] or 0
        assert level.quantity == came - went


def test_it_shows_a_bit_of_everything(printed: str) -> None:
    assert all(has_valid_check_digit(value) for value in Barcode.objects.values_list("value", flat=True))
    assert set(StockMovement.objects.values_list("kind", flat=True)) == {
        "receipt", "transfer", "issue", "adjustment", "count",
    }  # fmt: skip
    assert StockMovement.objects.filter(reverses__isnull=False).count() == 3
    assert {"customer return", "damaged"} <= set(StockMovement.objects.values_list("reason", flat=True))
    assert Lot.objects.filter(expires_on__isnull=False).exists()
    assert Location.objects.filter(parent__isnull=False).count() == 8
    assert set(Task.objects.values_list("completed", flat=True)) == {True, False}
    assert {Case.Kind.NEGATIVE_STOCK, Case.Kind.UNKNOWN_BARCODE} == set(Case.objects.values_list("kind", flat=True))


def test_two_counts_are_posted_and_one_goes_on(printed: str) -> None:
    states = dict(Stocktake.objects.values_list("name", "state"))
    posted_ones = dict.fromkeys(("Cold cabinet, spot check", "Back room, spot check"), "posted")
    assert states == posted_ones | {"Autumn count": "counting"}
    posted = StocktakeLine.objects.filter(stocktake__state="posted")
    assert set(posted.values_list("state", flat=True)) == {"posted"}
    assert StockMovement.objects.filter(kind="count").count() == posted.exclude(variance=0).count() >= 1
    going_on = StocktakeLine.objects.filter(stocktake__state="counting").values_list("state", flat=True)
    assert set(going_on) == {"to_count", "counted"}


def test_its_reports_have_something_to_show(printed: str) -> None:
    shop = Device.objects.get(name="Harbour Street shop")
    valuation = REPORTS["valuation"].build(open_scope(shop), {})
    assert len(list(valuation)) >= 35
    assert valuation.totals["value"] > 0
    accuracy = REPORTS["count_accuracy"].build(open_scope(shop), {})
    assert len(list(accuracy)) == 2
    assert accuracy.totals["gross_value"] > 0
    assert [chart.title for chart in accuracy.summarise().charts] == ["Accuracy"]
    counters = {one.name: one.exact for one in accuracy_by("counter", devices=[shop])}
    assert counters.keys() == {"Harbour Street shop", "Stockroom handheld"}
    assert all(counters.values())


def test_a_second_run_changes_nothing(printed: str) -> None:
    before = [model.objects.count() for model in TABLES]
    again = run()
    assert "nothing has changed" in again
    assert "token" not in again
    assert [model.objects.count() for model in TABLES] == before


def test_another_seed_is_another_demo(printed: str) -> None:
    run("--seed", "7")
    assert Device.objects.count() == 6


def test_works_where_devices_need_a_code(db: None, settings: object) -> None:
    settings.ENROLLMENT = "code"  # type: ignore[attr-defined]
    assert run().count("token ") == 3
