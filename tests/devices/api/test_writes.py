"""Writes: what PATCH, PUT, DELETE and restore change, under If-Match and beside each other."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from devices.models import Device, Event, Feed
from inventory.models import Product
from tests import factories
from tests.conftest import client_with
from tests.factories.threads import together

pytestmark = pytest.mark.django_db
URL = "/v1/products"


@pytest.fixture
def product(device: Device) -> Product:
    return factories.make_product(device, name="Tea", sku="T1", notes="green")


def state(device: Device) -> tuple[Any, ...]:
    rows = list(Product.all_objects.filter(device=device).order_by("id").values())
    return rows, Feed.objects.get(device=device).head, Event.objects.for_device(device).count()


def test_a_created_row_is_answered_as_it_is_read(api: APIClient, device: Device) -> None:
    chosen = str(uuid4())
    answer = api.post(URL, {"id": chosen, "name": " Tea ", "attributes": {"weight": 1.5}})
    assert answer.status_code == 201
    row = answer.json()
    assert (row["id"], row["device"], row["name"]) == (chosen, str(device.uuid), " Tea ")
    assert row["deleted_at"] is None
    assert row["created_at"].endswith("Z")
    assert answer.headers["ETag"] == f'"{row["revision"]}"'
    read = api.get(f"{URL}/{chosen}")
    assert (read.json(), read.headers["ETag"]) == (row, answer.headers["ETag"])


def test_times_are_utc_whatever_the_admin_shows(api: APIClient, product: Product, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    row = api.get(f"{URL}/{product.uuid}").json()
    for name in ("created_at", "updated_at"):
        assert row[name] == getattr(product, name).isoformat().replace("+00:00", "Z")
    me = api.get("/v1/devices/me").json()
    assert me["created_at"].endswith("Z")


def test_a_patch_changes_what_is_sent(api: APIClient, product: Product) -> None:
    answer = api.patch(f"{URL}/{product.uuid}", {"name": "Green tea"})
    assert answer.status_code == 200
    row = answer.json()
    assert (row["name"], row["sku"], row["notes"]) == ("Green tea", "T1", "green")
    assert row["revision"] > product.revision


def test_a_put_replaces_the_whole_row(api: APIClient, product: Product) -> None:
    row = api.put(f"{URL}/{product.uuid}", {"name": "Coffee"}).json()
    assert (row["name"], row["sku"], row["notes"], row["unit"], row["is_active"]) == ("Coffee", "", "", "pcs", True)
    assert (row["category_id"], row["reorder_level"], row["attributes"]) == (None, None, {})
    assert api.put(f"{URL}/{product.uuid}", {"sku": "x"}).json()["errors"][0]["field"] == "name"
    assert api.put(f"{URL}/{uuid4()}", {"name": "x"}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_patches_of_different_fields_all_survive() -> None:
    enrolled = factories.enrol()
    product = factories.make_product(enrolled.installation.device)
    changes: list[dict[str, Any]] = [
        {"name": "A"},
        {"sku": "B"},
        {"notes": "C"},
        {"unit": "kg"},
        {"is_active": False},
        {"reorder_level": "2.5"},
        {"attributes": {"k": "v"}},
    ]
    answers = together(
        [
            lambda change=change: client_with(enrolled.token).patch(f"{URL}/{product.uuid}", change).status_code  # type: ignore[misc]
            for change in changes
        ]
    )
    assert answers == [200] * len(changes)
    row = client_with(enrolled.token).get(f"{URL}/{product.uuid}").json()
    for change in changes:
        for name, value in change.items():
            assert row[name] == value


@pytest.mark.django_db(transaction=True)
def test_of_two_conditional_writes_one_wins() -> None:
    enrolled = factories.enrol()
    product = factories.make_product(enrolled.installation.device)
    header = {"If-Match": f'"{product.revision}"'}
    answers = together(
        [
            lambda name=name: client_with(enrolled.token).patch(  # type: ignore[misc]
                f"{URL}/{product.uuid}", {"name": name}, headers=header
            )
            for name in "ABCD"
        ]
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]  # type: ignore[union-attr]
    winner = next(answer.json() for answer in answers if answer.status_code == 200)  # type: ignore[union-attr]
    for answer in answers:
        if answer.status_code == 412:  # type: ignore[union-attr]
            assert answer.json()["current"] == winner  # type: ignore[union-attr]


@pytest.mark.parametrize("method", ["patch", "put", "delete"])
def test_if_match_decides(api: APIClient, device: Device, product: Product, method: str) -> None:
    url, current = f"{URL}/{product.uuid}", f'"{product.revision}"'
    before = state(device)
    send = getattr(api, method)
    late = send(url, {"name": "New"}, headers={"If-Match": '"1"'})
    assert (late.status_code, late.json()["internal_code"]) == (412, "revision_mismatch")
    assert late.json()["current"] == api.get(url).json()
    for malformed in ("1", '"x"', "", '"1", "2"', '"' + "9" * 30 + '"', '"²"'):
        answer = send(url, {"name": "New"}, headers={"If-Match": malformed})
        assert (answer.status_code, answer.json()["internal_code"]) == (400, "bad_precondition")
    assert state(device) == before
    assert send(url, {"name": "New"}, headers={"If-Match": current}).status_code in (200, 204)


@pytest.mark.parametrize("given", ["*", 'W/"{revision}"', '"{revision}"'])
def test_forms_of_if_match(api: APIClient, product: Product, given: str) -> None:
    header = {"If-Match": given.format(revision=product.revision)}
    assert api.patch(f"{URL}/{product.uuid}", {"name": "New"}, headers=header).status_code == 200


def test_an_unchanged_row_is_not_sent_again(api: APIClient, product: Product) -> None:
    url = f"{URL}/{product.uuid}"
    etag = api.get(url).headers["ETag"]
    for given in (etag, f"W/{etag}", "*", f'"0", {etag}'):
        answer = api.get(url, headers={"If-None-Match": given})
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", etag)
    api.patch(url, {"name": "New"})
    assert api.get(url, headers={"If-None-Match": etag}).status_code == 200


def test_deleted_is_gone_until_restored(api: APIClient, device: Device, product: Product) -> None:
    url = f"{URL}/{product.uuid}"
    assert api.delete(url).status_code == 204
    after = state(device)
    for again in (api.delete(url), api.get(url), api.patch(url, {"name": "x"}), api.put(url, {"name": "x"})):
        assert (again.status_code, again.json()["internal_code"]) == (404, "not_found")
    assert state(device) == after
    restored = api.post(f"{url}/restore")
    assert (restored.status_code, restored.json()["name"], restored.json()["deleted_at"]) == (200, "Tea", None)
    assert restored.headers["ETag"] == f'"{restored.json()["revision"]}"'
    twice = api.post(f"{url}/restore")
    assert (twice.status_code, twice.json()["internal_code"]) == (409, "not_deleted")
    assert api.post(f"{URL}/{uuid4()}/restore").status_code == 404


def test_a_row_may_be_sent_back_as_it_was_read(api: APIClient, device: Device, product: Product) -> None:
    url = f"{URL}/{product.uuid}"
    row = api.get(url).json()
    before = state(device)
    for send in (api.patch, api.put):
        assert send(url, row).json() == row
    assert state(device) == before
    changed = api.put(url, {**row, "name": "New"}).json()
    assert (changed["name"], changed["sku"]) == ("New", "T1")


@pytest.mark.parametrize(
    "forged",
    [
        {"id": str(uuid4())},
        {"device": str(uuid4())},
        {"revision": 1},
        {"revision": "3"},
        {"deleted_at": "2026-01-01T00:00:00Z"},
        {"deleted_at": "None"},
        {"created_at": "2020-01-01T00:00:00Z"},
        {"updated_at": None},
        {"is_duplicate": True},
        {"is_duplicate": "False"},
        {"device_id": 1},
        {"uuid": str(uuid4())},
        {"owner": 1},
        {"nmae": "typo"},
    ],
)
def test_the_servers_fields_cannot_be_set(
    api: APIClient, device: Device, product: Product, forged: dict[str, Any]
) -> None:
    before = state(device)
    url = f"{URL}/{product.uuid}"
    for send in (api.patch, api.put):
        answer = send(url, {"name": "New", **forged})
        assert (answer.status_code, answer.json()["internal_code"]) == (422, "validation_failed")
        assert [problem["field"] for problem in answer.json()["errors"]] == list(forged)
    if "id" not in forged:
        assert api.post(URL, {"name": "New", **forged}).status_code == 422
    assert state(device) == before


def test_an_id_is_taken_once_in_a_device(api: APIClient, device: Device, other: Device, product: Product) -> None:
    before = state(device)
    answer = api.post(URL, {"id": str(product.uuid), "name": "Other"})
    assert (answer.status_code, answer.json()["internal_code"]) == (409, "id_already_used")
    assert state(device) == before
    foreign = factories.make_product(other)
    assert api.post(URL, {"id": str(foreign.uuid), "name": "Mine"}).status_code == 201  # another device's is free


def test_a_list_is_written_row_by_row(api: APIClient, device: Device, product: Product) -> None:
    rows = [
        {"name": "A"},
        {"name": ""},
        {"name": "B", "sku": "T1"},
        "nonsense",
        {"name": "C", "category_id": str(uuid4())},
        {"name": "D", "reorder_level": "3"},
    ]
    answer = api.post(URL, rows)
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 422, 409, 422, 404, 201]
    assert results[0]["row"] == api.get(f"{URL}/{results[0]['row']['id']}").json()
    assert results[2]["problem"]["internal_code"] == "product_sku_taken"
    assert results[2]["problem"]["request_id"] == answer.headers["X-Request-ID"]
    assert sorted(Product.objects.exclude(pk=product.pk).values_list("name", flat=True)) == ["A", "D"]
    assert api.post(URL, []).json() == {"results": []}


def test_a_list_has_five_hundred_rows_at_most(api: APIClient, device: Device) -> None:
    before = state(device)
    answer = api.post(URL, [{"name": "x"}] * 501)
    assert (answer.status_code, answer.json()["internal_code"]) == (413, "payload_too_large")
    assert state(device) == before
