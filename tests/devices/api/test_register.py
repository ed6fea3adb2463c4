"""POST /v1/devices/register: open to anyone, repeatable with a secret, and no way to another's token."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from rest_framework.test import APIClient

from devices.models import Device, Event, Installation, Standing
from devices.services.credentials import new_secret
from devices.services.enrollment import Enrolled
from devices.services.standing import set_standing
from inventory.models import Location
from tests import factories
from tests.conftest import client_with

URL = "/v1/devices/register"
pytestmark = pytest.mark.django_db


def register(status: int = 201, headers: dict[str, str] | None = None, **wish: Any) -> dict[str, Any]:
    answer = APIClient().post(URL, wish, headers=headers or {})
    assert answer.status_code == status, answer.json()
    return answer.json()  # type: ignore[no-any-return]


def counts() -> tuple[int, int, int]:
    return Device.all_objects.count(), Installation.objects.count(), Event.objects.count()


def works(answer: dict[str, Any]) -> bool:
    me = client_with(answer["device_token"]).get("/v1/devices/me")
    return me.status_code == 200 and me.json()["id"] == answer["device_id"]


def test_nothing_but_an_empty_object_is_needed() -> None:
    answer = register()
    assert set(answer) == {"device_id", "installation_id", "device_token", "head", "epoch", "server_time"}
    assert answer["device_token"].partition(".")[0] == answer["installation_id"]
    assert answer["epoch"] == 1
    assert answer["server_time"].endswith("Z")
    assert works(answer)


def test_the_simplest_client_sends_its_id_alone() -> None:
    chosen = str(uuid4())
    answer = register(device_id=chosen)
    assert answer["device_id"] == chosen
    assert works(answer)
    assert Location.objects.filter(device__uuid=chosen, is_default=True).count() == 1


def test_what_it_says_of_itself_is_kept() -> None:
    answer = register(name=" Till 3 ", platform="android", app_version="1.2", installation_id=str(uuid4()))
    device = Device.objects.get(uuid=answer["device_id"])
    installation = device.installations.get()
    assert (device.name, device.platform) == (" Till 3 ", "android")
    assert (installation.name, installation.presence.app_version) == (" Till 3 ", "1.2")
    assert installation.presence.address == "127.0.0.1"
    assert list(Event.objects.for_device(device).filter(table="devices").values_list("action", flat=True)) == [
        "registered",
        "installation_added",
    ]


def test_the_answered_head_is_the_feeds() -> None:
    answer = register()
    me = client_with(answer["device_token"]).get("/v1/devices/me").json()
    assert (answer["head"], answer["epoch"]) == (me["head"], me["epoch"])
    assert Event.objects.order_by("-revision")[0].revision == answer["head"]


@pytest.mark.parametrize("named", [(), ("device_id",), ("installation_id",), ("device_id", "installation_id")])
def test_a_secret_of_ones_own_repeats_a_lost_answer(named: tuple[str, ...]) -> None:
    wish = {"secret": new_secret(), **{name: str(uuid4()) for name in named}}
    first = register(**wish)
    before = counts()
    again = register(200, **wish)
    for name in ("device_id", "installation_id", "device_token"):
        assert again[name] == first[name]
    assert first["device_token"].endswith(wish["secret"])
    assert counts() == before
    assert works(again)


def test_an_id_alone_never_gives_a_token() -> None:
    first = register(device_id=str(uuid4()))
    before = counts()
    for wish in (
        {"device_id": first["device_id"]},
        {"device_id": first["device_id"], "installation_id": first["installation_id"]},
        {"device_id": first["device_id"], "secret": new_secret()},
        {"device_id": first["device_id"], "enrollment_code": "0000-0000-0000-0000"},
        {"device_id": first["device_id"].upper()},
    ):
        answer = register(409, **wish)
        assert answer["internal_code"] == "device_already_registered"
        assert "token" not in str(answer)
    assert counts() == before
    assert works(first)


def test_ids_are_read_in_any_case() -> None:
    chosen, installation, secret = str(uuid4()).upper(), str(uuid4()).upper(), new_secret()
    first = register(device_id=chosen, installation_id=installation, secret=secret)
    assert first["device_id"] == chosen.lower()
    again = register(200, device_id=chosen.lower(), installation_id=installation.lower(), secret=secret)
    assert again["device_token"] == first["device_token"]
    head, _, rest = first["device_token"].partition(".")
    assert client_with(f"{head.upper()}.{rest}").get("/v1/devices/me").status_code == 200
    client = client_with(first["device_token"])
    product = client.post("/v1/products", {"id": str(uuid4()).upper(), "name": "Tea"}).json()
    assert product["id"] == product["id"].lower()
    assert client.get(f"/v1/products/{product['id'].upper()}").json() == product


def test_a_secret_belongs_to_one_registration() -> None:
    secret = new_secret()
    first = register(secret=secret)
    before = counts()
    for wish in ({"device_id": str(uuid4())}, {"installation_id": str(uuid4())}):
        assert register(409, secret=secret, **wish)["internal_code"] == "secret_already_used"
    assert counts() == before
    assert works(first)


@pytest.mark.parametrize(
    "secret",
    ["short", "a" * 42, "A" * 64, "ab" * 30, "ä" * 50, "+/" * 30, "x y" * 20, "=" * 60, "Aa0-_zZ9" * 64 + "A"],
)
def test_a_weak_secret_is_refused(secret: str) -> None:
    answer = register(422, secret=secret)
    assert answer["internal_code"] in ("secret_too_weak", "validation_failed")
    assert secret not in str(answer)
    assert counts() == (0, 0, 0)


def test_hexadecimal_secrets_are_strong_enough() -> None:
    assert works(register(secret="0123456789abcdef" * 4))


@pytest.mark.parametrize(
    "wish",
    [
        {"device_id": 5},
        {"device_id": True},
        {"device_id": "not-a-uuid"},
        {"device_id": "{" + str(UUID(int=7)) + "}"},
        {"device_id": "0_192f0c4-5d0e-7a51-8a3d-6f1f0c0de00"},
        {"device_id": "１" * 32},
        {"device_id": None},
        {"installation_id": []},
        {"name": "x" * 201},
        {"name": 5},
        {"name": None},
        {"platform": "x" * 101},
        {"app_version": {}},
        {"secret": ""},
        {"secret": 12},
        {"devise_id": str(UUID(int=7))},
        {"device_token": "x"},
    ],
)
def test_a_malformed_wish_is_refused_and_makes_nothing(wish: dict[str, Any]) -> None:
    answer = register(422, **wish)
    assert answer["internal_code"] == "validation_failed"
    assert [problem["field"] for problem in answer["errors"]] == list(wish)
    assert counts() == (0, 0, 0)


def test_an_idempotency_key_is_no_key_to_a_token() -> None:
    """The answer holds a secret, so it is never stored: a secret of one's own repeats it instead."""
    key = {"Idempotency-Key": "k1"}
    first, second = register(headers=key), register(headers=key)
    assert first["device_id"] != second["device_id"]
    assert works(first)
    assert works(second)


@pytest.mark.parametrize(
    ("standing", "status", "code"),
    [
        (Standing.SUSPENDED, 403, "device_suspended"),
        (Standing.REVOKED, 403, "device_revoked"),
        (Standing.DRAINING, 200, None),
    ],
)
def test_a_repeated_registration_says_when_its_token_no_longer_works(
    standing: Standing, status: int, code: str | None
) -> None:
    secret = new_secret()
    first = register(secret=secret)
    device = Device.objects.get(uuid=first["device_id"])
    set_standing(device=device, actor=factories.TESTER, standing=standing)
    before = counts()
    assert register(status, secret=secret).get("internal_code") == code
    assert register(409, device_id=first["device_id"])["internal_code"] == "device_already_registered"
    assert counts() == before


def test_a_strangers_registration_logs_nobody_out(enrolled: Enrolled) -> None:
    device = enrolled.installation.device
    register(409, device_id=str(device.uuid), installation_id=str(enrolled.installation.uuid))
    elsewhere = register(installation_id=str(enrolled.installation.uuid))
    assert elsewhere["device_id"] != str(device.uuid)
    assert works(elsewhere)
    assert client_with(enrolled.token).get("/v1/devices/me").json()["id"] == str(device.uuid)
