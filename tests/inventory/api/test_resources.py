"""Every resource over HTTP: its shape, and create, read, change, delete, restore."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from rest_framework.test import APIClient

from devices.models import Device, Event
from inventory.models import Barcode, Category, Location, Lot, Product, Task
from tests import factories

RECORD = ["id", "device", "revision", "created_at", "updated_at", "deleted_at"]


@dataclass(frozen=True)
class Resource:
    """`body` makes the least that a POST needs; `change` is one field and its new value."""

    path: str
    model: type[Any]
    fields: list[str]
    body: Callable[[Device], dict[str, Any]]
    change: tuple[str, Any]
    make: Callable[..., Any]

    def __str__(self) -> str:
        return self.path


RESOURCES = [
    Resource("categories", Category, ["name", "parent_id"], lambda device: {"name": "Tea"}, ("name", "Coffee"),
             factories.make_category),
    Resource("products", Product,
             ["name", "sku", "unit", "notes", "is_active", "reorder_level", "unit_cost", "category_id", "attributes",
              "is_duplicate"],
             lambda device: {"name": "Green tea"}, ("notes", "from Uji"), factories.make_product),
    Resource("barcodes", Barcode,
             ["product_id", "value", "symbology", "quantity", "gtin", "check_digit_ok", "is_duplicate"],
             lambda device: {"product_id": str(factories.make_product(device).uuid), "value": "A-1"},
             ("symbology", "code128"), factories.make_barcode),
    Resource("locations", Location, ["name", "code", "parent_id", "kind", "is_default"],
             lambda device: {"name": "Cellar"}, ("kind", "room"), factories.make_location),
    Resource("lots", Lot, ["product_id", "code", "kind", "expires_on"],
             lambda device: {"product_id": str(factories.make_product(device).uuid), "code": "L1"},
             ("expires_on", "2027-01-31"), factories.make_lot),
    Resource("tasks", Task,
             ["title", "description", "priority", "due_date", "assignee", "location_id", "completed",
              "completed_at"],
             lambda device: {"title": "Count the tea"}, ("assignee", "Ada"), factories.make_task),
]  # fmt: skip
READ_ONLY = {
    "stock-movements": ["product_id", "kind", "quantity", "from_location_id", "to_location_id", "lot_id", "reason",
                        "note", "reference", "occurred_at", "received_at", "reverses_id"],
    "stock-levels": ["product_id", "location_id", "lot_id", "quantity"],
}  # fmt: skip
every = pytest.mark.parametrize("resource", RESOURCES, ids=str)


def post(api: APIClient, resource: Resource, device: Device, **more: Any) -> dict[str, Any]:
    answer = api.post(f"/v1/{resource.path}", {**resource.body(device), **more})
    assert answer.status_code == 201, answer.content
    return answer.json()


def history(row: Any) -> list[Event]:
    return list(Event.objects.about(row))


def states(model: type[Any], device: Device) -> list[Any]:
    return list(model.all_objects.for_device(device).order_by("id").values())


@every
def test_a_row_has_exactly_these_fields_everywhere(api: APIClient, device: Device, resource: Resource) -> None:
    wanted = [*RECORD[:2], *resource.fields, *RECORD[2:]]
    created = post(api, resource, device)
    detail = api.get(f"/v1/{resource.path}/{created['id']}").json()
    listed = api.get(f"/v1/{resource.path}").json()["results"]
    assert list(created) == wanted
    assert list(detail) == wanted
    assert detail == created == next(row for row in listed if row["id"] == created["id"])
    assert created["device"] == str(device.uuid)
    assert created["deleted_at"] is None
    for name in ("created_at", "updated_at"):
        assert created[name].endswith("Z")


@pytest.mark.parametrize("path", READ_ONLY)
def test_ledger_rows_have_exactly_these_fields(api: APIClient, device: Device, path: str) -> None:
    factories.make_movement(device)
    row = api.get(f"/v1/{path}").json()["results"][0]
    assert list(row) == [*RECORD[:2], *READ_ONLY[path], *RECORD[2:]]


@every
def test_create_answers_201_with_the_rows_etag_and_records_it(
    api: APIClient, device: Device, resource: Resource
) -> None:
    answer = api.post(f"/v1/{resource.path}", resource.body(device))
    row = resource.model.objects.by_uuid(device, UUID(answer.json()["id"]))
    assert answer.status_code == 201
    assert answer.headers["ETag"] == f'"{row.revision}"' == f'"{answer.json()["revision"]}"'
    (event,) = history(row)
    assert (event.action, event.revision, event.actor_kind) == ("created", row.revision, "installation")
    first_field = next(name for name in resource.body(device) if not name.endswith("_id"))
    assert event.changes[first_field] == [None, answer.json()[first_field]]


@every
def test_the_client_may_choose_the_id_in_any_case(api: APIClient, device: Device, resource: Resource) -> None:
    chosen = uuid4()
    created = post(api, resource, device, id=str(chosen).upper())
    assert created["id"] == str(chosen)
    assert api.get(f"/v1/{resource.path}/{str(chosen).upper()}").json() == created


@every
def test_an_id_is_used_once_per_device(api: APIClient, device: Device, other: Device, resource: Resource) -> None:
    stranger = resource.make(other)
    mine = post(api, resource, device, id=str(stranger.uuid))  # another device's id is free here
    assert mine["id"] == str(stranger.uuid)
    body = {**resource.body(device), "id": mine["id"]}
    if "value" in body or "code" in body:
        body["value" if "value" in body else "code"] = "another"
    before = states(resource.model, device)
    answer = api.post(f"/v1/{resource.path}", body)
    assert (answer.status_code, answer.json()["internal_code"]) == (409, "id_already_used")
    assert states(resource.model, device) == before
    stranger.refresh_from_db()
    assert stranger.deleted_at is None


@every
def test_patch_changes_one_field_and_says_what_it_was(api: APIClient, device: Device, resource: Resource) -> None:
    created = post(api, resource, device)
    field, value = resource.change
    answer = api.patch(f"/v1/{resource.path}/{created['id']}", {field: value})
    changed = answer.json()
    assert answer.status_code == 200
    assert changed[field] == value
    assert changed["revision"] > created["revision"]
    assert {name for name in changed if changed[name] != created[name]} == {field, "revision", "updated_at"}
    newest = history(resource.model.objects.by_uuid(device, UUID(created["id"])))[0]
    assert (newest.action, newest.revision) == ("updated", changed["revision"])
    assert newest.changes == {field: [created[field], value]}


@every
def test_put_sets_what_is_left_out_to_its_default(api: APIClient, device: Device, resource: Resource) -> None:
    created = post(api, resource, device)
    field, value = resource.change
    path = f"/v1/{resource.path}/{created['id']}"
    assert api.patch(path, {field: value}).status_code == 200
    body = {name: created[name] for name in resource.body(device)}
    answer = api.put(path, body)
    expected = body.get(field, created[field])
    assert answer.status_code == 200, answer.content
    assert answer.json()[field] == expected
    assert {**answer.json(), "revision": 0, "updated_at": ""} == {**created, "revision": 0, "updated_at": ""}


@every
def test_a_whole_row_may_be_sent_back_as_it_was_read(api: APIClient, device: Device, resource: Resource) -> None:
    created = post(api, resource, device)
    answer = api.put(f"/v1/{resource.path}/{created['id']}", created)
    assert answer.status_code == 200, answer.content
    assert answer.json() == created  # nothing changed: same revision


@every
def test_if_match_decides_between_writers(api: APIClient, device: Device, resource: Resource) -> None:
    created = post(api, resource, device)
    path, (field, value) = f"/v1/{resource.path}/{created['id']}", resource.change
    seen = f'"{created["revision"]}"'
    changed = api.patch(path, {field: value}, headers={"If-Match": seen}).json()
    before = states(resource.model, device)
    for late in (api.patch(path, {field: created[field]}, headers={"If-Match": seen}),
                 api.put(path, created, headers={"If-Match": seen}),
                 api.delete(path, headers={"If-Match": seen})):  # fmt: skip
        assert (late.status_code, late.json()["internal_code"]) == (412, "revision_mismatch")
        assert late.json()["current"] == changed
    assert states(resource.model, device) == before
    assert api.delete(path, headers={"If-Match": f'"{changed["revision"]}"'}).status_code == 204


@every
def test_delete_leaves_a_tombstone_and_restore_brings_it_back(
    api: APIClient, device: Device, resource: Resource
) -> None:
    created = post(api, resource, device)
    path = f"/v1/{resource.path}/{created['id']}"
    gone = api.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    for answer in (api.delete(path), api.get(path), api.patch(path, {}), api.put(path, resource.body(device))):
        assert (answer.status_code, answer.json()["internal_code"]) == (404, "not_found")
    assert created["id"] not in str(api.get(f"/v1/{resource.path}").json())
    (tombstone,) = api.get(f"/v1/{resource.path}?deleted=true").json()["results"]
    assert tombstone["id"] == created["id"]
    assert tombstone["deleted_at"].endswith("Z")
    assert tombstone["revision"] > created["revision"]

    back = api.post(f"{path}/restore")
    assert back.status_code == 200
    assert back.json()["revision"] > tombstone["revision"]
    moved = ("revision", "updated_at")
    assert {k: v for k, v in back.json().items() if k not in moved} == {
        k: v for k, v in created.items() if k not in moved
    }
    again = api.post(f"{path}/restore")
    assert (again.status_code, again.json()["internal_code"]) == (409, "not_deleted")
    row = resource.model.objects.by_uuid(device, UUID(created["id"]))
    assert [event.action for event in history(row)] == ["restored", "deleted", "created"]


@every
def test_the_id_of_a_deleted_row_stays_used(api: APIClient, device: Device, resource: Resource) -> None:
    created = post(api, resource, device)
    api.delete(f"/v1/{resource.path}/{created['id']}")
    answer = api.post(f"/v1/{resource.path}", {**resource.body(device), "id": created["id"]})
    assert (answer.status_code, answer.json()["internal_code"]) == (409, "id_already_used")


@every
def test_fields_of_the_server_and_unknown_ones_are_refused(api: APIClient, device: Device, resource: Resource) -> None:
    created = post(api, resource, device)
    before = states(resource.model, device)
    refused = {"revision": 1, "device": str(uuid4()), "deleted_at": "2026-01-01T00:00:00Z", "nmae": "x"}
    for field, value in refused.items():
        for answer in (
            api.post(f"/v1/{resource.path}", {**resource.body(device), field: value}),
            api.patch(f"/v1/{resource.path}/{created['id']}", {field: value}),
        ):
            assert answer.status_code == 422, (field, answer.content)
            assert [problem["field"] for problem in answer.json()["errors"]] == [field]
    answer = api.patch(f"/v1/{resource.path}/{created['id']}", {"id": str(uuid4())})
    assert answer.status_code == 422
    assert states(resource.model, device) == before


@every
def test_a_list_of_rows_answers_row_by_row(api: APIClient, device: Device, resource: Resource) -> None:
    good = resource.body(device)
    used = str(post(api, resource, device, **({"value": "B"} if "value" in good else {}))["id"])
    answer = api.post(f"/v1/{resource.path}", [{**good, "id": used}, {**good, "nmae": 1}, _other(good), "no object"])
    results = answer.json()["results"]
    assert answer.status_code == 200
    assert [result["status"] for result in results] == [409, 422, 201, 422]
    assert results[0]["problem"]["internal_code"] == "id_already_used"
    assert results[1]["problem"]["errors"][0]["field"] == "nmae"
    assert results[2]["row"] == api.get(f"/v1/{resource.path}/{results[2]['row']['id']}").json()
    assert api.post(f"/v1/{resource.path}", [good] * 501).status_code == 413


def _other(body: dict[str, Any]) -> dict[str, Any]:
    return {name: "row by row" if name in ("value", "code") else value for name, value in body.items()}


@every
def test_conditional_reads_and_chosen_fields(api: APIClient, device: Device, resource: Resource) -> None:
    created = post(api, resource, device)
    path = f"/v1/{resource.path}/{created['id']}"
    etag = api.get(path).headers["ETag"]
    assert api.get(path, headers={"If-None-Match": etag}).status_code == 304
    field = resource.fields[0]
    assert api.get(f"{path}?fields=id,{field}").json() == {"id": created["id"], field: created[field]}
    unknown = api.get(f"{path}?fields=nmae")
    assert (unknown.status_code, unknown.json()["internal_code"]) == (400, "unknown_field_wanted")
    listed = api.get(f"/v1/{resource.path}")
    assert api.get(f"/v1/{resource.path}", headers={"If-None-Match": listed.headers["ETag"]}).status_code == 304
    api.patch(path, dict([resource.change]))
    assert api.get(path, headers={"If-None-Match": etag}).status_code == 200
    assert api.get(f"/v1/{resource.path}", headers={"If-None-Match": listed.headers["ETag"]}).status_code == 200
