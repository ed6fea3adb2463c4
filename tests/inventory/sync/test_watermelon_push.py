"""WatermelonDB pushes: all or nothing, conflicts by the pull before, replays without effect."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from devices.models import Device, Event
from inventory.models import Barcode, Case, Category, Location, Product, StockLevel, StockMovement, Task
from inventory.services.products import delete_product, update_product
from tests import factories
from tests.conftest import client_with
from tests.inventory.sync.melon import PATH, created, deleted, flags, head, pull, push, push_twice, raw, row, updated


def test_rows_of_all_tables_whatever_the_order_of_the_keys(api: Any, device: Device) -> None:
    last = pull(api)["timestamp"]
    parent, child, grandchild = raw(name="A"), raw(name="B"), raw(name="C")
    child["parent_id"], grandchild["parent_id"] = parent["id"], child["id"]
    product = raw(name="Milk", sku="M1", reorder_level=2.5, category_id=grandchild["id"], attributes='{"fat": 3.5}')
    code = raw(product_id=product["id"], value="4006381333931", quantity=6, gtin="forged", is_duplicate=True)
    lot = raw(product_id=product["id"], code="L1", expires_on="2026-03-01", kind="lot")
    place = raw(name="Shelf", code="S1", kind="shelf", parent_id=None)
    movement = raw(
        product_id=product["id"], kind="receipt", quantity=12, lot_id=lot["id"], to_location_id=place["id"],
        occurred_at=1_772_366_400_123,
    )  # fmt: skip
    task = raw(title="Count", priority=1, due_date="2026-03-02", completed=True, location_id=place["id"])
    changes = {
        **created("tasks", task),
        **created("stock_movements", movement),
        **created("lots", lot),
        **created("barcodes", code),
        **created("products", product),
        **created("locations", place),
        **created("categories", grandchild, child, parent),
    }
    push_twice(api, device, last, changes)
    assert flags(device) == []
    stored = Product.objects.get(uuid=product["id"])
    assert (stored.name, stored.reorder_level, stored.attributes) == ("Milk", Decimal("2.5"), {"fat": "3.5"})
    assert stored.category.parent.parent == Category.objects.get(name="A")
    assert Barcode.objects.get(uuid=code["id"]).gtin == "04006381333931"
    assert not Barcode.objects.get(uuid=code["id"]).is_duplicate
    assert StockLevel.objects.get(location__code="S1", lot__code="L1").quantity == 12
    fact = StockMovement.objects.get(uuid=movement["id"])
    assert fact.occurred_at.isoformat() == "2026-03-01T12:00:00.123000+00:00"
    assert fact.installation.device == device
    assert Task.objects.get(uuid=task["id"]).completed_at is not None
    answer = pull(api, last)
    for table, lists in changes.items():
        for sent in lists["created"]:
            back = row(answer, table, sent["id"])
            same = {name for name in sent if name in back and name not in ("gtin", "is_duplicate", "attributes")}
            assert {name: float(back[name]) if name == "reorder_level" else back[name] for name in same} == {
                name: sent[name] for name in same
            }


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/json", "", "a/b; c", "application/x-www-form-urlencoded"]
)
def test_whatever_the_content_type(api: Any, device: Device, content_type: str) -> None:
    sent = raw(name="Milk")
    push(api, pull(api)["timestamp"], created("products", sent), content_type=content_type)
    assert Product.objects.get().uuid == UUID(sent["id"])


def test_updates_and_deletes(api: Any, device: Device) -> None:
    kept, gone = factories.make_product(device, name="A", sku="K"), factories.make_product(device)
    barcode = factories.make_barcode(device, product_id=gone.uuid)
    answer = pull(api)
    changed = {**row(answer, "products", kept.uuid), "name": "B", "_status": "updated", "_changed": "name"}
    changes = {"products": {"created": [], "updated": [changed], "deleted": [str(gone.uuid)]}}
    push_twice(api, device, answer["timestamp"], changes)
    kept.refresh_from_db()
    assert (kept.name, kept.sku) == ("B", "K")
    event = Event.objects.filter(device=device, object_id=kept.uuid).latest("id")
    assert event.changes == {"name": ["A", "B"]}
    assert Product.all_objects.get(pk=gone.pk).is_deleted
    assert Barcode.all_objects.get(pk=barcode.pk).is_deleted
    assert pull(api, answer["timestamp"])["changes"]["products"]["deleted"] == [str(gone.uuid)]


def test_created_that_exists_is_an_update_and_updated_that_does_not_is_a_create(api: Any, device: Device) -> None:
    known = factories.make_product(device, name="A")
    last = pull(api)["timestamp"]
    unknown = raw(name="New", _status="updated", _changed="name")
    push_twice(api, device, last, created("products", {"id": str(known.uuid), "name": "B"}))
    push_twice(api, device, last, updated("products", unknown))
    assert set(Product.objects.values_list("name", flat=True)) == {"B", "New"}


def test_deleting_what_nobody_knows_is_no_trouble(api: Any, device: Device) -> None:
    last = pull(api)["timestamp"]
    before = head(device)
    push(api, last, {**deleted("products", str(uuid4()), "abc", "aZ09bcdefghijklm"), **deleted("tasks", str(uuid4()))})
    assert head(device) == before


def test_a_row_changed_meanwhile_is_a_conflict_and_nothing_is_written(api: Any, device: Device) -> None:
    product, task = factories.make_product(device, name="A"), factories.make_task(device)
    answer = pull(api)
    last = answer["timestamp"]
    update_product(product, actor=factories.TESTER, changes={"notes": "staff"})
    before = head(device)
    mine = {**row(answer, "products", product.uuid), "name": "Mine"}
    changes = {**created("tasks", raw(title="New")), **updated("products", mine)}
    refused = push(api, last, {**changes, "tasks": {**changes["tasks"], "deleted": [str(task.uuid)]}}, status=409)
    assert refused["internal_code"] == "sync_conflict"
    assert refused["conflicts"] == [{"table": "products", "id": str(product.uuid)}]
    assert head(device) == before
    assert Product.objects.get().name == "A"
    assert Task.objects.get() == task
    again = pull(api, last)
    merged = {**row(again, "products", product.uuid), "name": "Mine"}
    push_twice(api, device, again["timestamp"], {**changes, **updated("products", merged)})
    product.refresh_from_db()
    assert (product.name, product.notes) == ("Mine", "staff")


def test_equal_content_is_never_a_conflict(api: Any, device: Device) -> None:
    product = factories.make_product(device, name="A")
    answer = pull(api)
    update_product(product, actor=factories.TESTER, changes={"name": "Both"})
    before = head(device)
    push(api, answer["timestamp"], updated("products", {**row(answer, "products", product.uuid), "name": "Both"}))
    assert head(device) == before


def test_deleting_a_row_changed_meanwhile_is_a_conflict_once(api: Any, device: Device) -> None:
    product = factories.make_product(device)
    last = pull(api)["timestamp"]
    update_product(product, actor=factories.TESTER, changes={"notes": "staff"})
    push(api, last, deleted("products", str(product.uuid)), status=409)
    assert not Product.objects.get().is_deleted
    push_twice(api, device, pull(api, last)["timestamp"], deleted("products", str(product.uuid)))
    assert not Product.objects.exists()


@pytest.mark.parametrize("how", ["created", "updated"])
def test_a_change_of_a_tombstone_is_a_conflict_and_shows_it_again(api: Any, device: Device, how: str) -> None:
    product = factories.make_product(device, name="A")
    sent = row(pull(api), "products", product.uuid)
    delete_product(product, actor=factories.TESTER)
    last = pull(api)["timestamp"]  # this client was told of the deletion already
    revision = Product.all_objects.get(pk=product.pk).revision
    changes = {"products": {"created": [], "updated": [], "deleted": [], how: [{**sent, "name": "B"}]}}
    push(api, last, {**changes, **created("tasks", raw(title="x"))}, status=409)
    tombstone = Product.all_objects.get(pk=product.pk)
    assert tombstone.is_deleted
    assert tombstone.name == "A"
    assert tombstone.revision > revision
    assert not Task.objects.exists()
    assert pull(api, last)["changes"]["products"]["deleted"] == [str(product.uuid)]


def test_a_conflict_under_an_idempotency_key_shows_the_tombstone_too(api: Any, device: Device) -> None:
    product = factories.make_product(device)
    delete_product(product, actor=factories.TESTER)
    last = pull(api)["timestamp"]
    body = json.dumps(updated("products", {"id": str(product.uuid), "name": "B"}))
    response = api.post(f"{PATH}?last_pulled_at={last}", body, content_type="text/plain", HTTP_IDEMPOTENCY_KEY="k")
    assert response.status_code == 409
    assert pull(api, last)["changes"]["products"]["deleted"] == [str(product.uuid)]


def test_a_code_that_a_deleted_row_had_is_free_in_the_same_push(api: Any, device: Device) -> None:
    old = factories.make_product(device, sku="S")
    bar = factories.make_barcode(device, product_id=old.uuid, value="123")
    last = pull(api)["timestamp"]
    new = raw(name="New", sku="S")
    changes = {
        "barcodes": {"created": [raw(product_id=new["id"], value="123")], "updated": [], "deleted": [str(bar.uuid)]},
        "products": {"created": [new], "updated": [], "deleted": [str(old.uuid)]},
    }
    push_twice(api, device, last, changes)
    assert not Case.objects.exists()
    assert Product.objects.get().sku == "S"
    assert Barcode.objects.get().product.name == "New"


def test_stock_leaves_a_place_before_the_place_goes(api: Any, device: Device) -> None:
    place = factories.make_location(device, code="S1")
    below = factories.make_location(device, parent_id=place.uuid)
    movement = factories.make_movement(device, quantity=Decimal(3), to_location_id=below.uuid)
    last = pull(api)["timestamp"]
    out = raw(product_id=str(movement.product.uuid), kind="issue", quantity=3, from_location_id=str(below.uuid))
    changes = {
        "locations": {
            "created": [raw(name="New", code="S1")],
            "updated": [],
            "deleted": [str(place.uuid), str(below.uuid)],
        },
        **created("stock_movements", out),
    }
    push_twice(api, device, last, changes)
    assert set(Location.objects.values_list("name", flat=True)) == {"Main", "New"}
    assert {case.kind for case in Case.objects.all()} <= {"duplicate_product"}


def test_trees_can_be_turned_around(api: Any, device: Device) -> None:
    top = factories.make_category(device, name="top")
    low = factories.make_category(device, name="low", parent_id=top.uuid)
    answer = pull(api)
    mine = [
        {**row(answer, "categories", top.uuid), "parent_id": str(low.uuid)},
        {**row(answer, "categories", low.uuid), "parent_id": None},
    ]
    push_twice(api, device, answer["timestamp"], updated("categories", *mine))
    top.refresh_from_db()
    assert top.parent == Category.objects.get(name="low", parent=None)
    assert flags(device) == []


def test_a_category_goes_and_the_products_that_lose_it_are_no_conflict(api: Any, device: Device) -> None:
    category = factories.make_category(device)
    product = factories.make_product(device, category_id=category.uuid)
    answer = pull(api)
    mine = {**row(answer, "products", product.uuid), "category_id": None, "name": "B"}
    push_twice(
        api, device, answer["timestamp"], {**updated("products", mine), **deleted("categories", str(category.uuid))}
    )
    product.refresh_from_db()
    assert (product.name, product.category) == ("B", None)


def test_ids_that_the_library_makes_by_itself(api: Any, device: Device) -> None:
    last = pull(api)["timestamp"]
    changes = {
        **created("products", {"id": "aZ09bcdefghijklm", "name": "Milk"}),
        **created("barcodes", {"id": "0000000000000001", "product_id": "aZ09bcdefghijklm", "value": "1"}),
    }
    push_twice(api, device, last, changes)
    answer = pull(api, last)
    assert row(answer, "products", "aZ09bcdefghijklm")["name"] == "Milk"
    assert row(answer, "barcodes", "0000000000000001")["product_id"] == "aZ09bcdefghijklm"
    assert str(Product.objects.get().uuid) == "615a3039-6263-6465-6667-68696a6b6c6d"
    push(api, answer["timestamp"], deleted("products", "aZ09bcdefghijklm"))
    assert "aZ09bcdefghijklm" in pull(api, answer["timestamp"])["changes"]["products"]["deleted"]


def test_many_rows_at_once(api: Any, device: Device, django_assert_max_num_queries: Any) -> None:
    last = pull(api)["timestamp"]
    products = [raw(name=f"P{number}") for number in range(300)]
    moves = [raw(product_id=one["id"], kind="receipt", quantity=1) for one in products]
    with django_assert_max_num_queries(60):
        push(api, last, {**created("stock_movements", *moves), **created("products", *products)})
    assert StockLevel.objects.filter(quantity=1).count() == 300
    before = head(device)
    push(api, last, {**created("stock_movements", *moves), **created("products", *products)})
    assert head(device) == before


def test_a_push_before_any_pull_conflicts_only_where_it_must(api: Any, device: Device) -> None:
    product = factories.make_product(device, name="A")
    push(api, None, created("tasks", raw(title="New")))
    push(api, None, updated("products", {"id": str(product.uuid), "name": "B"}), status=409)
    assert Product.objects.get().name == "A"
    assert Task.objects.count() == 1


def test_devices_never_meet(api: Any, device: Device, other: Device) -> None:
    theirs = factories.make_product(other, name="Theirs")
    before = head(other)
    last = pull(api)["timestamp"]
    changes = {
        **updated("products", {"id": str(theirs.uuid), "name": "Mine"}),
        **created("barcodes", raw(product_id=str(theirs.uuid), value="1")),
    }
    push(api, last, changes)
    push(api, last, deleted("products", str(factories.make_product(other).uuid)))
    assert Product.objects.get(device=other, pk=theirs.pk).name == "Theirs"
    assert Product.objects.get(device=device).name == "Mine"
    assert Barcode.objects.get().product.device == device
    assert head(other) == before + 1
    assert client_with().post(PATH, "{}", content_type="text/plain").status_code == 401


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "malformed_json"),
        ("[]", 422, "validation_failed"),
        ("null", 422, "validation_failed"),
        ('{"products": []}', 422, "validation_failed"),
        ('{"products": {"created": {}}}', 422, "validation_failed"),
        ('{"products": {"created": [1]}}', 422, "validation_failed"),
        ('{"products": {"created": [{"name": "x"}]}}', 422, "validation_failed"),
        ('{"products": {"deleted": [1]}}', 422, "validation_failed"),
        ("[" * 5000, 400, "malformed_json"),
        ('{"products": {"created": [{"id": "x", "name": ' + "[" * 200 + "]" * 200 + "}]}}", 400, "malformed_json"),
    ],
)
def test_what_is_no_change_set_is_refused(api: Any, device: Device, body: str, status: int, code: str) -> None:
    last = pull(api)["timestamp"]
    before = head(device)
    assert push(api, last, body, status=status)["internal_code"] == code
    assert head(device) == before


def test_an_empty_change_set_is_one(api: Any, device: Device) -> None:
    before = head(device)
    push(api, None, {})
    push(api, None, {"products": {}, "tasks": {"created": [], "updated": None}})
    assert head(device) == before
