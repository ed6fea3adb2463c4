"""Concurrent edits, references that move, and children that stay with their parent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from config.core.errors import NotFound
from devices.models import Device
from inventory.models import Barcode, Product, StockMovement
from inventory.services.products import update_product
from tests import factories


def test_edits_of_different_fields_both_survive(device: Device) -> None:
    """Two writers read the same row; each changes a field of its own, neither undoes the other's."""
    product = factories.make_product(device, name="Tea", notes="old")
    first, second = (Product.objects.get(pk=product.pk) for _ in range(2))
    update_product(first, actor=factories.TESTER, changes={"name": "Green tea"})
    update_product(second, actor=factories.TESTER, changes={"notes": "new"})
    product.refresh_from_db()
    assert (product.name, product.notes) == ("Green tea", "new")


def test_only_changed_columns_are_written(device: Device) -> None:
    product = factories.make_product(device)
    with CaptureQueriesContext(connection) as queries:
        update_product(product, actor=factories.TESTER, changes={"name": "Other", "sku": product.sku})
    (update,) = [query["sql"] for query in queries if query["sql"].startswith('UPDATE "products"')]
    assert '"name"' in update
    assert '"sku"' not in update


def test_a_stale_save_does_not_resurrect(api: APIClient, device: Device) -> None:
    product = factories.make_product(device)
    assert api.delete(f"/v1/products/{product.uuid}").status_code == 204
    with pytest.raises(NotFound):
        update_product(product, actor=factories.TESTER, changes={"name": "Back"})
    product.refresh_from_db()
    assert (product.is_deleted, product.name != "Back") == (True, True)


def test_a_field_outside_the_whitelist_is_a_programming_error(device: Device) -> None:
    product = factories.make_product(device)
    with pytest.raises(ValueError, match="revision"):
        update_product(product, actor=factories.TESTER, changes={"revision": 1})


def test_a_barcode_may_move_to_another_product_and_its_gtin_follows_its_value(
    api: APIClient, device: Device, other: Device
) -> None:
    barcode = factories.make_barcode(device, value="4006381333931")
    assert (barcode.gtin, barcode.check_digit_ok) == ("04006381333931", True)
    target = factories.make_product(device)
    path = f"/v1/barcodes/{barcode.uuid}"
    moved = api.patch(path, {"product_id": str(target.uuid), "value": "4006381333930"}).json()
    assert (moved["product_id"], moved["gtin"], moved["check_digit_ok"]) == (str(target.uuid), "04006381333930", False)
    plain = api.patch(path, {"value": "SHELF-7", "quantity": "0.5"}).json()
    assert (plain["gtin"], plain["check_digit_ok"], plain["quantity"]) == ("", None, "0.5")
    refused = api.patch(path, {"product_id": str(factories.make_product(other).uuid), "value": "X"})
    assert (refused.status_code, refused.json()["internal_code"]) == (404, "reference_not_found")
    barcode.refresh_from_db()
    assert (barcode.product, barcode.value) == (target, "SHELF-7")
    for quantity in ("0", "-1"):
        assert api.patch(path, {"quantity": quantity}).status_code == 422


def test_a_product_moves_between_categories(api: APIClient, device: Device) -> None:
    category, gone = factories.make_category(device), factories.make_category(device)
    product = factories.make_product(device)
    path = f"/v1/products/{product.uuid}"
    api.delete(f"/v1/categories/{gone.uuid}")
    assert api.patch(path, {"category_id": str(category.uuid)}).json()["category_id"] == str(category.uuid)
    assert api.patch(path, {"category_id": str(gone.uuid)}).json()["internal_code"] == "reference_not_found"
    assert api.get(f"/v1/products?category={category.uuid}").json()["count"] == 1
    assert api.get(f"/v1/products?category={gone.uuid}").json()["internal_code"] == "reference_not_found"
    assert api.patch(path, {"category_id": None}).json()["category_id"] is None


def test_a_lot_stays_with_its_product(api: APIClient, device: Device, other: Device) -> None:
    lot = factories.make_lot(device)
    path = f"/v1/lots/{lot.uuid}"
    assert api.patch(path, {"product_id": str(lot.product.uuid), "code": "L2"}).json()["code"] == "L2"
    moved = api.patch(path, {"product_id": str(factories.make_product(device).uuid)})
    assert (moved.status_code, moved.json()["internal_code"]) == (422, "lot_of_another_product")
    for uuid in (factories.make_product(other).uuid, uuid4()):
        foreign = api.patch(path, {"product_id": str(uuid), "code": "L3"})
        assert (foreign.status_code, foreign.json()["internal_code"]) == (404, "reference_not_found")
    lot.refresh_from_db()
    assert lot.code == "L2"


def test_the_default_location_may_be_renamed_not_deleted(api: APIClient) -> None:
    (main,) = api.get("/v1/locations?is_default=true").json()["results"]
    path = f"/v1/locations/{main['id']}"
    assert api.patch(path, {"name": "Shop", "code": "S"}).json()["is_default"] is True
    refused = api.delete(path)
    assert (refused.status_code, refused.json()["internal_code"]) == (409, "default_location")
    assert api.get(path).json()["name"] == "Shop"


def test_a_location_with_stock_is_emptied_first(api: APIClient, device: Device) -> None:
    place = factories.make_location(device)
    movement = factories.make_movement(device, to_location_id=place.uuid)
    path = f"/v1/locations/{place.uuid}"
    refused = api.delete(path)
    assert (refused.status_code, refused.json()["internal_code"]) == (409, "location_not_empty")
    assert api.post(f"/v1/stock-movements/{movement.uuid}/reverse").status_code == 201
    assert api.delete(path).status_code == 204
    assert api.get(f"/v1/stock-levels?product={movement.product.uuid}").json()["count"] == 0


def test_a_movement_id_is_chosen_once_per_device(api: APIClient, device: Device, other: Device) -> None:
    theirs = factories.make_movement(other)
    product = factories.make_product(device)
    body: dict[str, Any] = {"product_id": str(product.uuid), "kind": "receipt", "quantity": "1",
                            "id": str(theirs.uuid).upper()}  # fmt: skip
    assert api.post("/v1/stock-movements", body).json()["id"] == str(theirs.uuid)
    again = api.post("/v1/stock-movements", {**body, "quantity": "2"})
    assert (again.status_code, again.json()["internal_code"]) == (409, "id_already_used")
    assert StockMovement.objects.for_device(device).get().quantity == 1
    theirs.refresh_from_db()
    assert theirs.device == other


def test_deleted_rows_are_gone_from_every_read(api: APIClient, device: Device) -> None:
    product = factories.make_product(device, name="Rare tea", sku="R-1")
    factories.make_barcode(device, product_id=product.uuid, value="RARE-1")
    factories.make_lot(device, product_id=product.uuid, code="RARE-L")
    factories.make_movement(device, product_id=product.uuid, quantity=Decimal(2))
    assert api.delete(f"/v1/products/{product.uuid}").status_code == 204
    for path in (
        "products?search=rare",
        "products?name__icontains=rare",
        "products?sku=R-1",
        "products?deleted=false",
        "barcodes?search=rare",
        "barcodes?value=RARE-1",
        "lots?search=rare",
        "stock-levels?search=rare",
    ):
        assert api.get(f"/v1/{path}").json()["count"] == 0, path
    for path in ("barcodes", "lots", "stock-levels", "stock-movements"):
        answer = api.get(f"/v1/{path}?product={product.uuid}")
        assert (answer.status_code, answer.json()["internal_code"]) == (404, "reference_not_found")
    assert api.get("/v1/scan/RARE-1").json()["match"] == "unknown"
    assert not api.get("/v1/products/check-name?name=rare%20tea").json()["exists"]
    (kept,) = api.get("/v1/stock-movements").json()["results"]  # the ledger stays, with the ids it had
    assert kept["product_id"] == str(product.uuid)
    assert Barcode.all_objects.get(value="RARE-1").is_deleted
    assert api.get("/v1/barcodes?deleted=true").json()["count"] == 1
    assert Product.all_objects.by_uuid(device, UUID(kept["product_id"])).is_deleted
