"""What a WatermelonDB client should not push is accepted all the same: mended, flagged, and shown to it again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError

from devices.models import Device
from inventory.models import Barcode, Case, Category, Location, Lot, Product, StockLevel, StockMovement, Task
from inventory.services import products
from inventory.services.categories import delete_category
from inventory.services.products import delete_product, restore_product
from inventory.services.sync.watermelon import parents
from tests import factories
from tests.inventory.sync.melon import created, deleted, flags, head, pull, push, push_twice, raw, row, updated

NOWHERE = "7d1f0a52-4a52-4c4b-9f0e-111111111111"


def only_flag(device: Device) -> Case:
    (case,) = flags(device)
    return case


# --- values ---
@pytest.mark.parametrize(
    ("table", "column", "sent", "stored"),
    [
        ("products", "name", "x" * 301, "x" * 300),
        ("products", "name", "", None),
        ("products", "name", 5, None),
        ("products", "sku", ["a"], ""),
        ("products", "is_active", "yes", True),
        ("products", "reorder_level", "2.5", None),
        ("products", "reorder_level", -1, None),
        ("products", "reorder_level", 10**12, None),
        ("products", "reorder_level", True, None),
        ("products", "reorder_level", 0.1234567, Decimal("0.123457")),
        ("products", "attributes", "[]", {}),
        ("products", "attributes", "{", {}),
        ("products", "attributes", 7, {}),
        ("products", "category_id", "nowhere", None),
        ("products", "category_id", 7, None),
        ("tasks", "priority", 9, 3),
        ("tasks", "priority", "high", 3),
        ("tasks", "priority", 2.5, 3),
        ("tasks", "due_date", "soon", None),
        ("tasks", "due_date", 1_772_366_400_000, None),
        ("locations", "kind", "castle", "other"),
    ],
)
def test_a_value_that_does_not_fit_is_mended_and_flagged(
    api: Any, device: Device, *, table: str, column: str, sent: Any, stored: Any
) -> None:
    last = pull(api)["timestamp"]
    base = {"products": {"name": "N"}, "tasks": {"title": "T"}, "locations": {"name": "L"}}[table]
    new = raw(**{**base, column: sent})
    push_twice(api, device, last, created(table, new))
    model: Any = {"products": Product, "tasks": Task, "locations": Location}[table]
    found = getattr(model.objects.get(uuid=new["id"]), column.removesuffix("_id"))
    assert found == (f"Unnamed {new['id'][-8:]}" if column == "name" and stored is None else stored)
    case = only_flag(device)
    assert case.evidence["table"] == table
    assert case.evidence["reasons"][0].startswith(f"{column}: ")
    assert case.evidence["raw"][column] == (str(sent) if isinstance(sent, float) else sent)
    assert "_status" not in case.evidence["raw"]


@pytest.mark.parametrize(
    ("column", "sent", "stored"),
    [
        ("is_active", 0, False),
        ("is_active", None, True),
        ("sku", None, ""),
        ("reorder_level", 0.1 + 0.2, Decimal("0.3")),
        ("reorder_level", None, None),
        ("category_id", "", None),
        ("attributes", "", {}),
        ("attributes", {"a": 1}, {"a": 1}),
        ("attributes", '{"cut": "\\ud83d"}', {"cut": "\ufffd"}),
        ("notes", "a\x00b", "a\ufffdb"),
        ("colour", "red", None),
        ("revision", 7, None),
        ("device", "x", None),
    ],
)
def test_what_is_only_unusual_is_no_trouble(api: Any, device: Device, column: str, sent: Any, stored: Any) -> None:
    new = raw(**{"name": "N", column: sent})
    push_twice(api, device, pull(api)["timestamp"], created("products", new))
    found = Product.objects.get()
    if column in ("colour", "revision", "device"):
        assert found.revision != 7
    else:
        assert getattr(found, column.removesuffix("_id")) == stored
    assert flags(device) == []


def test_what_an_app_never_set_has_its_default(api: Any, device: Device) -> None:
    """The library fills columns that are not optional with "" and 0."""
    product = raw(name="N", unit="", sku="")
    changes = {
        **created("products", product),
        **created("barcodes", raw(product_id=product["id"], value="1", quantity=0, symbology="")),
        **created("tasks", raw(title="T", priority=0, due_date="")),
        **created("locations", raw(name="L", kind="", code="", parent_id="")),
    }
    push_twice(api, device, pull(api)["timestamp"], changes)
    assert (Product.objects.get().unit, Barcode.objects.get().quantity, Task.objects.get().priority) == ("pcs", 1, 3)
    assert flags(device) == []
    answer = pull(api)
    push_twice(
        api, device, answer["timestamp"], updated("products", {**row(answer, "products", product["id"]), "unit": ""})
    )
    assert row(pull(api, answer["timestamp"]), "products", product["id"])["unit"] == "pcs"


def test_half_an_emoji_does_not_stop_the_sync(api: Any, device: Device) -> None:
    body = b'{"products": {"created": [{"id": "aZ09bcdefghijklm", "name": "half \\ud83d \\u0000"}]}}'
    push_twice(api, device, pull(api)["timestamp"], body.decode())
    assert Product.objects.get().name == "half \ufffd \ufffd"


def test_an_update_keeps_what_is_stored_where_the_new_value_is_none(api: Any, device: Device) -> None:
    task = factories.make_task(device, priority=1, title="Keep")
    answer = pull(api)
    mine = {**row(answer, "tasks", task.uuid), "priority": 7, "title": ""}
    push_twice(api, device, answer["timestamp"], updated("tasks", mine))
    task.refresh_from_db()
    assert (task.title, task.priority) == ("Keep", 1)
    again = pull(api, answer["timestamp"])
    assert row(again, "tasks", task.uuid)["priority"] == 1  # the client gets it back
    assert only_flag(device).evidence["reasons"] == ["priority: not valid", "title: not valid"]
    before = head(device)
    push(api, again["timestamp"], updated("tasks", {**mine, "_changed": "priority"}))
    assert row(pull(api, again["timestamp"]), "tasks", task.uuid)["priority"] == 1
    assert head(device) == before + 1  # told once more, flagged once
    assert len(flags(device)) == 1


def test_an_over_long_update_is_cut_and_shown(api: Any, device: Device) -> None:
    task = factories.make_task(device)
    answer = pull(api)
    mine = {**row(answer, "tasks", task.uuid), "title": "y" * 400, "description": "fine"}
    push_twice(api, device, answer["timestamp"], updated("tasks", mine))
    found = row(pull(api, answer["timestamp"]), "tasks", task.uuid)
    assert (found["title"], found["description"]) == ("y" * 300, "fine")
    assert only_flag(device).evidence["raw"]["title"] == "y" * 400


def test_columns_of_the_server_come_back_as_they_are(api: Any, device: Device) -> None:
    barcode = factories.make_barcode(device, value="4006381333931")
    answer = pull(api)
    mine = {**row(answer, "barcodes", barcode.uuid), "gtin": "forged", "created_at": 1, "updated_at": 2}
    push_twice(api, device, answer["timestamp"], updated("barcodes", mine))
    assert row(pull(api, answer["timestamp"]), "barcodes", barcode.uuid)["gtin"] == "04006381333931"
    later = pull(api)
    before = head(device)
    push(api, later["timestamp"], updated("barcodes", {**row(later, "barcodes", barcode.uuid), "updated_at": 5}))
    assert head(device) == before
    assert flags(device) == []


# --- codes ---
@pytest.mark.parametrize("how", ["created", "updated"])
def test_a_code_that_is_taken_makes_a_twin(api: Any, device: Device, how: str) -> None:
    first = factories.make_product(device, sku="S")
    second = factories.make_product(device, sku="T")
    answer = pull(api)
    change = created("products", raw(name="Twin", sku="S"))
    if how == "updated":
        change = updated("products", {**row(answer, "products", second.uuid), "sku": "S"})
    push_twice(api, device, answer["timestamp"], change)
    twins = Product.objects.filter(sku="S").exclude(pk=first.pk)
    assert [twin.is_duplicate for twin in twins] == [True]
    assert Case.objects.get().kind == "duplicate_product"


# --- parents ---
def test_an_orphan_loses_an_optional_parent(api: Any, device: Device) -> None:
    category = factories.make_category(device)
    last = pull(api)["timestamp"]
    delete_category(category, actor=factories.TESTER)
    lost = raw(name="A", category_id=str(uuid4()))
    late = raw(name="B", category_id=str(category.uuid))
    push_twice(api, device, last, created("products", lost, late))
    assert list(Product.objects.values_list("category", flat=True)) == [None, None]
    assert [case.evidence["id"] for case in flags(device)] == [lost["id"], late["id"]]
    assert row(pull(api, last), "products", lost["id"])["category_id"] is None


@pytest.mark.parametrize("given", [{"product_id": NOWHERE}, {"product_id": ""}, {"product_id": 5}, {}])
def test_an_orphan_gets_a_placeholder_for_a_required_parent(api: Any, device: Device, given: Any) -> None:
    last = pull(api)["timestamp"]
    changes = {
        **created("barcodes", raw(value="1", **given), raw(value="2", **given)),
        **created("lots", raw(code="L", **given)),
        **created("stock_movements", raw(kind="receipt", quantity=1, **given)),
    }
    push_twice(api, device, last, changes)
    product = Product.objects.get()
    assert product.name == "Unknown product"
    assert (str(product.uuid) == NOWHERE) == (given.get("product_id") == NOWHERE)
    assert {*Barcode.objects.values_list("product", flat=True), Lot.objects.get().product_id} == {product.pk}
    assert StockLevel.objects.get().product == product
    assert len(flags(device)) == (1 if given.get("product_id") == NOWHERE else 4)


def test_the_real_product_takes_the_place_of_the_placeholder(api: Any, device: Device) -> None:
    last = pull(api)["timestamp"]
    real = raw(name="Milk", sku="M")
    push(api, last, created("barcodes", raw(value="1", product_id=real["id"])))
    push_twice(api, device, last, created("products", real))  # by another installation that pulled before
    assert Barcode.objects.get().product == Product.objects.get(name="Milk", sku="M")


def test_a_child_of_a_deleted_parent_is_buried_with_it(api: Any, device: Device) -> None:
    product = factories.make_product(device)
    last = pull(api)["timestamp"]
    delete_product(product, actor=factories.TESTER)
    new = raw(value="123", product_id=str(product.uuid))
    push_twice(api, device, last, created("barcodes", new))
    assert not Barcode.objects.exists()
    assert pull(api, last)["changes"]["barcodes"]["deleted"] == [new["id"]]
    assert only_flag(device).evidence["reasons"] == ["product_id: deleted"]
    restore_product(Product.all_objects.get(), actor=factories.TESTER)
    assert Barcode.objects.get().value == "123"


def test_a_child_does_not_move_to_a_deleted_parent(api: Any, device: Device) -> None:
    barcode, grave = factories.make_barcode(device), factories.make_product(device)
    answer = pull(api)
    delete_product(grave, actor=factories.TESTER)
    mine = {**row(answer, "barcodes", barcode.uuid), "product_id": str(grave.uuid), "symbology": "ean"}
    push_twice(api, device, answer["timestamp"], updated("barcodes", mine))
    fresh = Barcode.objects.get()
    assert (fresh.product, fresh.symbology) == (barcode.product, "ean")
    assert only_flag(device).evidence["reasons"] == ["product_id: deleted"]


def test_a_loop_in_a_tree_is_opened(api: Any, device: Device) -> None:
    top = factories.make_category(device, name="top")
    low = factories.make_category(device, name="low", parent_id=top.uuid)
    answer = pull(api)
    mine = {**row(answer, "categories", top.uuid), "parent_id": str(low.uuid), "name": "TOP"}
    one, two = raw(name="one"), raw(name="two")
    one["parent_id"], two["parent_id"] = two["id"], one["id"]
    changes = {"categories": {"created": [one, two], "updated": [mine], "deleted": []}}
    push_twice(api, device, answer["timestamp"], changes)
    top.refresh_from_db()
    assert (top.name, top.parent) == ("TOP", None)
    assert sum(category.parent is None for category in Category.objects.filter(name__in=["one", "two"])) == 1
    assert len(flags(device)) == 2


def test_a_branch_that_is_too_deep_is_cut(api: Any, device: Device) -> None:
    chain = [raw(name=f"c{number}") for number in range(66)]
    for below, above in zip(chain[1:], chain, strict=False):
        below["parent_id"] = above["id"]
    push_twice(api, device, pull(api)["timestamp"], created("categories", *reversed(chain)))
    assert Category.objects.count() == 66
    assert only_flag(device).evidence["reasons"] == ["parent_id: tree_too_deep"]


def test_a_lot_stays_with_its_product(api: Any, device: Device) -> None:
    lot, elsewhere = factories.make_lot(device), factories.make_product(device)
    answer = pull(api)
    mine = {**row(answer, "lots", lot.uuid), "product_id": str(elsewhere.uuid)}
    push_twice(api, device, answer["timestamp"], updated("lots", mine))
    again = pull(api, answer["timestamp"])
    assert row(again, "lots", lot.uuid)["product_id"] == str(lot.product.uuid)
    push_twice(api, device, again["timestamp"], updated("lots", {**mine, "code": "NEW"}))
    lot.refresh_from_db()
    assert lot.code == "NEW"
    assert len(flags(device)) == 2


# --- what the server keeps to itself ---
def test_refused_deletions_come_back(api: Any, device: Device) -> None:
    main = Location.objects.get()
    full = factories.make_movement(device, to_location_id=factories.make_location(device).uuid).to_location
    answer = pull(api)
    push_twice(api, device, answer["timestamp"], deleted("locations", str(main.uuid), str(full.uuid)))
    assert Location.objects.count() == 2
    again = pull(api, answer["timestamp"])
    assert row(again, "locations", main.uuid)
    assert row(again, "locations", full.uuid)
    reasons = {reason for case in flags(device) for reason in case.evidence["reasons"]}
    assert reasons == {"not deleted: default_location", "not deleted: location_not_empty"}


def test_levels_flow_down_only(api: Any, device: Device) -> None:
    level, other_level = factories.make_level(device), factories.make_level(device)
    answer = pull(api)
    mine = {**row(answer, "stock_levels", level.uuid), "quantity": 99}
    changes = {
        "stock_levels": {
            "created": [raw(quantity=1, product_id=str(level.product.uuid))],
            "updated": [mine],
            "deleted": [str(other_level.uuid)],
        }
    }
    push_twice(api, device, answer["timestamp"], changes)
    assert set(StockLevel.objects.values_list("quantity", flat=True)) == {Decimal(1)}
    again = pull(api, answer["timestamp"])
    assert row(again, "stock_levels", level.uuid)["quantity"] == 1
    assert row(again, "stock_levels", other_level.uuid)
    assert len(flags(device)) == 3
    before = head(device)
    push(api, again["timestamp"], updated("stock_levels", row(again, "stock_levels", level.uuid)))
    assert head(device) == before


def test_movements_are_facts(api: Any, device: Device) -> None:
    movement = factories.make_movement(device, quantity=Decimal(2))
    answer = pull(api)
    mine = {**row(answer, "stock_movements", movement.uuid), "quantity": 99, "received_at": 1}
    changes = {"stock_movements": {"created": [], "updated": [mine], "deleted": [str(movement.uuid)]}}
    push_twice(api, device, answer["timestamp"], changes)
    assert StockMovement.objects.get().quantity == 2
    assert StockLevel.objects.get().quantity == 2
    assert len(flags(device)) == 2


@pytest.mark.parametrize(
    ("sent", "kind", "sides"),
    [
        ({"kind": "receipt"}, "receipt", (None, "Main")),
        ({"kind": "issue"}, "issue", ("Main", None)),
        ({"kind": "receipt", "from_location_id": "A"}, "adjustment", ("A", None)),
        ({"kind": "count", "to_location_id": "A"}, "adjustment", (None, "A")),
        ({"kind": "", "from_location_id": "A", "to_location_id": "B"}, "transfer", ("A", "B")),
        ({"kind": "transfer", "to_location_id": "A"}, "adjustment", (None, "A")),
        (
            {"kind": "transfer", "from_location_id": "A", "to_location_id": "gone"},
            "transfer",
            ("A", "Unknown location"),
        ),
        ({"kind": "receipt", "lot_id": "gone"}, "receipt", (None, "Main")),
        ({"kind": "receipt", "occurred_at": 10**16}, "receipt", (None, "Main")),
    ],
)
def test_a_movement_is_kept_as_it_can_be_meant(api: Any, device: Device, sent: Any, kind: str, sides: Any) -> None:
    places = {name: str(factories.make_location(device, name=name).uuid) for name in "AB"} | {"gone": str(uuid4())}
    product = factories.make_product(device)
    last = pull(api)["timestamp"]
    columns = {name: places.get(value, value) for name, value in sent.items()}
    push_twice(api, device, last, created("stock_movements", raw(product_id=str(product.uuid), quantity=2, **columns)))
    fact = StockMovement.objects.get()
    assert fact.kind == kind
    assert tuple(place and place.name for place in (fact.from_location, fact.to_location)) == sides
    assert fact.lot is None
    plain = kind == sent["kind"] and "gone" not in sent.values() and "occurred_at" not in sent
    assert len(flags(device)) == (0 if plain else 1)


@pytest.mark.parametrize(
    "sent",
    [
        {"kind": "receipt", "quantity": 0},
        {"kind": "receipt", "quantity": -3},
        {"kind": "receipt", "quantity": None},
        {"kind": "receipt", "quantity": 10**10},
        {"kind": "receipt"},
        {"quantity": 1},
        {"kind": "adjustment", "quantity": 1},
        {"kind": "transfer", "quantity": 1, "from_location_id": "A", "to_location_id": "A"},
    ],
)
def test_a_movement_that_says_nothing_is_kept_as_evidence(api: Any, device: Device, sent: Any) -> None:
    product, place = factories.make_product(device), factories.make_location(device)
    good = raw(product_id=str(product.uuid), kind="receipt", quantity=1)
    bad = raw(
        product_id=str(product.uuid),
        **{name: str(place.uuid) if value == "A" else value for name, value in sent.items()},
    )
    push_twice(api, device, pull(api)["timestamp"], created("stock_movements", bad, good))
    assert str(StockMovement.objects.get().uuid) == good["id"]
    case = only_flag(device)
    assert "it cannot be stored" in case.evidence["reasons"][-1]
    assert case.evidence["raw"]["id"] == bad["id"]


# --- the rest ---
def test_tables_and_ids_that_cannot_be_ours_are_flagged(api: Any, device: Device) -> None:
    changes = {
        **created("local_settings", raw(theme="dark")),
        **created("products", {"id": "no id of ours", "name": "X"}),
        "empty_table": {"created": [], "updated": [], "deleted": []},
    }
    push_twice(api, device, pull(api)["timestamp"], changes)
    assert not Product.objects.exists()
    assert {case.evidence["table"] for case in flags(device)} == {"local_settings", "products"}


def test_a_flag_that_was_closed_stays_closed(api: Any, device: Device) -> None:
    last = pull(api)["timestamp"]
    changes = created("local_settings", raw(theme="dark"))
    push(api, last, changes)
    Case.objects.update(state="waived")
    push_twice(api, device, last, changes)
    assert Case.objects.get().state == "waived"


def test_evidence_is_bounded(api: Any, device: Device) -> None:
    wide = {f"c{number}": number for number in range(500)}
    odd = {"big": 10**30, "exact": 1.5, "deep": [10**30, {"a": None}], "notes": "z" * 200_000}
    push(api, pull(api)["timestamp"], created("products", raw(name="N", **odd), raw(name="", **wide)))
    first, second = flags(device)
    assert first.evidence["raw"]["big"] == str(10**30)
    assert first.evidence["raw"]["deep"] == [str(10**30), {"a": None}]
    assert len(first.evidence["raw"]["notes"]) == 100_000
    assert len(second.evidence["raw"]) == 200


def test_a_busy_database_is_no_refusal(api: Any, device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("database is locked")

    last = pull(api)["timestamp"]
    monkeypatch.setattr(parents, "insert_owned", busy)
    monkeypatch.setattr("inventory.services.sync.watermelon.rows.create_batch", busy)
    before = head(device)
    refused = push(api, last, created("products", raw(name="A"), raw(name="B")), status=503)
    assert refused["internal_code"] == "temporarily_unavailable"
    assert head(device) == before
    assert not products.Product.objects.exists()
