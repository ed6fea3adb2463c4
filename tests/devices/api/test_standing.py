"""Suspended, draining, revoked: what a device, its installations and its owner are told, and from when."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from devices.models import Device, Event, Installation, Standing, User
from devices.services.enrollment import Enrolled, create_enrollment_code
from devices.services.standing import set_standing, update_device
from tests import factories
from tests.conftest import client_of, client_with

ME = "/v1/devices/me"
pytestmark = pytest.mark.django_db


def put(device: Device, standing: Standing, installation: Installation | None = None) -> None:
    set_standing(device=device, actor=factories.TESTER, standing=standing, installation=installation)


def refused(client: APIClient, url: str, code: str) -> bool:
    answer = client.get(url)
    return answer.status_code == 403 and answer.json()["internal_code"] == code


@pytest.mark.parametrize("of", ["device", "installation"])
@pytest.mark.parametrize(
    ("standing", "code"), [(Standing.SUSPENDED, "device_suspended"), (Standing.REVOKED, "device_revoked")]
)
def test_from_the_next_request_on_it_is_refused(
    api: APIClient, enrolled: Enrolled, of: str, standing: Standing, code: str
) -> None:
    device = enrolled.installation.device
    assert api.get(ME).status_code == 200
    put(device, standing, enrolled.installation if of == "installation" else None)
    for url in (ME, "/v1/products", "/v1/devices"):
        assert refused(api, url, code)
    before = Event.objects.count()
    for url in ("/v1/products", f"{ME}/heartbeat", f"{ME}/roll", f"{ME}/revoke"):
        answer = api.post(url, {"name": "Tea"})
        assert (answer.status_code, answer.json()["internal_code"]) == (403, code)
        assert "WWW-Authenticate" not in answer.headers
    assert Event.objects.count() == before


@pytest.mark.parametrize("of", ["device", "installation"])
def test_draining_leaves_the_way_out_open(api: APIClient, enrolled: Enrolled, of: str) -> None:
    put(enrolled.installation.device, Standing.DRAINING, enrolled.installation if of == "installation" else None)
    for url in ("/v1/products", "/v1/devices", "/v1/stock-levels"):
        assert refused(api, url, "device_draining")
    assert api.get(ME).status_code == 200
    beat = api.post(f"{ME}/heartbeat", {"queue_depth": 3, "client_time": "2026-03-01T12:00:00Z"})
    assert (beat.status_code, beat.json()["status"]) == (200, "draining")


def test_resumed_the_same_token_works_again(api: APIClient, device: Device) -> None:
    put(device, Standing.SUSPENDED)
    put(device, Standing.ACTIVE)
    assert api.get(ME).json()["status"] == "active"


def test_a_wrong_token_of_a_revoked_device_learns_nothing(enrolled: Enrolled) -> None:
    put(enrolled.installation.device, Standing.REVOKED)
    wrong = client_with(f"{enrolled.installation.uuid}.{'x' * 43}").get(ME)
    assert (wrong.status_code, wrong.json()["internal_code"]) == (401, "token_invalid")


def test_one_installation_goes_and_the_others_stay(api: APIClient, enrolled: Enrolled) -> None:
    device = enrolled.installation.device
    _, code = create_enrollment_code(actor=factories.TESTER, device=device)
    second = client_with(APIClient().post("/v1/devices/register", {"enrollment_code": code}).json()["device_token"])
    put(device, Standing.REVOKED, enrolled.installation)
    assert refused(api, ME, "device_revoked")
    assert second.get(ME).json()["status"] == "active"


def test_an_installation_retires_itself_in_two_steps(api: APIClient, enrolled: Enrolled) -> None:
    first = api.post(f"{ME}/revoke")
    assert first.status_code == 200
    assert refused(api, "/v1/products", "device_draining")
    assert api.post(f"{ME}/revoke").status_code == 200
    assert refused(api, ME, "device_revoked")
    enrolled.installation.refresh_from_db()
    assert enrolled.installation.standing == Standing.REVOKED
    assert Device.objects.get().standing == Standing.ACTIVE
    steps = Event.objects.filter(action__startswith="standing_").order_by("id").values_list("changes", flat=True)
    uuid = str(enrolled.installation.uuid)
    assert list(steps) == [
        {"standing": ["active", "draining"], "installation": [uuid, uuid]},
        {"standing": ["draining", "revoked"], "installation": [uuid, uuid]},
    ]


def test_a_retirement_sent_twice_with_one_key_is_one_step(api: APIClient, enrolled: Enrolled) -> None:
    for _ in range(3):
        assert api.post(f"{ME}/revoke", headers={"Idempotency-Key": "bye"}).status_code == 200
    enrolled.installation.refresh_from_db()
    assert enrolled.installation.standing == Standing.DRAINING


@pytest.mark.parametrize(
    ("standing", "code"),
    [
        (Standing.SUSPENDED, "device_suspended"),
        (Standing.DRAINING, "device_draining"),
        (Standing.REVOKED, "device_revoked"),
    ],
)
def test_the_owner_is_told_the_same(device: Device, user: User, standing: Standing, code: str) -> None:
    update_device(device=device, actor=factories.TESTER, owner=user)
    client = client_of(user, device)
    assert client.get("/v1/products").status_code == 200
    put(device, standing)
    assert refused(client, "/v1/products", code)
    assert (
        client.get(f"/v1/devices/{device.uuid}").json()["status"] == standing.value
    )  # and still sees that it is theirs


def test_a_deleted_device_is_gone(api: APIClient, device: Device, user: User) -> None:
    update_device(device=device, actor=factories.TESTER, owner=user)
    Device.all_objects.filter(pk=device.pk).update(deleted_at="2026-01-01T00:00:00Z")
    assert refused(api, ME, "device_revoked")
    assert client_of(user, device).get("/v1/products").status_code == 404
    assert client_of(user).get(f"/v1/devices/{device.uuid}").status_code == 404


def test_me_can_be_renamed_on_condition(api: APIClient, device: Device) -> None:
    answer = api.get(ME)
    etag = answer.headers["ETag"]
    assert etag == f'"{answer.json()["revision"]}"'
    assert api.get(ME, headers={"If-None-Match": etag}).status_code == 304
    renamed = api.patch(ME, {"name": "Till 1"}, headers={"If-Match": etag})
    assert (renamed.status_code, renamed.json()["name"]) == (200, "Till 1")
    assert api.get(ME, headers={"If-None-Match": etag}).status_code == 200
    late = api.patch(ME, {"name": "Till 2"}, headers={"If-Match": etag})
    assert (late.status_code, late.json()["internal_code"]) == (412, "revision_mismatch")
    assert late.json()["current"] == api.get(ME).json()
    assert api.get(ME).json()["name"] == "Till 1"
    same = api.patch(ME, {"name": "Till 1"})
    assert same.json()["revision"] == renamed.json()["revision"]


@pytest.mark.parametrize(
    "body",
    [{"status": "revoked"}, {"id": "x"}, {"owner": 1}, {"revision": 1}, {"head": 5}, {"name": 5}, {"nmae": "x"}, []],
)
def test_me_takes_its_name_and_platform_only(api: APIClient, device: Device, body: Any) -> None:
    before = api.get(ME).json()
    answer = api.patch(ME, body)
    assert (answer.status_code, answer.json()["internal_code"]) == (422, "validation_failed")
    assert api.get(ME).json() == before


def test_me_sent_back_whole_changes_nothing(api: APIClient, device: Device) -> None:
    before = api.get(ME).json()
    assert api.patch(ME, before).json() == before
    assert Event.objects.about(device).filter(action="updated").count() == 0
