"""Push, operation by operation: each kind in each situation (PROTOCOL §4)."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from rest_framework.test import APIClient

from devices.models import Device
from inventory.api.tables import TABLES
from inventory.models import Product, StockLevel, StockMovement, Task
from inventory.services.locations import default_location
from inventory.services.products import delete_product, update_product
from inventory.services.tasks import delete_task
from tests import factories
from tests.conftest import client_with
from tests.inventory.sync.ops import contents, head, op, pull_all, push, push_one

FLOWS_UP = [name for name, table in TABLES.items() if table.create]


def sample(device: Device, table: str) -> dict[str, Any]:
    """A body that a client may send for a new row of this table."""
    product = str(factories.make_product(device).uuid)
    counting: dict[str, dict[str, Any]] = {
        "count_sheets": {"name": "Left side", "assignee_name": "Ada"},
        "scan_events": {"code": "4012345000009", "counted_at": "2026-11-01T10:00:00Z"},
        "count_entries": {"product_id": product, "mode": "set", "quantity": "3.5", "note": "twice"},
    }
    if table == "count_sheets":
        return {"stocktake_id": str(factories.make_stocktake(device).uuid), **counting[table]}
    if table in counting:
        return {"sheet_id": str(factories.make_sheet(device).uuid), **counting[table]}
    return {
        "stocktakes": {"name": "Year end", "kind": "cycle", "note": "both halls"},
        "categories": {"name": "Tools"},
        "products": {
            "name": "Saw",
            "sku": "S-1",
            "reorder_level": "2.5",
            "unit_cost": "1.25",
            "attributes": {"a": [1, "é"]},
        },
        "barcodes": {"product_id": product, "value": "4012345000009", "quantity": "6"},
        "locations": {"name": "Shelf", "code": "A-1", "kind": "shelf"},
        "lots": {"product_id": product, "code": "L1", "expires_on": "2027-01-31"},
        "stock_movements": {"product_id": product, "kind": "receipt", "quantity": "2.000001"},
        "tasks": {"title": "Count", "priority": 1, "due_date": "2026-12-24"},
        "label_templates": {"name": "Shelf", "width": "50", "height": "25.4", "texts": ["name", "code"]},
    }[table]


def change(table: str) -> dict[str, Any]:
    names = {"tasks": "title", "barcodes": "value", "lots": "code", "stock_movements": "note"}
    names |= {"scan_events": "code", "count_entries": "note"}
    return {names.get(table, "name"): "Other"}


def unchanged(device: Device, before: Any) -> None:
    """Rows and events are as before; only the verdict was added."""
    rows, events, _ = contents(device)
    assert (rows, events) == before[:2]


# --- create ---
@pytest.mark.parametrize("table", FLOWS_UP)
def test_create(api: APIClient, device: Device, table: str) -> None:
    operation = op("create", table, sample(device, table))
    result = push(api, operation)["results"][0]
    assert (result["op_id"], result["status"]) == (operation["op_id"], "applied")
    assert result["row"]["id"] == operation["id"]
    assert {name: result["row"][name] for name in operation["data"]} == operation["data"]
    changes = {change["id"]: change["data"] for change in pull_all(api)[0]}
    assert changes[operation["id"]] == result["row"]


@pytest.mark.parametrize("table", FLOWS_UP)
def test_create_where_the_same_row_exists_is_a_duplicate(api: APIClient, device: Device, table: str) -> None:
    operation = op("create", table, sample(device, table))
    first = push(api, operation)["results"][0]
    before, at = contents(device), head(device)
    again = push(api, operation | {"op_id": str(uuid4())})["results"][0]
    assert (again["status"], again["row"]) == ("duplicate", first["row"])
    unchanged(device, before)
    assert head(device) == at


@pytest.mark.parametrize("table", FLOWS_UP)
def test_create_where_another_row_has_the_id_is_a_conflict(api: APIClient, device: Device, table: str) -> None:
    operation = op("create", table, sample(device, table))
    first = push(api, operation)["results"][0]
    before = contents(device)
    data = operation["data"] | change(table)
    result = push(api, operation | {"op_id": str(uuid4()), "data": data})["results"][0]
    assert (result["status"], result["internal_code"]) == ("conflict", "sync_conflict")
    assert result["fields"] == list(change(table))
    assert result["row"] == first["row"]
    unchanged(device, before)


def test_create_where_a_tombstone_has_the_id_never_resurrects_it(api: APIClient, device: Device) -> None:
    task = factories.make_task(device, title="Gone")
    delete_task(task, actor=factories.TESTER)
    before = contents(device)
    result = push_one(api, "create", "tasks", {"title": "Gone"}, id=task.uuid)
    assert result["status"] == "conflict"
    assert result["row"]["deleted_at"] is not None
    unchanged(device, before)


def test_create_compares_after_normalising(api: APIClient, device: Device) -> None:
    product = factories.make_product(device)
    data = {"product_id": str(product.uuid), "kind": "issue", "quantity": "2.50"}
    operation = op("create", "stock_movements", data | {"occurred_at": "2026-03-01T13:00:00+01:00"})
    push(api, operation)
    same = {"quantity": 2.5, "occurred_at": "2026-03-01T12:00:00Z", "product_id": product.uuid.hex.upper()}
    again = op("create", "stock_movements", data | same, id=operation["id"])
    assert push(api, again)["results"][0]["status"] == "duplicate"
    # The side that was left to the server is no difference either.
    again = op("create", "stock_movements", data | {"from_location_id": None}, id=operation["id"])
    assert push(api, again)["results"][0]["status"] == "duplicate"


@pytest.mark.parametrize("table", FLOWS_UP)
def test_an_id_of_another_device_is_free(api: APIClient, device: Device, other: Device, table: str) -> None:
    stranger = factories.make_task(other)
    operation = op("create", table, sample(device, table), id=stranger.uuid)
    before = contents(other)
    assert push(api, operation)["results"][0]["status"] == "applied"
    assert contents(other) == before


# --- update ---
@pytest.mark.parametrize("table", [name for name in FLOWS_UP if TABLES[name].update])
def test_update(api: APIClient, device: Device, table: str) -> None:
    created = push_one(api, "create", table, sample(device, table))["row"]
    result = push_one(api, "update", table, change(table), id=created["id"], base_revision=created["revision"])
    assert result["status"] == "applied"
    assert result["row"]["revision"] == head(device) > created["revision"]
    differing = {name for name, value in result["row"].items() if value != created[name]}
    assert differing == {*change(table), "revision", "updated_at"} | ({"gtin"} & differing) | (
        {"check_digit_ok"} & differing
    )


@pytest.mark.parametrize("table", [name for name in FLOWS_UP if TABLES[name].update])
def test_update_of_nobody_and_of_a_strangers_row_are_the_same(api: APIClient, device: Device, table: str) -> None:
    stranger = factories.enrol()
    theirs = stranger.installation.device
    row = push_one(client_with(stranger.token), "create", table, sample(theirs, table))["row"]
    before = contents(theirs)
    foreign, missing = (push_one(api, "update", table, change(table), id=id) for id in (row["id"], uuid4()))
    assert contents(theirs) == before
    for result in (foreign, missing):
        result.pop("op_id")
    assert foreign == missing
    assert (missing["status"], missing["internal_code"]) == ("rejected", "not_found")
    assert missing["retryable"] is False
    assert "row" not in missing


def test_update_with_equal_values_is_applied_and_writes_nothing(api: APIClient, device: Device) -> None:
    product = factories.make_product(device, name="A", reorder_level=2)
    before, at = contents(device), head(device)
    for members in ({}, {"base_revision": 1}, {"base": {"name": "Z"}}):
        result = push_one(
            api, "update", "products", {"name": "A", "reorder_level": "2.000"}, id=product.uuid, **members
        )
        assert (result["status"], result["row"]["revision"]) == ("applied", product.revision)
    unchanged(device, before)
    assert head(device) == at


def edited(device: Device) -> Product:
    """A product that was A with unit pcs, which somebody renamed to B."""
    product = factories.make_product(device, name="A", unit="pcs")
    return update_product(product, actor=factories.TESTER, changes={"name": "B"})


@pytest.mark.parametrize(
    ("data", "members", "fields"),
    [
        pytest.param({"name": "C"}, {}, None, id="no base: the last writer wins"),
        pytest.param({"name": "C"}, {"base_revision": 0}, None, id="the current revision"),
        pytest.param({"name": "C"}, {"base_revision": -1}, ["name"], id="a stale revision alone"),
        pytest.param({"unit": "kg"}, {"base_revision": -1}, ["unit"], id="a stale revision says nothing of fields"),
        pytest.param({"name": "C"}, {"base": {"name": "B"}}, None, id="base is what is there"),
        pytest.param({"name": "C"}, {"base": {"name": "A"}}, ["name"], id="base is what was there"),
        pytest.param({"unit": "kg"}, {"base": {"unit": "pcs"}}, None, id="disjoint edits merge"),
        pytest.param(
            {"name": "C", "unit": "kg"}, {"base": {"name": "A", "unit": "pcs"}}, ["name"], id="all or nothing"
        ),
        pytest.param({"name": "C"}, {"base": {}}, ["name"], id="a base without the field"),
        pytest.param({"name": "B", "unit": "kg"}, {"base": {"name": "A", "unit": "pcs"}}, None, id="both made it B"),
        pytest.param({"name": "C"}, {"base": {"name": "A"}, "base_revision": 0}, None, id="revision decides first"),
        pytest.param({"name": "C"}, {"base": {"name": "B"}, "base_revision": -1}, None, id="then the fields"),
        pytest.param({"name": "C"}, {"base": {"name": 7}}, ["name"], id="a base that cannot be read"),
        pytest.param({"name": "C"}, {"base": {"name": "B", "nonsense": 1}}, None, id="what is not edited is ignored"),
    ],
)
def test_update_compares_and_sets_per_field(
    api: APIClient, device: Device, data: dict[str, Any], members: dict[str, Any], fields: list[str] | None
) -> None:
    product = edited(device)
    if "base_revision" in members:
        members = members | {"base_revision": product.revision + members["base_revision"]}
    before = contents(device)
    result = push_one(api, "update", "products", data, id=product.uuid, **members)
    if fields is None:
        assert (result["status"], {name: result["row"][name] for name in data}) == ("applied", data)
    else:
        assert (result["status"], result["internal_code"], result["fields"]) == ("conflict", "sync_conflict", fields)
        assert (result["row"]["name"], result["row"]["unit"]) == ("B", "pcs")
        unchanged(device, before)


def test_queued_edits_of_the_same_field_chain(api: APIClient, device: Device) -> None:
    product = factories.make_product(device, name="A")
    revision = product.revision
    edits = [
        op("update", "products", {"name": new}, id=product.uuid, base={"name": old}, base_revision=revision)
        for old, new in (("A", "B"), ("B", "C"), ("C", "D"))
    ]
    assert [result["status"] for result in push(api, *edits)["results"]] == ["applied"] * 3
    assert Product.objects.get(pk=product.pk).name == "D"


def test_update_of_a_tombstone_is_a_conflict_that_shows_it(api: APIClient, device: Device) -> None:
    product = delete_product(factories.make_product(device), actor=factories.TESTER)
    before = contents(device)
    result = push_one(api, "update", "products", {"name": "Back"}, id=product.uuid)
    assert (result["status"], result["fields"]) == ("conflict", [])
    assert result["row"]["deleted_at"] is not None
    unchanged(device, before)


def test_a_conflict_is_settled_by_a_new_operation(api: APIClient, device: Device) -> None:
    product = edited(device)
    conflict = push_one(api, "update", "products", {"name": "C"}, id=product.uuid, base={"name": "A"})
    revision = conflict["row"]["revision"]
    result = push_one(api, "update", "products", {"name": "C"}, id=product.uuid, base_revision=revision)
    assert (result["status"], result["row"]["name"]) == ("applied", "C")


@pytest.mark.parametrize("field", ["category_id", "parent_id", "location_id"])
def test_references_are_compared_by_their_id(api: APIClient, device: Device, field: str) -> None:
    one, two = factories.make_category(device), factories.make_category(device)
    row, table = factories.make_product(device, category_id=one.uuid), "products"
    if field == "parent_id":
        row, table = factories.make_category(device, parent_id=one.uuid), "categories"
    if field == "location_id":
        one, two = factories.make_location(device), factories.make_location(device)
        row, table = factories.make_task(device, location_id=one.uuid), "tasks"
    data = {field: str(two.uuid)}
    stale = push_one(api, "update", table, data, id=row.uuid, base={field: None})
    assert (stale["status"], stale["fields"]) == ("conflict", [field])
    result = push_one(api, "update", table, data, id=row.uuid, base={field: str(one.uuid)})
    assert (result["status"], result["row"][field]) == ("applied", str(two.uuid))


# --- delete ---
@pytest.mark.parametrize("table", [name for name in FLOWS_UP if TABLES[name].delete])
def test_delete_and_again(api: APIClient, device: Device, table: str) -> None:
    created = push_one(api, "create", table, sample(device, table))["row"]
    _, page = pull_all(api)
    result = push_one(api, "delete", table, id=created["id"], base_revision=created["revision"])
    assert result["status"] == "applied"
    assert result["row"]["deleted_at"] is not None
    tombstones = {change["id"]: change for change in pull_all(api, page["cursor"])[0]}
    assert (tombstones[created["id"]]["deleted"], tombstones[created["id"]]["data"]) == (True, None)
    before, at = contents(device), head(device)
    again = push_one(api, "delete", table, id=created["id"], base_revision=1)
    assert (again["status"], again["row"]) == ("applied", result["row"])
    unchanged(device, before)
    assert head(device) == at


def test_delete_of_what_nobody_or_a_stranger_has_is_applied(api: APIClient, device: Device, other: Device) -> None:
    stranger = factories.make_task(other)
    before = contents(other)
    for id in (uuid4(), stranger.uuid):
        result = push_one(api, "delete", "tasks", id=id)
        assert (result["status"], result["row"]) == ("applied", None)
    assert contents(other) == before


def test_delete_on_a_stale_revision_is_a_conflict_and_without_one_it_wins(api: APIClient, device: Device) -> None:
    product = edited(device)
    before = contents(device)
    stale = push_one(api, "delete", "products", id=product.uuid, base_revision=product.revision - 1)
    assert (stale["status"], stale["row"]["name"]) == ("conflict", "B")
    unchanged(device, before)
    assert push_one(api, "delete", "products", id=product.uuid)["status"] == "applied"
    assert not Product.objects.filter(pk=product.pk).exists()


def test_delete_that_a_rule_forbids_is_rejected(api: APIClient, device: Device) -> None:
    place = factories.make_location(device)
    factories.make_movement(device, to_location_id=place.uuid)
    before = contents(device)
    for id, code in ((place.uuid, "location_not_empty"), (default_location(device).uuid, "default_location")):
        result = push_one(api, "delete", "locations", id=id)
        assert (result["status"], result["internal_code"], result["retryable"]) == ("rejected", code, False)
    unchanged(device, before)


# --- facts and what only flows down ---
@pytest.mark.parametrize(("kind", "data"), [("update", {"note": "x"}), ("delete", None)])
def test_facts_are_never_changed(api: APIClient, device: Device, kind: str, data: dict[str, Any] | None) -> None:
    movement = factories.make_movement(device)
    before = contents(device)
    for id in (movement.uuid, uuid4()):
        result = push_one(api, kind, "stock_movements", data, id=id)
        assert (result["status"], result["internal_code"], result["retryable"]) == ("rejected", "sync_immutable", False)
    unchanged(device, before)
    assert StockMovement.objects.filter(pk=movement.pk, note="").exists()


@pytest.mark.parametrize("kind", ["create", "update", "delete"])
def test_levels_only_flow_down(api: APIClient, device: Device, kind: str) -> None:
    level = factories.make_level(device)
    before = contents(device)
    data = None if kind == "delete" else {"quantity": "5"}
    result = push_one(api, kind, "stock_levels", data, id=level.uuid)
    assert (result["status"], result["internal_code"], result["retryable"]) == ("rejected", "sync_read_only", False)
    unchanged(device, before)
    assert StockLevel.objects.get(pk=level.pk).quantity == 1


# --- what cannot be read is a verdict on that operation alone ---
@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ({"table": "nothing"}, "sync_unknown_table"),
        ({"table": None}, "sync_unknown_table"),
        ({"table": "jobs"}, "sync_unknown_table"),
        ({"op": "upsert"}, "validation_failed"),
        ({"op": ["create"]}, "validation_failed"),
        ({"id": "7"}, "validation_failed"),
        ({"id": None}, "validation_failed"),
        ({"data": []}, "validation_failed"),
        ({"data": None}, "validation_failed"),
        ({"data": {}}, "validation_failed"),
        ({"data": {"titel": "typo"}}, "validation_failed"),
        ({"data": {"title": "x", "device": "y"}}, "validation_failed"),
        ({"data": {"title": "x", "revision": 1}}, "validation_failed"),
        ({"data": {"title": "x" * 301}}, "validation_failed"),
        ({"data": {"title": "x", "priority": 6}}, "validation_failed"),
        ({"data": {"title": "a\x00b"}}, "bad_text"),
        ({"data": {"a\x00b": "x"}, "table": "tasks\x00"}, "bad_text"),
        ({"data": {"title": "x", "priority": 10**30}}, "validation_failed"),
        ({"base": []}, "validation_failed"),
        ({"base_revision": "3"}, "validation_failed"),
        ({"base_revision": True}, "validation_failed"),
        ({"base_revision": 0}, "validation_failed"),
        ({"extra": 1}, "validation_failed"),
    ],
)
def test_a_bad_operation_never_blocks_its_neighbours(
    api: APIClient, device: Device, broken: dict[str, Any], code: str
) -> None:
    before, after = op("create", "tasks", {"title": "Before"}), op("create", "tasks", {"title": "After"})
    bad = op("create", "tasks", {"title": "Bad"}) | broken
    results = push(api, before, bad, after)["results"]
    assert [result["status"] for result in results] == ["applied", "rejected", "applied"]
    assert (results[1]["internal_code"], results[1]["retryable"]) == (code, False)
    assert results[1]["detail"]
    assert {str(id) for id in Task.objects.values_list("uuid", flat=True)} == {before["id"], after["id"]}
    again = push(api, before, bad, after)["results"]
    assert [(result["status"], result["verdict"]) for result in again] == [
        ("duplicate", "applied"),
        ("duplicate", "rejected"),
        ("duplicate", "applied"),
    ]
    assert again[1]["internal_code"] == code  # the first answer may have been lost
    assert "internal_code" not in again[0]


@pytest.mark.parametrize("id_in_data", ["same", "other"])
def test_an_id_inside_data_must_not_contradict(api: APIClient, device: Device, id_in_data: str) -> None:
    operation = op("create", "tasks", {"title": "x"})
    operation["data"]["id"] = operation["id"] if id_in_data == "same" else str(uuid4())
    result = push(api, operation)["results"][0]
    assert result["status"] == ("applied" if id_in_data == "same" else "rejected")
    assert set(Task.objects.values_list("uuid", flat=True)) <= {UUID(operation["id"])}
