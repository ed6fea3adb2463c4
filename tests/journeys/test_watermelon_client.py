"""Two apps of one device, each with the real WatermelonDB, sync through a live server and end equal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import models

from config.core.quantities import QuantityField
from devices.models import Device, Feed
from devices.services.enrollment import Wish, create_enrollment_code, register_device
from inventory.api.watermelon import LAYOUTS
from inventory.models import Case, Location, Product, StockLevel, StockMovement
from inventory.services.products import delete_product, update_product
from tests import factories
from tests.conftest import client_with
from tests.inventory.sync.melon import head, pull
from tests.journeys.watermelon.library import Library

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
NUMBERS = (QuantityField, models.DateTimeField, models.IntegerField)
TYPES = [(models.BooleanField, "boolean"), (NUMBERS, "number"), (models.Field, "string")]
APPS = ("phone", "tablet")


def schema(*left_out: str) -> list[dict[str, Any]]:
    """Our tables as a WatermelonDB schema, as docs/watermelon.md lists them."""
    tables = []
    for name, layout in LAYOUTS.items():
        columns = [
            {"name": column.name, "type": _type(column.field), "isOptional": bool(column.field.null)}
            for column in layout.columns.values()
            if f"{name}.{column.name}" not in left_out
        ]
        tables.append({"name": name, "columns": columns})
    return [table for table in tables if table["name"] not in left_out]


def _type(field: Any) -> str:
    return next(name for kind, name in TYPES if isinstance(field, kind))


class World:
    """One device, the server, and two apps that work in its inventory."""

    def __init__(self, library: Library, url: str) -> None:
        self.library, self.url = library, f"{url}/v1/sync/watermelon"
        first = register_device(Wish(name="Phone"))
        self.device: Device = first.installation.device
        _, code = create_enrollment_code(actor=factories.TESTER, device=self.device)
        second = register_device(Wish(device_id=self.device.uuid, enrollment_code=code, name="Tablet"))
        self.tokens = dict(zip(APPS, (first.token, second.token), strict=True))
        self.api = client_with(first.token)

    def open(self, *left_out: str) -> None:
        for app in APPS:
            self.library("open", app=app, url=self.url, token=self.tokens[app], tables=schema(*left_out))

    def create(self, app: str, table: str, **columns: Any) -> str:
        return str(self.library("create", app=app, table=table, columns=columns))

    def update(self, app: str, table: str, id: str, **columns: Any) -> None:
        self.library("update", app=app, table=table, id=id, columns=columns)

    def delete(self, app: str, table: str, id: str) -> None:
        self.library("delete", app=app, table=table, id=id)

    def sync(self, app: str, **trouble: Any) -> Any:
        return self.library("sync", app=app, **trouble)

    def sync_well(self, app: str) -> Any:
        seen = self.sync(app)
        assert "error" not in seen, seen["error"]
        return seen

    def row(self, app: str, table: str, id: str) -> Any:
        rows = self.library("rows", app=app)[table]
        return next((row for row in rows if row["id"] == id), None)

    def settle(self, *left_out: str) -> None:
        """Both apps sync until everything has come round; then all three hold the same rows."""
        for _ in range(2):
            for app in APPS:
                self.sync_well(app)
        truth = pull(self.api)["changes"]
        expected = {
            name: _by_id(lists["updated"], name, left_out) for name, lists in truth.items() if name not in left_out
        }
        for app in APPS:
            assert self.library("unsynced", app=app) is False
            held = self.library("rows", app=app)
            assert {name: _by_id(rows, name, left_out) for name, rows in held.items()} == expected, app


def _by_id(rows: list[Any], table: str, left_out: tuple[str, ...]) -> dict[str, Any]:
    return {
        row["id"]: {
            name: float(value) if isinstance(value, int) and not isinstance(value, bool) else value
            for name, value in _floats(row, table).items()
            if f"{table}.{name}" not in left_out
        }
        for row in rows
    }


def _floats(row: dict[str, Any], table: str) -> dict[str, Any]:
    """The test client reads fractions as text, to see their digits; the library as JavaScript numbers."""
    numbers = {column.name for column in LAYOUTS[table].columns.values() if isinstance(column.field, NUMBERS)}
    return {name: float(value) if name in numbers and value is not None else value for name, value in row.items()}


@pytest.fixture
def library() -> Iterator[Library]:
    found = Library()
    yield found
    found.close()


@pytest.fixture
def world(library: Library, live_server: Any) -> World:
    return World(library, live_server.url)


@pytest.mark.parametrize("uuid", [False, True], ids=["ids of the library", "uuids"])
def test_a_life_of_two_apps(world: World, uuid: bool) -> None:
    world.library("ids", uuid=uuid)
    world.open()
    world.settle()

    # creates in both, parents and children in one push
    category = world.create("phone", "categories", name="Dairy")
    milk = world.create("phone", "products", name="Milk", sku="M", unit="l", category_id=category, reorder_level=2.5,
                        is_active=True, attributes='{"fat":"3.5"}')  # fmt: skip
    world.create("phone", "barcodes", product_id=milk, value="4006381333931", quantity=6)
    shelf = world.create("tablet", "locations", name="Shelf", code="S1", kind="shelf")
    task = world.create("tablet", "tasks", title="Count", priority=1, due_date="2026-03-01", location_id=shelf)
    world.settle()
    assert len(world.row("tablet", "products", milk)["id"]) == (36 if uuid else 16)
    assert world.row("tablet", "products", milk)["reorder_level"] == 2.5
    assert next(iter(world.library("rows", app="tablet")["barcodes"]))["gtin"] == "04006381333931"

    # facts of both, and what they sum to
    for app, quantity in (("phone", 10), ("tablet", 0.1), ("phone", 0.2)):
        world.create(app, "stock_movements", product_id=milk, kind="receipt", quantity=quantity, to_location_id=shelf,
                     occurred_at=1_772_366_400_000)  # fmt: skip
    world.settle()
    assert [level["quantity"] for level in world.library("rows", app="phone")["stock_levels"]] == [10.3]
    assert StockMovement.objects.count() == 3

    # changes of different columns in both apps: the second to push merges them
    world.update("phone", "products", milk, name="Whole milk")
    world.update("tablet", "products", milk, notes="fragile")
    world.delete("tablet", "tasks", task)
    world.settle()
    stored = Product.objects.get()
    assert (stored.name, stored.notes) == ("Whole milk", "fragile")
    assert world.row("phone", "tasks", task) is None

    # staff change and delete on the server
    update_product(stored, actor=factories.TESTER, changes={"unit": "bottle"})
    world.settle()
    assert world.row("tablet", "products", milk)["unit"] == "bottle"
    delete_product(stored, actor=factories.TESTER)
    world.settle()
    assert world.library("rows", app="phone")["products"] == world.library("rows", app="phone")["barcodes"] == []
    assert not Case.objects.exists()


def test_a_conflict_is_settled_by_pulling_again(world: World) -> None:
    world.library("ids", uuid=True)
    world.open()
    milk = world.create("phone", "products", name="Milk")
    world.settle()
    world.update("phone", "products", milk, name="Mine")
    extra = world.create("phone", "tasks", title="in the same push")
    between = {"url": f"{world.url.removesuffix('sync/watermelon')}products/{milk}", "method": "PATCH"}
    seen = world.sync("phone", between={**between, "body": {"notes": "staff"}})
    assert [push["status"] for push in seen["pushes"]] == [409]
    assert json.loads(seen["error"])["internal_code"] == "sync_conflict"
    assert Product.objects.get().name == "Milk"
    assert world.row("phone", "tasks", extra)
    assert [push["status"] for push in world.sync_well("phone")["pushes"]] == [200]
    stored = Product.objects.get()
    assert (stored.name, stored.notes) == ("Mine", "staff")
    world.settle()

    # somebody deletes what is being changed: the change is refused, and gone with the next pull
    world.update("phone", "products", milk, name="Too late")
    assert [push["status"] for push in world.sync("phone", between={**between, "body": {}})["pushes"]] == [200]
    world.update("phone", "products", milk, name="Too late again")
    seen = world.sync("phone", between={**between, "method": "DELETE", "body": {}})
    assert [push["status"] for push in seen["pushes"]] == [409]
    world.settle()
    assert world.row("phone", "products", milk) is None


def test_lost_requests_and_lost_answers(world: World) -> None:
    world.open()
    milk = world.create("phone", "products", name="Milk")
    world.create("phone", "stock_movements", product_id=milk, kind="receipt", quantity=3)
    assert "network" in world.sync("phone", lose="request")["error"]
    assert not Product.objects.exists()
    lost = world.sync("phone", lose="answer")
    assert [push["status"] for push in lost["pushes"]] == [200]
    assert world.library("unsynced", app="phone") is True
    before = head(world.device)
    again = world.sync_well("phone")
    assert [push["status"] for push in again["pushes"]] == [200]
    assert head(world.device) == before  # nothing twice, nothing touched
    assert StockLevel.objects.get().quantity == 3
    response: Any = world.api.generic(
        "POST",
        f"/v1/sync/watermelon?last_pulled_at={lost['pushes'][0]['last']}",
        lost["pushes"][0]["body"],
        content_type="text/plain",
    )
    assert response.status_code == 200  # the network delivers the first one once more
    assert head(world.device) == before
    world.settle()

    world.update("phone", "products", milk, name="Whole milk")
    world.sync("phone", lose="answer")
    world.update("phone", "products", milk, name="Skimmed milk")
    world.delete("tablet", "products", milk)
    world.sync("tablet", lose="answer")
    world.settle()
    assert not Product.objects.exists()
    assert not Case.objects.exclude(kind="negative_stock").exists()


def test_odd_rows_never_block_an_app(world: World) -> None:
    world.open()
    world.settle()
    default = world.library("rows", app="phone")["locations"][0]["id"]
    milk = world.create("phone", "products", name="M" * 400, sku="S")
    world.create("tablet", "products", name="Twin", sku="S")
    world.create("tablet", "barcodes", product_id="aaaaaaaaaaaaaaaa", value="1", quantity=0)
    world.create("phone", "tasks", title="", priority=0)
    world.delete("phone", "locations", default)
    world.settle()
    assert world.row("phone", "products", milk)["name"] == "M" * 300
    assert world.row("phone", "locations", default)["name"] == Location.objects.get().name
    assert {case.kind for case in Case.objects.all()} == {"payload_conflict", "duplicate_product"}
    world.create("phone", "stock_movements", product_id=milk, kind="receipt", quantity=1)
    world.settle()
    level = world.library("rows", app="tablet")["stock_levels"][0]["id"]
    world.update("tablet", "stock_levels", level, quantity=99)
    world.settle()
    assert world.row("tablet", "stock_levels", level)["quantity"] == 1


def test_a_new_version_of_the_app_gets_the_rows_of_new_tables_and_columns(world: World) -> None:
    old = ("lots", "products.reorder_level", "products.attributes")
    product = factories.make_product(world.device, name="Milk", reorder_level=2)
    factories.make_lot(world.device, product_id=product.uuid)
    world.open(*old)
    world.settle(*old)
    added = [column for table in schema() if table["name"] == "products" for column in table["columns"]]
    added = [column for column in added if column["name"] in ("reorder_level", "attributes")]
    for app in APPS:
        world.library(
            "migrate", app=app, tables=schema(), created=["lots"], added=[{"table": "products", "columns": added}]
        )
    first = world.sync_well("phone")["pulls"][0]
    assert first["migration"] == {
        "from": 1,
        "tables": ["lots"],
        "columns": [{"table": "products", "columns": ["reorder_level", "attributes"]}],
    }
    assert world.row("phone", "products", str(product.uuid))["reorder_level"] == 2
    world.settle()
    assert world.sync_well("phone")["pulls"][0]["migration"] is None


@pytest.mark.parametrize("why", ["horizon", "restore"])
def test_a_client_that_is_too_far_behind_gets_a_replacement(world: World, why: str) -> None:
    world.open()
    kept = world.create("phone", "products", name="Kept")
    gone = world.create("phone", "products", name="Gone")
    world.settle()
    queued = world.create("tablet", "products", name="Queued")
    delete_product(Product.objects.get(name="Gone"), actor=factories.TESTER)
    Product.all_objects.filter(name="Gone").purge()  # what retention does after the horizon
    feed = Feed.objects.filter(device=world.device)
    feed.update(floor=models.F("head")) if why == "horizon" else feed.update(epoch=2)
    seen = world.sync_well("tablet")
    assert seen["pulls"][0]["strategy"] == "replacement"
    assert world.row("tablet", "products", gone) is None
    assert world.row("tablet", "products", kept)
    assert Product.objects.filter(name="Queued").exists()
    world.settle()
    assert world.row("phone", "products", queued)
    assert world.sync_well("phone")["pulls"][0]["strategy"] is None
