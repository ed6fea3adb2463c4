"""Idempotency-Key: one effect however often a POST is sent, and no lock that outlives its request."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from rest_framework.test import APIClient

from devices.models import Device, Event, IdempotencyKey, User
from devices.services.enrollment import Enrolled, create_enrollment_code
from devices.services.standing import update_device
from inventory.models import Product
from inventory.services import products
from tests import factories
from tests.conftest import client_of, client_with
from tests.factories.threads import together

pytestmark = pytest.mark.django_db
URL = "/v1/products"


def post(client: APIClient, body: Any, key: str = "k1", url: str = URL, **extra: Any) -> Any:
    return client.post(url, body, headers={"Idempotency-Key": key}, **extra)


def test_the_same_again_is_the_stored_answer(api: APIClient, device: Device) -> None:
    first = post(api, {"name": "Tea"})
    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first.headers
    products.update_product(Product.objects.get(), actor=factories.TESTER, changes={"name": "Changed since"})
    events = Event.objects.count()
    again = post(api, {"name": "Tea"})
    assert again.headers["Idempotency-Replayed"] == "true"
    for name in ("ETag", "Content-Type", "Cache-Control"):
        assert again.headers[name] == first.headers[name]
    assert (again.status_code, again.content) == (201, first.content)
    assert (Product.objects.count(), Event.objects.count(), IdempotencyKey.objects.count()) == (1, events, 1)
    assert str(IdempotencyKey.objects.get()) == "k1"


def test_another_body_is_a_mistake(api: APIClient) -> None:
    post(api, {"name": "Tea"})
    for url, body in ((URL, {"name": "Coffee"}), ("/v1/categories", {"name": "Tea"}), (f"{URL}?x=1", {"name": "Tea"})):
        answer = post(api, body, url=url)
        assert (answer.status_code, answer.json()["internal_code"]) == (422, "idempotency_key_reused")
    assert Product.objects.count() == 1


def test_a_key_belongs_to_its_sender_and_device(api: APIClient, device: Device, other: Device, user: User) -> None:
    """Also where two devices have installations with one id: it is the client's to choose."""
    installation = device.installations.get()
    _, code = create_enrollment_code(actor=factories.TESTER, device=other)
    wish = {"enrollment_code": code, "installation_id": str(installation.uuid)}
    stranger = client_with(APIClient().post("/v1/devices/register", wish).json()["device_token"])
    update_device(device=device, actor=factories.TESTER, owner=user)
    update_device(device=other, actor=factories.TESTER, owner=user)
    answers = [
        post(client, {"name": "Tea"}) for client in (api, stranger, client_of(user, device), client_of(user, other))
    ]
    assert [answer.status_code for answer in answers] == [201] * 4
    assert not any("Idempotency-Replayed" in answer.headers for answer in answers)
    assert len({answer.json()["id"] for answer in answers}) == 4
    assert Product.objects.for_device(device).count() == Product.objects.for_device(other).count() == 2
    header = {"Idempotency-Key": "k1", "X-Device-ID": str(device.uuid).upper()}
    again = client_of(user).post(URL, {"name": "Tea"}, headers=header)
    assert again.headers["Idempotency-Replayed"] == "true"


def test_refusals_are_not_kept(api: APIClient, device: Device) -> None:
    assert post(api, {"nmae": "Tea"}).status_code == 422
    assert post(api, {"name": "Tea", "category_id": str(uuid4())}).status_code == 404
    assert post(api, b'{"name": "Tea"', content_type="application/json").status_code == 400
    factories.make_product(device, sku="A")
    assert post(api, {"name": "Tea", "sku": "A"}).status_code == 409
    assert IdempotencyKey.objects.count() == 0
    assert post(api, {"name": "Tea", "sku": "B"}).status_code == 201


def test_a_crash_in_the_middle_keeps_nothing(
    api: APIClient, device: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    events = Event.objects.count()

    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as broken:
        broken.setattr("devices.api.owned.OwnedViewSet.answer", crash, raising=False)
        assert post(api, {"name": "Tea"}).status_code == 500
    assert "power cut" in caplog.text
    assert (Product.objects.count(), IdempotencyKey.objects.count(), Event.objects.count()) == (0, 0, events)
    assert post(api, {"name": "Tea"}).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 129, "with space", "tab\t", "ä", "\x7f"])
def test_malformed_keys_are_refused(api: APIClient, key: str) -> None:
    answer = post(api, {"name": "Tea"}, key=key)
    assert (answer.status_code, answer.json()["internal_code"]) == (422, "idempotency_key_malformed")
    assert Product.objects.count() == 0


@pytest.mark.parametrize("key", ["x", "~" * 128, '"quoted"', "0b9e2f5a-7c1d-4e83-9a64-2f1c8d7e6b50"])
def test_visible_ascii_makes_a_key(api: APIClient, key: str) -> None:
    assert [post(api, {"name": "Tea"}, key=key).status_code for _ in range(2)] == [201, 201]
    assert Product.objects.count() == 1


def test_a_list_is_done_once_too(api: APIClient) -> None:
    rows = [{"name": "A"}, {"nmae": "B"}, {"name": "C", "sku": "1"}, {"name": "D", "sku": "1"}]
    first, again = post(api, rows), post(api, rows)
    assert [result["status"] for result in first.json()["results"]] == [201, 422, 201, 409]
    assert again.content == first.content
    assert sorted(Product.objects.values_list("name", flat=True)) == ["A", "C"]


def test_every_kind_of_post_takes_a_key(api: APIClient, device: Device) -> None:
    task = factories.make_task(device)
    url = f"/v1/tasks/{task.uuid}/complete"
    first, again = post(api, None, url=url), post(api, None, url=url)
    assert (first.status_code, again.content) == (200, first.content)
    movement = factories.make_movement(device)
    url = f"/v1/stock-movements/{movement.uuid}/reverse"
    first, again = post(api, {}, key="k2", url=url), post(api, {}, key="k2", url=url)
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    beat = {"queue_depth": 1, "client_time": "2026-03-01T12:00:00Z"}
    url = "/v1/devices/me/heartbeat"
    first, again = post(api, beat, key="k3", url=url), post(api, beat, key="k3", url=url)
    assert (first.status_code, again.content) == (200, first.content)


def test_other_methods_ignore_it(api: APIClient, device: Device) -> None:
    product = factories.make_product(device)
    url = f"{URL}/{product.uuid}"
    header = {"Idempotency-Key": "k1"}
    assert api.patch(url, {"name": "A"}, headers=header).json()["name"] == "A"
    assert api.patch(url, {"name": "B"}, headers=header).json()["name"] == "B"
    assert api.get(url, headers=header).status_code == 200
    assert IdempotencyKey.objects.count() == 0


def test_a_method_that_is_not_there_stays_so(api: APIClient) -> None:
    assert post(api, {}, url="/v1/stock-levels").status_code == 405
    assert post(client_with(), {}).status_code == 401
    assert IdempotencyKey.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_sent_eight_times_at_once_is_done_once() -> None:
    enrolled: Enrolled = factories.enrol()

    def send() -> tuple[int, str]:
        answer = post(client_with(enrolled.token), {"name": "Tea"})
        return answer.status_code, answer.json().get("internal_code", answer.json().get("id"))

    answers = together([send] * 8)
    product = Product.objects.get()
    busy = (409, "idempotency_key_in_use")
    allowed = {(201, str(product.uuid)), busy} if connection.vendor == "postgresql" else {(201, str(product.uuid))}
    assert set(answers) <= allowed
    assert (201, str(product.uuid)) in answers
    assert post(client_with(enrolled.token), {"name": "Tea"}).headers["Idempotency-Replayed"] == "true"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time: the second one waits")
@pytest.mark.django_db(transaction=True)
def test_while_the_first_runs_the_second_is_told_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    token = factories.enrol().token
    answers: list[Any] = []
    create = products.create_product

    def slow(**values: Any) -> Product:
        if not answers:
            answers.append(None)
            answers[0] = together([lambda: post(client_with(token), {"name": "Tea"})])[0]
        return create(**values)

    monkeypatch.setattr("inventory.api.products.ProductViewSet.create_service", staticmethod(slow))
    first = post(client_with(token), {"name": "Tea"})
    assert first.status_code == 201
    assert (answers[0].status_code, answers[0].json()["internal_code"]) == (409, "idempotency_key_in_use")
    assert answers[0].headers["Retry-After"] == "1"
    assert post(client_with(token), {"name": "Tea"}).json() == first.json()
