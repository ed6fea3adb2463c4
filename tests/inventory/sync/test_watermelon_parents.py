"""Codes and parents that do not fit: twins, orphans, placeholders, tombstones, loops."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from devices.models import Device
from inventory.models import Barcode, Case, Category, Location, Lot, Product, StockLevel
from inventory.services.categories import delete_category
from inventory.services.products import delete_product, restore_product
from tests import factories
from tests.inventory.sync.melon import created, flags, pull, push, push_twice, raw, row, updated

NOWHERE = "7d1f0a52-4a52-4c4b-9f0e-111111111111"


def only_flag(device: Device) -> Case:
    (case,) = flags(device)
    return case


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


def test_a_branch_that_is_too_deep_is_cut(api: Any, device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory.services.trees.MAX_DEPTH", 5)
    chain = [raw(name=f"c{number}") for number in range(7)]
    for below, above in zip(chain[1:], chain, strict=False):
        below["parent_id"] = above["id"]
    push_twice(api, device, pull(api)["timestamp"], created("categories", *reversed(chain)))
    assert Category.objects.count() == 7
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


def test_a_child_that_leaves_a_deleted_parent_too_late(api: Any, device: Device) -> None:
    """The deletion goes first, since another row takes over the SKU; it takes the child with it."""
    old = factories.make_product(device, sku="S")
    barcode = factories.make_barcode(device, product_id=old.uuid)
    answer = pull(api)
    new = raw(name="New", sku="S")
    mine = {**row(answer, "barcodes", barcode.uuid), "product_id": new["id"]}
    changes = {
        "products": {"created": [new], "updated": [], "deleted": [str(old.uuid)]},
        **updated("barcodes", mine),
    }
    push(api, answer["timestamp"], changes)
    assert pull(api, answer["timestamp"])["changes"]["barcodes"]["deleted"] == [str(barcode.uuid)]
    assert only_flag(device).evidence["reasons"] == ["deleted by the same push"]


def test_one_place_made_up_for_many_movements(api: Any, device: Device) -> None:
    product = factories.make_product(device)
    of = {"product_id": str(product.uuid), "quantity": 1}
    there = raw(kind="receipt", to_location_id=NOWHERE, occurred_at=None, **of)
    back = raw(kind="issue", from_location_id=NOWHERE, **of)
    push_twice(api, device, pull(api)["timestamp"], created("stock_movements", there, back))
    assert StockLevel.objects.get().location == Location.objects.get(name="Unknown location", uuid=NOWHERE)
    assert StockLevel.objects.get().quantity == 0


@pytest.mark.parametrize("table", ["scan_events", "count_entries"])
def test_nothing_is_made_up_for_a_fact_of_a_sheet_that_is_not_there(api: Any, device: Device, table: str) -> None:
    last = pull(api)["timestamp"]
    places, goods = Location.objects.count(), Product.objects.count()
    fact = raw(sheet_id=str(uuid4()), location_id=str(uuid4()), product_id=str(uuid4()), code="1", quantity=1)
    push_twice(api, device, last, created(table, fact))
    assert (Location.objects.count(), Product.objects.count()) == (places, goods)
    (case,) = flags(device)
    assert case.evidence["reasons"][0] == "sheet_id: does not exist"
