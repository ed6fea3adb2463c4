"""Queries per endpoint, exact and recorded: a change here is a decision, not an accident.

Savepoints are not counted (tests run inside a transaction, where every service's own becomes one), and nothing
else differs between SQLite and PostgreSQL but the one advisory lock of Idempotency-Key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from devices.models import Device
from tests import factories
from tests.rules.routes import PEOPLES, ROWS, Route, routes

NOT_COUNTED = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")
ROUTES = {route.name: route for route in routes()}
KNOWN = [route for route in ROUTES.values() if route.key in ROWS and route.key not in PEOPLES]
READS = [route for route in KNOWN if "retrieve" in route.actions.values()]
LISTS = [route for route in KNOWN if route.actions.get("get") == "list" and route.key != "device"]
# 1 = who calls (installation, device, feed, presence); a list is 1 + count + rows.
LIST, DETAIL = 3, 2
WRITES = {
    "category-list POST": 7,
    "category-detail PATCH": 7,
    "category-detail DELETE": 8,
    "product-list POST": 7,
    "product-detail PATCH": 7,
    "product-detail DELETE": 9,
    "barcode-list POST": 8,
    "barcode-detail PATCH": 7,
    "barcode-detail DELETE": 6,
    "location-list POST": 7,
    "location-detail PATCH": 7,
    "location-detail DELETE": 10,
    "lot-list POST": 8,
    "lot-detail PATCH": 7,
    "lot-detail DELETE": 7,
    "stock-movement-list POST": 10,
    "label-template-list POST": 7,
    "label-template-detail PATCH": 7,
    "label-template-detail DELETE": 6,
    "task-list POST": 7,
    "task-detail PATCH": 7,
    "task-detail DELETE": 6,
    "import-detail PATCH": 4,
    "alert-rule-list POST": 7,
    "alert-rule-detail PATCH": 7,
    "alert-rule-detail DELETE": 6,
    "webhook-list POST": 13,
    "webhook-detail PATCH": 8,
    "webhook-detail DELETE": 6,
    "stocktake-list POST": 7,
    "stocktake-detail PATCH": 7,
    "stocktake-detail DELETE": 9,
    "sheet-list POST": 8,
    "sheet-detail PATCH": 7,
    "count-entry-list POST": 28,
}


def queries(call: Callable[[], Any]) -> tuple[int, list[str]]:
    """How many statements a request runs, and which. The request must succeed."""
    with CaptureQueriesContext(connection) as captured:
        response = call()
    assert response.status_code < 300, response.content
    found = [query["sql"] for query in captured if not query["sql"].lstrip().upper().startswith(NOT_COUNTED)]
    return len(found), found


def exactly(expected: int, call: Callable[[], Any]) -> None:
    count, found = queries(call)
    assert count == expected, "\n" + "\n".join(statement[:300] for statement in found)


@pytest.fixture
def client(api: APIClient) -> APIClient:
    """The device's client after its first call, which notes where it calls from."""
    api.get("/v1/devices/me")
    return api


@pytest.mark.parametrize("route", LISTS, ids=lambda route: route.name)
def test_a_list_costs_the_same_at_any_length(route: Route, client: APIClient, device: Device) -> None:
    make = ROWS[route.key].make
    for _ in range(50):
        make(device)
    exactly(LIST, lambda: client.get(route.path, {"limit": 5}))
    exactly(LIST, lambda: client.get(route.path))
    exactly(LIST, lambda: client.get(route.path, {"limit": 50}))


@pytest.mark.parametrize("route", READS, ids=lambda route: route.name)
def test_a_detail(route: Route, client: APIClient, device: Device) -> None:
    row = ROWS[route.key].make(device)
    exactly(DETAIL, lambda: client.get(route.url(row.uuid)))


@pytest.mark.parametrize("name", WRITES)
def test_a_write(name: str, client: APIClient, device: Device) -> None:
    route_name, method = name.split()
    route = ROUTES[route_name]
    rows = ROWS[route.key]
    if method == "POST":
        assert rows.new
        body, url = rows.new(device), route.path
    else:
        body, url = rows.change if method == "PATCH" else None, route.url(rows.make(device).uuid)
    exactly(WRITES[name], lambda: getattr(client, method.lower())(url, body))


def test_every_write_is_recorded() -> None:
    made = {
        f"{route.name} {method}"
        for route in KNOWN
        if {"list", "retrieve"} & set(route.actions.values())
        for method in route.methods
        if method in ("POST", "PATCH", "DELETE") and (method != "POST" or ROWS[route.key].new is not None)
    }
    assert made == set(WRITES)


def test_a_device_asks_about_itself(client: APIClient) -> None:
    exactly(1, lambda: client.get("/v1/devices/me"))


def test_a_scan(client: APIClient, device: Device) -> None:
    factories.make_barcode(device, value="4006381333931")
    exactly(3, lambda: client.get("/v1/scan/4006381333931"))


def test_stock_of_a_product(client: APIClient, device: Device) -> None:
    movement = factories.make_movement(device)
    exactly(4, lambda: client.get(f"/v1/products/{movement.product.uuid}/stock"))


def test_a_list_of_creates_grows_by_the_row(client: APIClient) -> None:
    few, _ = queries(lambda: client.post("/v1/products", [{"name": "a"}, {"name": "b"}]))
    many, _ = queries(lambda: client.post("/v1/products", [{"name": f"p{n}"} for n in range(12)]))
    assert (few, many - few) == (12, 10 * 5)


def test_once(client: APIClient) -> None:
    lock = 1 if connection.vendor == "postgresql" else 0
    plain, _ = queries(lambda: client.post("/v1/tasks", {"title": "a"}))
    exactly(plain + 2 + lock, lambda: client.post("/v1/tasks", {"title": "b"}, headers={"Idempotency-Key": "k1"}))
    exactly(2 + lock, lambda: client.post("/v1/tasks", {"title": "b"}, headers={"Idempotency-Key": "k1"}))
