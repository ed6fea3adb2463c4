"""What each report says, to the last decimal."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from devices.models import Device
from devices.services.presence import heartbeat
from inventory.models import Location, Product, StockLevel, StockMovement
from inventory.reports.balances import balances
from inventory.reports.registry import REPORTS
from inventory.reports.scope import Scope, open_scope, pages
from inventory.services.locations import default_location
from inventory.services.products import delete_product, update_product
from tests import factories
from tests.factories import TESTER, make_category, make_location, make_lot, make_movement, make_product
from tests.inventory.reports.asking import Reports, reports

__all__ = ["reports"]
D = Decimal


@pytest.fixture
def shelf(device: Device) -> Location:
    return make_location(device, name="Shelf", parent_id=default_location(device).uuid)


@pytest.fixture
def tea(device: Device, shelf: Location) -> Product:
    """7 in the default location, 2.5 on the shelf below it, of these 0.5 of a lot."""
    category = make_category(device, name="Green", parent_id=make_category(device, name="Tea").uuid)
    product = make_product(
        device,
        name="Sencha",
        sku="T-1",
        unit="kg",
        category_id=category.uuid,
        unit_cost=D("1.005"),
        reorder_level=D(20),
    )
    lot = make_lot(device, product_id=product.uuid, code="L1", expires_on=timezone.localdate() + timedelta(days=5))
    old = datetime(2026, 1, 5, 12, tzinfo=UTC)
    make_movement(device, product_id=product.uuid, quantity=D(10), occurred_at=old, reference="PO-1")
    make_movement(device, product_id=product.uuid, kind="issue", quantity=D(1), occurred_at=old + timedelta(days=1))
    make_movement(
        device, product_id=product.uuid, kind="transfer", quantity=D(2), occurred_at=old + timedelta(days=40),
        from_location_id=default_location(device).uuid, to_location_id=shelf.uuid,
    )  # fmt: skip
    make_movement(
        device, product_id=product.uuid, quantity=D("0.5"), to_location_id=shelf.uuid, lot_id=lot.uuid, reason="gift"
    )
    return product


def test_stock_on_hand_by_product_and_by_bucket(reports: Reports, device: Device, tea: Product) -> None:
    make_product(device, name="Empty")
    columns = ("sku", "product", "category", "on_hand", "unit")
    assert reports.rows("stock_on_hand", *columns) == [("T-1", "Sencha", "Tea › Green", "9.5", "kg")]
    buckets = reports.rows("stock_on_hand", "location", "lot", "on_hand", detail="bucket", with_empty=True)
    assert buckets == [("", "", "0"), ("Main", "", "7"), ("Main › Shelf", "", "2"), ("Main › Shelf", "L1", "0.5")]


def test_stock_on_hand_then(reports: Reports, device: Device, tea: Product) -> None:
    first = StockMovement.objects.order_by("revision")[0].revision
    assert reports.rows("stock_on_hand", "on_hand", revision=first) == [("10",)]
    assert reports.rows("stock_on_hand", "on_hand", at="2026-01-07T00:00:00+00:00") == [("9",)]
    assert reports.rows("stock_on_hand", "on_hand", at="2025-01-01T00:00:00Z") == []
    found = reports.json("stock_on_hand", at="2026-03-01T00:00:00Z", detail="bucket")
    assert [(row["location"], row["on_hand"]) for row in found["rows"]] == [("Main", "7"), ("Main › Shelf", "2")]
    assert found["facts"]["Stock at"] == "2026-03-01 00:00 (UTC)"
    assert reports.json("stock_on_hand", revision=first)["facts"]["Stock at"] == f"revision {first:,}"


def test_stock_on_hand_narrowed_down(reports: Reports, device: Device, tea: Product, shelf: Location) -> None:
    make_movement(device, product_id=make_product(device, name="Nuts").uuid, quantity=D(3))
    names = [row[0] for row in reports.rows("stock_on_hand", "product")]
    assert names == ["Nuts", "Sencha"]
    parent = tea.category.parent if tea.category else None
    assert parent is not None
    for asked in ({"category_id": str(parent.uuid)}, {"product_id": str(tea.uuid)}):
        assert reports.rows("stock_on_hand", "product", **asked) == [("Sencha",)]
    found = reports.json("stock_on_hand", location_id=str(shelf.uuid))
    assert [(row["product"], row["on_hand"]) for row in found["rows"]] == [("Sencha", "2.5")]
    assert found["facts"]["Location"] == "Shelf"


def test_only_what_is_in_one_unit_is_summed(reports: Reports, device: Device, tea: Product) -> None:
    assert reports.json("stock_on_hand")["totals"] == {"on_hand": "9.5"}
    make_movement(device, product_id=make_product(device, name="Nuts").uuid, quantity=D(3))
    found = reports.json("stock_on_hand")
    assert found["totals"] == {}
    assert found["figures"]["On hand"] == "9.5 kg · 3 pcs"


def test_a_chart_shows_the_largest_and_the_others_as_one(reports: Reports, device: Device) -> None:
    for number in range(1, 12):
        place = make_location(device, name=f"Bay {number}")
        make_movement(device, product_id=make_product(device).uuid, quantity=D(number), to_location_id=place.uuid)
    text = reports.text("stock_on_hand")
    assert "Bay 11" in text
    assert "3 others" in text
    assert "Bay 3\n" not in text


def test_a_deleted_product_still_lies_there(reports: Reports, device: Device, tea: Product) -> None:
    delete_product(tea, actor=TESTER)
    assert reports.rows("stock_on_hand", "product", "on_hand", with_empty=True) == [("Sencha (deleted)", "9.5")]


def test_stock_below_zero_is_counted(reports: Reports, device: Device) -> None:
    make_movement(device, kind="issue", quantity=D(4))
    found = reports.json("stock_on_hand")
    assert found["figures"]["Places below zero"] == "1"
    assert "−4" in reports.text("stock_on_hand")


def test_movements_of_a_period(reports: Reports, device: Device, tea: Product, shelf: Location) -> None:
    found = reports.json("movements")
    assert [row["kind"] for row in found["rows"]] == ["Receipt", "Issue", "Transfer", "Receipt"]
    assert found["figures"] == {"Movements": "4", "In": "10.5 kg", "Out": "1 kg", "Net": "9.5 kg"}
    first = found["rows"][0]
    assert (first["occurred_at"], first["to_location"], first["reference"]) == ("2026-01-05T12:00:00Z", "Main", "PO-1")
    for asked, kinds in (
        ({"from_day": "2026-01-06", "to_day": "2026-01-06"}, ["Issue"]),
        ({"to_day": "2026-01-05"}, ["Receipt"]),
        ({"kind": "transfer"}, ["Transfer"]),
        ({"location_id": str(shelf.uuid)}, ["Transfer", "Receipt"]),
        ({"product_id": str(tea.uuid), "from_day": "2026-02-01"}, ["Transfer", "Receipt"]),
        ({"category_id": str(make_category(device).uuid)}, []),
    ):
        assert [row[0] for row in reports.rows("movements", "kind", **asked)] == kinds, asked
    assert reports.json("movements", from_day="2026-01-06", kind="issue")["facts"]["Period"] == "2026-01-06 to now"
    assert "Movements a year" in reports.text("movements") or "Movements a month" in reports.text("movements")
    assert "Movements a day" in reports.text("movements", to_day="2026-02-28")


def test_a_wrong_clock_does_not_draw_a_hundred_years(reports: Reports, device: Device, tea: Product) -> None:
    make_movement(device, product_id=tea.uuid, occurred_at=datetime(1900, 1, 1, tzinfo=UTC))
    text = reports.text("movements")
    assert "Movements a year" in text
    assert "1900-01-01 00:00" in text


def test_low_stock(reports: Reports, device: Device, tea: Product) -> None:
    make_movement(device, product_id=make_product(device, name="Plenty", reorder_level=D(1)).uuid, quantity=D(5))
    make_product(device, name="Gone", reorder_level=D(3))
    make_product(device, name="Retired", reorder_level=D(3), is_active=False)
    make_product(device, name="Nothing needed", reorder_level=D(0))
    make_movement(device, product_id=tea.uuid, kind="issue", quantity=D("4.75"))
    columns = ("product", "on_hand", "reorder_level", "missing", "issued", "days_left")
    assert reports.rows("low_stock", *columns) == [
        ("Gone", "0", "3", "3", "0", None),
        ("Nothing needed", "0", "0", "0", "0", None),
        ("Sencha", "4.75", "20", "15.25", "4.75", 30),
    ]
    found = reports.json("low_stock", usage_days=3650)
    assert found["rows"][2]["issued"] == "5.75"
    assert found["figures"] == {"Low": "3", "Of these out of stock": "2", "Products with a reorder level": "4"}
    assert "Below 25 %" in reports.text("low_stock")


def test_expiring_lots(reports: Reports, device: Device, tea: Product, shelf: Location) -> None:
    today = timezone.localdate()
    for code, days, quantity in (("OLD", -3, 2), ("LATER", 90, 1), ("USED", 1, 0)):
        lot = make_lot(device, product_id=tea.uuid, code=code, expires_on=today + timedelta(days=days))
        if quantity:
            make_movement(device, product_id=tea.uuid, lot_id=lot.uuid, quantity=D(quantity))
    columns = ("expires_on", "days_left", "lot", "location", "on_hand", "value")
    found = reports.rows("expiring_lots", *columns)
    assert found == [
        (str(today - timedelta(days=3)), -3, "OLD", "Main", "2", "2.01"),
        (str(today + timedelta(days=5)), 5, "L1", "Main › Shelf", "0.5", "0.5025"),
    ]
    assert reports.json("expiring_lots")["figures"] == {"Expired on hand": "2 kg", "Within 30 days": "0.5 kg"}
    assert reports.rows("expiring_lots", "lot", days=0) == [("OLD",)]
    assert reports.rows("expiring_lots", "lot", location_id=str(shelf.uuid)) == [("L1",)]
    assert reports.rows("expiring_lots", "lot", category_id=str(make_category(device).uuid)) == []
    update_product(tea, actor=TESTER, changes={"unit_cost": None})
    assert reports.rows("expiring_lots", "value") == [(None,), (None,)]
    assert "By time left" in reports.text("expiring_lots")


def test_valuation_in_classes(reports: Reports, device: Device, tea: Product) -> None:
    for name, cost in (("Gold", "100"), ("Silver", "15"), ("Copper", "4.5"), ("Unknown", None), ("Owed", "2")):
        product = make_product(device, name=name, unit="kg", unit_cost=D(cost) if cost else None)
        kind = "issue" if name == "Owed" else "receipt"
        make_movement(device, product_id=product.uuid, quantity=D(1), kind=kind)
    make_product(device, name="Empty", unit_cost=D(1000))
    found = reports.json("valuation")
    assert [(row["class"], row["product"], row["value"], row["share"]) for row in found["rows"]] == [
        ("A", "Gold", "100", "77.49"),
        ("A", "Silver", "15", "11.62"),
        ("B", "Sencha", "9.5475", "7.4"),
        ("C", "Copper", "4.5", "3.49"),
        ("C", "Owed", "-2", "-1.55"),
    ]
    assert found["totals"] == {"on_hand": "11.5", "value": "127.0475"}
    assert found["figures"] == {
        "Value of the stock": "EUR 127.05", "Products": "5", "Left out: without a cost": "1",
    }  # fmt: skip
    assert "ABC, EUR" in reports.text("valuation")
    assert reports.rows("valuation", "value", at="2026-01-05T23:00:00Z") == [("10.05",)]


def test_a_value_has_as_many_digits_as_it_needs(reports: Reports, device: Device) -> None:
    product = make_product(device, unit_cost=D("999999999.999999"))
    for _ in range(3):
        make_movement(device, product_id=product.uuid, quantity=D("999999999.999999"))
    found = reports.json("valuation")
    exact = "2999999999999994000.000000000003"
    assert (found["rows"][0]["value"], found["totals"]["value"]) == (exact, exact)


def test_device_activity(reports: Reports, device: Device, tea: Product, enrolled: Any, other: Device) -> None:
    heartbeat(installation=enrolled.installation, queue_depth=4, client_time=timezone.now(), battery=80)
    ops = [
        {"op_id": str(uuid4()), "op": "create", "table": "tasks", "id": str(uuid4()), "data": data}
        for data in ({"title": "Sweep"}, {})
    ]
    assert reports.api.post("/v1/sync/push", {"ops": ops}).status_code == 200
    reports.api.post("/v1/stock-movements", {"product_id": str(tea.uuid), "kind": "receipt", "quantity": "1"})
    columns = ("installation", "standing", "queue", "battery", "operations", "refused", "movements")
    assert reports.rows("device_activity", *columns) == [
        ("Scanner", "Active", 4, 80, 2, 1, 1),
        ("Staff, imports and people", "", None, None, None, None, 4),
    ]
    assert reports.rows("device_activity", "operations", "movements", to_day="2020-01-01") == [(0, 0)]
    assert reports.rows("device_activity", "operations", from_day="2020-01-01")[0] == (2,)
    found = reports.everyone("device_activity")
    assert [row["device"] for row in found["rows"]] == ["Scanner", "Scanner", "Stranger"]
    assert found["figures"] == {"Installations": "2", "Silent for a day": "0", "Open cases": "0"}


def test_ledger_proof(reports: Reports, device: Device, tea: Product) -> None:
    found = reports.json("ledger_proof")
    assert found["rows"] == []
    assert found["figures"] == {"Levels compared": "3", "Movements summed": "4", "Differences": "0"}
    assert "Proven: every level is the sum of its movements." in reports.text("ledger_proof")
    StockLevel.all_objects.filter(product=tea, quantity=D("0.5")).update(quantity=D("0.7"))
    columns = ("product", "location", "lot", "level", "ledger", "difference", "unit")
    assert reports.rows("ledger_proof", *columns) == [("Sencha", "Main › Shelf", "L1", "0.7", "0.5", "0.2", "kg")]


def test_what_is_written_meanwhile_is_left_out(device: Device, tea: Product) -> None:
    scope = open_scope(device)
    head = scope.heads[device.pk]
    before = balances(device, head=head, products=[tea.pk])
    make_movement(device, product_id=tea.uuid, quantity=D(100))
    fresh = make_product(device)
    make_movement(device, product_id=fresh.uuid)
    assert balances(device, head=head, products=[tea.pk, fresh.pk]) == before
    assert balances(device, head=head, at=head, products=[tea.pk]) == before
    assert balances(device, head=head + 1000, products=[tea.pk]) != before


@pytest.mark.parametrize("name", ["stock_on_hand", "low_stock", "expiring_lots", "valuation", "movements"])
def test_queries_do_not_grow_with_the_rows(device: Device, shelf: Location, name: str) -> None:
    def queries(scope: Scope) -> int:
        kind = REPORTS[name]
        defaults = {one.name: one.default for one in kind.filters if one.default is not None}
        with CaptureQueriesContext(connection) as captured:
            assert list(kind.build(scope, {**defaults, "detail": "bucket"}))
        return len(captured)

    def stock(number: int) -> None:
        for _ in range(number):
            product = make_product(device, unit_cost=D(1), reorder_level=D(50))
            lot = make_lot(device, product_id=product.uuid, expires_on=date(2026, 1, 1))
            make_movement(device, product_id=product.uuid, lot_id=lot.uuid, to_location_id=shelf.uuid)

    stock(1)
    few = queries(open_scope(device))
    stock(6)
    assert queries(open_scope(device)) == few


def test_pages_miss_and_double_nothing(device: Device) -> None:
    for name in "cabbabc":
        factories.make_product(device, name=name)
    found = [[product.name for product in page] for page in pages(Product.objects.for_device(device), "name", 2)]
    assert found == [["a", "a"], ["b", "b"], ["b", "c"], ["c"]]
    assert [len(page) for page in pages(Product.objects.for_device(device), "name", 7)] == [7]
