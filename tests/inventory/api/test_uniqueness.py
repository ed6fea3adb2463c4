"""What must be unique: refused with its own code, freed by a delete, checked again by a restore."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from devices.models import Device
from inventory.models import Barcode, Location, Lot, Product
from tests import factories


@dataclass(frozen=True)
class Unique:
    path: str
    model: type[Any]
    field: str
    internal_code: str
    needs: dict[str, str]

    def __str__(self) -> str:
        return f"{self.path}.{self.field}"

    def body(self, product: Product, value: str) -> dict[str, Any]:
        filled = {name: str(product.uuid) if name == "product_id" else text for name, text in self.needs.items()}
        return {**filled, self.field: value}


UNIQUES = [
    Unique("products", Product, "sku", "product_sku_taken", {"name": "Tea"}),
    Unique("barcodes", Barcode, "value", "barcode_taken", {"product_id": ""}),
    Unique("locations", Location, "code", "location_code_taken", {"name": "Cellar"}),
    Unique("lots", Lot, "code", "lot_code_taken", {"product_id": ""}),
]
every = pytest.mark.parametrize("unique", UNIQUES, ids=str)


def state(unique: Unique, device: Device) -> list[Any]:
    return list(unique.model.all_objects.for_device(device).order_by("id").values())


@every
def test_a_taken_value_is_refused(api: APIClient, device: Device, other: Device, unique: Unique) -> None:
    product, stranger = factories.make_product(device), factories.make_product(other)
    theirs = {"actor": factories.TESTER, "device": other, **unique.body(stranger, "X1")}
    {"products": factories.create_product, "barcodes": factories.create_barcode,
     "locations": factories.create_location, "lots": factories.create_lot}[unique.path](**theirs)  # fmt: skip
    first = api.post(f"/v1/{unique.path}", unique.body(product, "X1"))
    second = api.post(f"/v1/{unique.path}", unique.body(product, "X2"))
    assert (first.status_code, second.status_code) == (201, 201)
    before, head = state(unique, device), Device.objects.get(pk=device.pk).feed.head
    refused = [
        api.post(f"/v1/{unique.path}", unique.body(product, "X1")),
        api.patch(f"/v1/{unique.path}/{second.json()['id']}", {unique.field: "X1"}),
        api.put(f"/v1/{unique.path}/{second.json()['id']}", unique.body(product, "X1")),
    ]
    assert [(r.status_code, r.json()["internal_code"]) for r in refused] == [(409, unique.internal_code)] * 3
    assert state(unique, device) == before
    assert Device.objects.get(pk=device.pk).feed.head == head


@every
def test_case_and_spaces_make_another_value(api: APIClient, device: Device, unique: Unique) -> None:
    product = factories.make_product(device)
    for value in ("x1", "X1", " X1", "é", "É"):
        answer = api.post(f"/v1/{unique.path}", unique.body(product, value))
        assert (answer.status_code, answer.json()[unique.field]) == (201, value)


@every
def test_a_delete_frees_the_value_and_a_restore_checks_it_again(api: APIClient, device: Device, unique: Unique) -> None:
    product = factories.make_product(device)
    old = api.post(f"/v1/{unique.path}", unique.body(product, "X1")).json()
    assert api.delete(f"/v1/{unique.path}/{old['id']}").status_code == 204
    new = api.post(f"/v1/{unique.path}", unique.body(product, "X1"))
    assert new.status_code == 201
    before = state(unique, device)
    refused = api.post(f"/v1/{unique.path}/{old['id']}/restore")
    assert (refused.status_code, refused.json()["internal_code"]) == (409, unique.internal_code)
    assert state(unique, device) == before
    api.delete(f"/v1/{unique.path}/{new.json()['id']}")
    assert api.post(f"/v1/{unique.path}/{old['id']}/restore").json()[unique.field] == "X1"


@every
def test_within_one_list_the_second_is_refused(api: APIClient, device: Device, unique: Unique) -> None:
    product = factories.make_product(device)
    results = api.post(f"/v1/{unique.path}", [unique.body(product, v) for v in ("X1", "X1", "X2")]).json()["results"]
    assert [result["status"] for result in results] == [201, 409, 201]
    assert results[1]["problem"]["internal_code"] == unique.internal_code
    assert unique.model.objects.for_device(device).filter(**{f"{unique.field}__in": ["X1", "X2"]}).count() == 2


@pytest.mark.parametrize("unique", [u for u in UNIQUES if u.path in ("products", "locations")], ids=str)
def test_any_number_may_have_none(api: APIClient, device: Device, unique: Unique) -> None:
    for _ in range(2):
        assert api.post(f"/v1/{unique.path}", {"name": "Same name"}).status_code == 201


def test_two_products_may_have_lots_of_one_code(api: APIClient, device: Device) -> None:
    for _ in range(2):
        body = {"product_id": str(factories.make_product(device).uuid), "code": "L1"}
        assert api.post("/v1/lots", body).status_code == 201


def test_a_product_comes_back_whole_or_not_at_all(api: APIClient, device: Device) -> None:
    """Restoring brings its barcode back; where that is taken meanwhile, nothing changes."""
    product = factories.make_product(device, sku="S1")
    factories.make_barcode(device, product_id=product.uuid, value="4006381333931")
    api.delete(f"/v1/products/{product.uuid}")
    taker = factories.make_barcode(device, value="4006381333931")
    path = f"/v1/products/{product.uuid}/restore"
    refused = api.post(path)
    assert (refused.status_code, refused.json()["internal_code"]) == (409, "barcode_taken")
    product.refresh_from_db()
    assert product.is_deleted
    api.delete(f"/v1/barcodes/{taker.uuid}")
    assert api.post(path).status_code == 200
    assert Barcode.objects.get(product=product).value == "4006381333931"


def test_a_location_comes_back_whole_or_not_at_all(api: APIClient, device: Device) -> None:
    top = factories.make_location(device, code="T")
    below = factories.make_location(device, code="B", parent_id=top.uuid)
    api.delete(f"/v1/locations/{top.uuid}")
    taker = UUID(api.post("/v1/locations", {"name": "Taker", "code": "B"}).json()["id"])
    refused = api.post(f"/v1/locations/{top.uuid}/restore")
    assert (refused.status_code, refused.json()["internal_code"]) == (409, "location_code_taken")
    assert set(Location.objects.for_device(device).filter(is_default=False).values_list("uuid", flat=True)) == {taker}
    api.delete(f"/v1/locations/{taker}")
    assert api.post(f"/v1/locations/{top.uuid}/restore").status_code == 200
    below.refresh_from_db()
    assert not below.is_deleted
