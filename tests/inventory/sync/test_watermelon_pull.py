"""WatermelonDB pulls: one complete answer, in the library's own types."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from devices.models import Device, Feed
from inventory.api.tables import TABLES
from inventory.api.watermelon import LAYOUTS
from inventory.models import Product
from inventory.services.products import delete_product, update_product
from inventory.services.sync.watermelon import reading
from inventory.services.sync.watermelon.columns import milliseconds, read_id, show_id
from tests import factories
from tests.conftest import client_of, client_with
from tests.inventory.sync.melon import PATH, pull, row

STEP = 10**12


def test_the_first_pull_has_every_live_row_and_no_tombstone(api: Any, device: Device) -> None:
    product = factories.make_product(device)
    gone = factories.make_product(device)
    delete_product(gone, actor=factories.TESTER)
    answer = pull(api)
    assert list(answer["changes"]) == list(TABLES)
    assert all(set(table) == {"created", "updated", "deleted"} for table in answer["changes"].values())
    assert all(table["created"] == table["deleted"] == [] for table in answer["changes"].values())
    assert [found["id"] for found in answer["changes"]["products"]["updated"]] == [str(product.uuid)]
    assert [found["name"] for found in answer["changes"]["locations"]["updated"]] == ["Main"]
    assert answer["timestamp"] == STEP + Feed.objects.get(device=device).head
    assert "experimentalStrategy" not in answer


@pytest.mark.parametrize("never", ["null", "", "0", "undefined"])
def test_many_ways_to_say_never(api: Any, never: str) -> None:
    assert "experimentalStrategy" not in pull(api, never)


def test_columns_and_types(api: Any, device: Device) -> None:
    category = factories.make_category(device)
    product = factories.make_product(
        device,
        name="Milk",
        reorder_level=Decimal("12345678.100001"),
        unit_cost=Decimal("0.1"),
        category_id=category.uuid,
        attributes={"fat": "3.5", "bio": True},
    )
    found = row(pull(api), "products", product.uuid)
    assert json.loads(found["attributes"]) == {"fat": "3.5", "bio": True}
    assert found == {
        "id": str(product.uuid),
        "name": "Milk",
        "sku": "",
        "unit": "pcs",
        "notes": "",
        "is_active": True,
        "reorder_level": "12345678.100001",  # a JSON number; read here with all its digits
        "unit_cost": "0.1",
        "category_id": str(category.uuid),
        "attributes": found["attributes"],
        "is_duplicate": False,
        "created_at": milliseconds(product.created_at),
        "updated_at": milliseconds(product.updated_at),
    }
    barcode = factories.make_barcode(device, product_id=product.uuid, quantity=Decimal(6))
    lot = factories.make_lot(device, product_id=product.uuid, expires_on=date(2026, 3, 1))
    answer = pull(api)
    assert row(answer, "barcodes", barcode.uuid)["quantity"] == 6
    assert row(answer, "barcodes", barcode.uuid)["check_digit_ok"] is None
    assert row(answer, "lots", lot.uuid)["expires_on"] == "2026-03-01"


def test_no_column_is_null_unless_the_model_may_be(api: Any, device: Device) -> None:
    factories.make_level(device)
    factories.make_task(device)
    factories.make_barcode(device)
    for name, table in pull(api)["changes"].items():
        for found in table["updated"]:
            nulls = {column for column, value in found.items() if value is None}
            optional = {column.name for column in LAYOUTS[name].columns.values() if column.field.null}
            assert nulls <= optional, name


def test_later_pulls_have_what_changed_and_tombstones(api: Any, device: Device) -> None:
    kept, gone, still = (factories.make_product(device) for _ in range(3))
    last = pull(api)["timestamp"]
    update_product(kept, actor=factories.TESTER, changes={"name": "Changed"})
    delete_product(gone, actor=factories.TESTER)
    answer = pull(api, last)
    table = answer["changes"]["products"]
    assert [found["name"] for found in table["updated"]] == ["Changed"]
    assert table["deleted"] == [str(gone.uuid)]
    assert row(answer, "products", still.uuid) is None
    assert answer["timestamp"] == STEP + Feed.objects.get(device=device).head
    again = pull(api, answer["timestamp"])
    assert all(table["updated"] == table["deleted"] == [] for table in again["changes"].values())
    assert again["timestamp"] == answer["timestamp"]


def test_a_row_that_changes_while_we_read_is_not_missed(
    api: Any, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = factories.make_product(device)
    last = pull(api)["timestamp"]
    update_product(product, actor=factories.TESTER, changes={"name": "One"})
    real = reading._rows

    def rows(*args: Any, **kwargs: Any) -> Any:
        fresh = Product.objects.get(pk=product.pk)
        if fresh.name == "One":  # after the head was read, before any row is
            update_product(fresh, actor=factories.TESTER, changes={"name": "Two"})
        return real(*args, **kwargs)

    monkeypatch.setattr(reading, "_rows", rows)
    answer = pull(api, last)
    assert row(answer, "products", product.uuid)["name"] == "Two"
    assert row(pull(api, answer["timestamp"]), "products", product.uuid)["name"] == "Two"


@pytest.mark.parametrize("case", ["ahead", "floor", "epoch", "date"])
def test_replacement(api: Any, device: Device, case: str) -> None:
    product = factories.make_product(device)
    gone = factories.make_product(device)
    delete_product(gone, actor=factories.TESTER)
    last = pull(api)["timestamp"]
    if case == "floor":
        factories.make_product(device)
        Feed.objects.filter(device=device).update(floor=last % STEP + 1)
    elif case == "epoch":
        Feed.objects.filter(device=device).update(epoch=2)
    asked = {"ahead": last + 1, "floor": last, "epoch": last, "date": 1_766_000_000_000}[case]
    answer = pull(api, asked)
    assert answer["experimentalStrategy"] == "replacement"
    assert row(answer, "products", product.uuid)
    assert all(table["deleted"] == [] for table in answer["changes"].values())
    assert answer["timestamp"] // STEP == (2 if case == "epoch" else 1)
    assert "experimentalStrategy" not in pull(api, answer["timestamp"])


def test_a_floor_that_moves_while_we_read_makes_it_a_replacement(
    api: Any, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = pull(api)["timestamp"]
    product = factories.make_product(device)
    real = reading._pull

    def slow(*args: Any) -> Any:
        found = real(*args)
        Feed.objects.filter(device=device).update(floor=last % STEP + 1)
        return found

    monkeypatch.setattr(reading, "_pull", slow)
    answer = pull(api, last)
    assert answer["experimentalStrategy"] == "replacement"
    assert row(answer, "products", product.uuid)
    assert row(answer, "locations", answer["changes"]["locations"]["updated"][0]["id"])["name"] == "Main"


def test_a_migration_brings_all_rows_of_its_tables(api: Any, device: Device) -> None:
    product, task = factories.make_product(device), factories.make_task(device)
    gone = factories.make_product(device)
    last = pull(api)["timestamp"]
    delete_product(gone, actor=factories.TESTER)
    migration = {"from": 1, "tables": ["tasks"], "columns": [{"table": "products", "columns": ["unit", "created_at"]}]}
    answer = pull(api, last, migration=json.dumps(migration), schema_version=2)
    assert row(answer, "products", product.uuid)
    assert row(answer, "tasks", task.uuid)
    assert answer["changes"]["products"]["deleted"] == [str(gone.uuid)]
    assert answer["changes"]["locations"]["updated"] == []
    assert "experimentalStrategy" not in answer
    assert pull(api, last, migration="null")["changes"]["products"]["updated"] == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"last_pulled_at": "yesterday"}, "sync_bad_cursor"),
        ({"last_pulled_at": "-1"}, "sync_bad_cursor"),
        ({"last_pulled_at": "1.5"}, "sync_bad_cursor"),
        ({"last_pulled_at": "1" * 17}, "sync_bad_cursor"),
        ({"last_pulled_at": "١"}, "sync_bad_cursor"),
        ({"migration": "{"}, "malformed_json"),
        ({"migration": "[]"}, "malformed_request"),
        ({"migration": '{"tables": "tasks"}'}, "malformed_request"),
        ({"migration": '{"tables": [1]}'}, "malformed_request"),
        ({"migration": '{"columns": {}}'}, "malformed_request"),
        ({"migration": '{"columns": [1]}'}, "malformed_request"),
        ({"migration": '{"tables": ["users"]}'}, "sync_unknown_table"),
        ({"migration": '{"columns": [{"table": "users", "columns": []}]}'}, "sync_unknown_table"),
        ({"migration": '{"columns": [{"table": "products", "columns": ["device_id"]}]}'}, "sync_unknown_table"),
        ({"since": "1"}, "unknown_filter"),
    ],
)
def test_bad_queries(api: Any, query: dict[str, str], code: str) -> None:
    response = api.get(PATH, query)
    assert response.status_code == 400
    assert response.json()["internal_code"] == code


def test_scope(api: Any, device: Device, other: Device, user: Any) -> None:
    mine, theirs = factories.make_product(device), factories.make_product(other)
    found = {record["id"] for record in pull(api)["changes"]["products"]["updated"]}
    assert found == {str(mine.uuid)} != {str(theirs.uuid)}
    assert client_with().get(PATH).status_code == 401
    assert client_of(user, device).get(PATH).status_code == 404
    Device.objects.filter(pk=device.pk).update(owner=user)
    assert pull(client_of(user, device)) == pull(api)
    assert client_of(user, other).get(PATH).status_code == 404


def test_the_cost_does_not_grow_with_the_rows(api: Any, device: Device) -> None:
    pull(api)
    counts = []
    for _ in range(2):
        for _ in range(5):
            factories.make_barcode(device)
        with CaptureQueriesContext(connection) as captured:
            pull(api)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= len(TABLES) + 3


def test_ids_that_the_library_makes_survive_the_way_there_and_back() -> None:
    own = "aZ09bcdefghijklm"
    assert show_id(read_id(own)) == own  # type: ignore[arg-type]
    uuid = Product().uuid
    assert read_id(show_id(uuid)) == uuid
    assert show_id(uuid) == str(uuid)
    assert [read_id(text) for text in ("", "short", "with-dash-16char", "é" * 8, "{" + str(uuid) + "}")] == [None] * 5


def test_the_registry_lists_parents_before_children() -> None:
    seen: set[Any] = set()
    for layout in LAYOUTS.values():
        seen.add(layout.table.model)
        assert set(layout.targets.values()) <= seen, layout.table.name
