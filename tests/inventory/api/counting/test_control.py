"""What controllers read: accuracy, age of the last count, and what to count next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from devices.models import Device, User
from devices.services.enrollment import Enrolled
from inventory.models import StockLevel, Task
from tests import factories
from tests.conftest import client_of
from tests.rules.test_query_counts import exactly

pytestmark = pytest.mark.django_db


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["internal_code"]


@dataclass
class Counted:
    """milk 10 → 7 (cost 2.50), tea 5 → 5, salt 4 → 9 (no cost) and rejected; rice 8 was not counted."""

    api: APIClient
    boss: APIClient
    goods: dict[str, Any]
    shelf: Any
    counter: str


@pytest.fixture
def counted(api: APIClient, device: Device, user: User, enrolled: Enrolled) -> Counted:
    Device.objects.filter(pk=device.pk).update(owner=user)
    boss = client_of(user, device)
    shelf = factories.make_location(device, name="Shelf")
    goods = {}
    for name, stock, cost in (("Milk", 10, "2.5"), ("Tea", 5, "1"), ("Salt", 4, None), ("Rice", 8, "100")):
        goods[name] = factories.make_product(device, name=name, unit_cost=cost and Decimal(cost))
        factories.make_movement(device, product_id=goods[name].uuid, quantity=Decimal(stock), to_location_id=shelf.uuid)
    stocktake = factories.make_stocktake(device, policy={"recount": "optional"})
    sheet = factories.make_sheet(device, stocktake_id=stocktake.uuid, location_id=shelf.uuid)
    for name, quantity in (("Milk", 7), ("Tea", 5), ("Salt", 9)):
        body = {"product_id": str(goods[name].uuid), "quantity": str(quantity)}
        assert api.post(f"/v1/sheets/{sheet.uuid}/entries", body).status_code == 201
    api.post(f"/v1/sheets/{sheet.uuid}/submit", {})
    where = f"/v1/stocktakes/{stocktake.uuid}"
    api.post(f"{where}/close")
    boss.post(f"{where}/decisions", {"list": "missing", "action": "accept", "reason": "missing"})
    boss.post(f"{where}/decisions", {"list": "surplus", "action": "reject"})
    boss.post(f"{where}/approve")
    assert boss.post(f"{where}/post").json()["state"] == "posted"
    return Counted(api, boss, goods, shelf, factories.actor(enrolled.installation).key)


def test_accuracy_by_zone_and_product(counted: Counted) -> None:
    by_zone = counted.api.get("/v1/count-accuracy").json()
    assert by_zone == {
        "by": "zone",
        "results": [
            {
                "key": str(counted.shelf.uuid), "name": "Shelf", "lines": 2, "exact": 1, "percent": "50",
                "gained": "0", "lost": "3", "value": "7.5",
            }
        ],
    }  # fmt: skip
    by_product = counted.api.get("/v1/count-accuracy", {"by": "product"}).json()["results"]
    assert [(row["name"], row["percent"], row["lost"]) for row in by_product] == [
        ("Milk", "0", "3"),
        ("Tea", "100", "0"),
    ]
    assert len(counted.api.get("/v1/count-accuracy", {"by": "product", "limit": "1"}).json()["results"]) == 1


def test_accuracy_by_counter_is_against_what_was_posted(counted: Counted) -> None:
    (row,) = counted.api.get("/v1/count-accuracy", {"by": "counter"}).json()["results"]
    assert (row["key"], row["name"]) == (counted.counter, "Scanner")
    assert (row["lines"], row["exact"], row["gained"], row["lost"]) == (3, 2, "5", "0")
    assert row["percent"] == "66.67"


def test_accuracy_by_device_compares_ones_own(counted: Counted, user: User, other: Device) -> None:
    for client in (counted.api, counted.boss):
        results = client.get("/v1/count-accuracy", {"by": "device"}).json()["results"]
        assert [(row["name"], row["lines"]) for row in results] == [("Scanner", 2)]
    stranger = client_of(factories.make_user(), None)
    assert code(stranger.get("/v1/count-accuracy", {"by": "device"})) == (400, "device_header_missing")


def test_accuracy_since(counted: Counted) -> None:
    later = (timezone.now() + timedelta(hours=1)).isoformat()
    earlier = (timezone.now() - timedelta(hours=1)).isoformat()
    assert counted.api.get("/v1/count-accuracy", {"since": later}).json()["results"] == []
    assert len(counted.api.get("/v1/count-accuracy", {"since": earlier}).json()["results"]) == 1
    for query in ({"since": "yesterday"}, {"by": "mood"}, {"by": ""}):
        assert code(counted.api.get("/v1/count-accuracy", query)) == (400, "invalid_filter")
    assert code(counted.api.get("/v1/count-accuracy", {"x": "1"})) == (400, "unknown_filter")


def test_when_it_was_counted_last(counted: Counted) -> None:
    results = counted.api.get("/v1/last-counted").json()["results"]
    assert (results[0]["product_name"], results[0]["last_counted_at"]) == ("Rice", None)
    assert {row["product_name"] for row in results[1:]} == {"Milk", "Tea", "Salt"}
    assert None not in [row["last_counted_at"] for row in results[1:]]
    assert len(counted.api.get("/v1/last-counted", {"limit": 2}).json()["results"]) == 2
    assert code(counted.api.get("/v1/last-counted", {"limit": 501})) == (400, "bad_page")


def test_what_to_count_next(counted: Counted) -> None:
    results = counted.api.get("/v1/count-suggestions").json()["results"]
    assert [row["product_name"] for row in results] == ["Rice", "Milk", "Salt", "Tea"]
    told = ("value", "movements", "days", "counts", "variances", "score")
    assert {name: results[0][name] for name in told} == {
        "value": "800", "movements": 1, "days": 365, "counts": 0, "variances": 0, "score": "21066.67",
    }  # fmt: skip
    # 7 × 2.50 × (1 + 2 movements) × (1 + 0 days / 30) × (1 + 1 variance of 1 count)
    assert {name: results[1][name] for name in told} == {
        "value": "17.5", "movements": 2, "days": 0, "counts": 1, "variances": 1, "score": "105",
    }  # fmt: skip
    assert len(counted.api.get("/v1/count-suggestions", {"limit": 1}).json()["results"]) == 1


def test_suggestions_become_tasks_once(counted: Counted) -> None:
    body = {"limit": 2, "due_date": "2026-12-01", "assignee": "Ada"}
    made = counted.api.post("/v1/count-suggestions", body)
    assert made.status_code == 201
    tasks = made.json()["tasks"]
    assert [task["title"] for task in tasks] == ["Count Rice at Shelf", "Count Milk at Shelf"]
    assert {(task["location_id"], task["due_date"], task["assignee"]) for task in tasks} == {
        (str(counted.shelf.uuid), "2026-12-01", "Ada")
    }
    again = counted.api.post("/v1/count-suggestions", {"limit": 3})
    assert [task["title"] for task in again.json()["tasks"]] == ["Count Salt at Shelf"]
    assert Task.objects.count() == 3
    assert code(counted.api.post("/v1/count-suggestions", {"limit": 0})) == (422, "validation_failed")


def test_a_lot_is_named(api: APIClient, device: Device) -> None:
    lot = factories.make_lot(device, code="L7")
    factories.make_movement(device, product_id=lot.product.uuid, lot_id=lot.uuid)
    (task,) = api.post("/v1/count-suggestions", {}).json()["tasks"]
    assert ", lot L7 at " in task["title"]


def test_what_is_counted_blindly_is_not_told(api: APIClient, device: Device, user: User) -> None:
    Device.objects.filter(pk=device.pk).update(owner=user)
    factories.make_movement(device)
    stocktake = factories.make_stocktake(device, policy={"blind": True})
    factories.make_sheet(device, stocktake_id=stocktake.uuid)
    for url in ("/v1/count-suggestions", "/v1/last-counted"):
        assert api.get(url).json()["results"] == []
        assert len(client_of(user, device).get(url).json()["results"]) == 1


def test_names_of_people_and_of_nobody(counted: Counted, device: Device, user: User) -> None:
    """A person's counts carry their name; the system's own key stays as it is."""
    stocktake = factories.make_stocktake(device, policy={"recount": "optional"})
    sheet = factories.make_sheet(device, stocktake_id=stocktake.uuid)
    level = StockLevel.objects.filter(quantity__gt=0).select_related("product", "location").order_by("pk").last()
    assert level is not None
    where = {"product_id": str(level.product.uuid), "location_id": str(level.location.uuid)}
    counted.boss.post(f"/v1/sheets/{sheet.uuid}/entries", {**where, "quantity": str(level.quantity)})
    counted.boss.post(f"/v1/sheets/{sheet.uuid}/submit", {})
    counted.boss.post(f"/v1/stocktakes/{stocktake.uuid}/close")
    factories.make_entry(device, sheet_id=factories.make_sheet(device).uuid)
    counted.api.post(f"/v1/stocktakes/{stocktake.uuid}/approve")
    assert counted.api.post(f"/v1/stocktakes/{stocktake.uuid}/post").json()["state"] == "posted"
    results = counted.api.get("/v1/count-accuracy", {"by": "counter"}).json()["results"]
    assert {row["name"] for row in results} == {"Scanner", "ada"}


def test_queries(counted: Counted) -> None:
    counted.api.get("/v1/devices/me")
    exactly(2, lambda: counted.api.get("/v1/count-accuracy"))
    exactly(3, lambda: counted.api.get("/v1/count-accuracy", {"by": "counter"}))
    exactly(4, lambda: counted.api.get("/v1/last-counted"))
    exactly(4, lambda: counted.api.get("/v1/count-suggestions"))
