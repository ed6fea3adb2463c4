"""People: sign in, refresh, sign out, themselves, and their own devices only."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from devices.models import Device, User
from devices.services.standing import update_device
from inventory.models import Product
from tests import factories
from tests.conftest import client_of, client_with
from tests.factories.threads import together

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse"


def post(url: str, body: Any) -> Any:
    return APIClient(raise_request_exception=False).post(f"/v1/auth/{url}", body)


def sign_in(username: str = "ada") -> dict[str, str]:
    answer = post("token", {"username": username, "password": PASSWORD})
    assert answer.status_code == 200
    return answer.json()  # type: ignore[no-any-return]


def test_a_person_signs_in_and_is_known(user: User) -> None:
    tokens = sign_in()
    assert set(tokens) == {"access", "refresh"}
    me = client_with(tokens["access"]).get("/v1/auth/me")
    assert me.status_code == 200
    assert (me.json()["id"], me.json()["username"]) == (str(user.uuid), "ada")


@pytest.mark.parametrize(
    "body",
    [{"username": "ada", "password": "wrong"}, {"username": "nobody", "password": PASSWORD}],
)
def test_wrong_names_and_passwords_are_told_apart_by_nobody(user: User, body: dict[str, str]) -> None:
    answer = post("token", body)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"]
    problem = answer.json()
    assert problem["internal_code"] == "sign_in_failed"
    assert problem["detail"] == "Wrong username or password"


def test_an_inactive_person_is_nobody(user: User) -> None:
    tokens = sign_in()
    User.objects.update(is_active=False)
    assert client_with(tokens["access"]).get("/v1/auth/me").status_code == 401
    assert post("refresh", {"refresh": tokens["refresh"]}).json()["internal_code"] == "token_invalid"
    assert post("token", {"username": "ada", "password": PASSWORD}).json()["internal_code"] == "sign_in_failed"


def test_a_refresh_token_works_once(user: User) -> None:
    tokens = sign_in()
    second = post("refresh", {"refresh": tokens["refresh"]})
    assert second.status_code == 200
    assert client_with(second.json()["access"]).get("/v1/auth/me").status_code == 200
    again = post("refresh", {"refresh": tokens["refresh"]})
    assert (again.status_code, again.json()["internal_code"]) == (401, "token_invalid")
    assert post("refresh", {"refresh": second.json()["refresh"]}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_refresh_token_works_once_also_at_the_same_moment() -> None:
    factories.make_user(username="ada")
    body = {"refresh": sign_in()["refresh"]}
    statuses = [answer.status_code for answer in together([lambda: post("refresh", body)] * 4)]  # type: ignore[union-attr]
    assert sorted(statuses) == [200, 401, 401, 401]


def test_signing_out_ends_the_refresh_token(user: User) -> None:
    tokens = sign_in()
    assert post("logout", {"refresh": tokens["refresh"]}).status_code == 204
    for url in ("refresh", "logout"):
        answer = post(url, {"refresh": tokens["refresh"]})
        assert (answer.status_code, answer.json()["internal_code"]) == (401, "token_invalid")


def test_an_access_token_is_no_refresh_token_and_the_other_way_round(user: User) -> None:
    tokens = sign_in()
    for token in (tokens["access"], "x", "a.b.c", "ä.ö.ü"):
        assert post("refresh", {"refresh": token}).status_code == 401
        assert post("logout", {"refresh": token}).status_code == 401
    assert client_with(tokens["refresh"]).get("/v1/auth/me").status_code == 401
    user.delete()
    assert client_with(tokens["access"]).get("/v1/auth/me").status_code == 401
    assert post("refresh", {"refresh": tokens["refresh"]}).status_code == 401


@pytest.mark.parametrize("url", ["token", "refresh", "logout"])
@pytest.mark.parametrize("body", [{}, [], "x", 5, None, {"username": 5, "password": [], "refresh": {}}, {"x": 1}])
def test_malformed_bodies_are_refused(url: str, body: Any) -> None:
    assert post(url, body).status_code == 422


def test_people_change_their_names_and_address(user: User) -> None:
    client = client_of(user)
    answer = client.patch("/v1/auth/me", {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org"})
    assert answer.status_code == 200
    assert answer.json() == client.get("/v1/auth/me").json()
    assert (answer.json()["first_name"], answer.json()["email"]) == ("Ada", "ada@example.org")
    assert client.patch("/v1/auth/me", {}).json() == answer.json()
    assert client.patch("/v1/auth/me", answer.json()).json() == answer.json()


def test_an_address_belongs_to_one_person(user: User) -> None:
    factories.make_user(email="Taken@Example.org")
    answer = client_of(user).patch("/v1/auth/me", {"email": "taken@example.ORG"})
    assert (answer.status_code, answer.json()["internal_code"]) == (409, "email_taken")
    user.refresh_from_db()
    assert user.email == ""
    factories.make_user()  # no address is no conflict


@pytest.mark.parametrize(
    "body",
    [
        {"username": "root"},
        {"id": str(uuid4())},
        {"is_staff": True},
        {"is_superuser": True},
        {"password": "x"},
        {"email": "nonsense"},
        {"email": 5},
        {"email": "a" * 250 + "@example.org"},
        {"first_name": "x" * 151},
        {"first_name": 5},
        {"date_joined": "2020-01-01T00:00:00Z"},
    ],
)
def test_people_change_nothing_else(user: User, body: dict[str, Any]) -> None:
    before = User.objects.filter(pk=user.pk).values().get()
    answer = client_of(user).patch("/v1/auth/me", body)
    assert (answer.status_code, answer.json()["internal_code"]) == (422, "validation_failed")
    assert User.objects.filter(pk=user.pk).values().get() == before


def test_a_device_is_no_person(api: APIClient) -> None:
    assert api.get("/v1/auth/me").status_code == 404
    assert api.patch("/v1/auth/me", {"first_name": "x"}).status_code == 404


def answer_of(client: APIClient, header: str) -> tuple[int, dict[str, Any], set[str]]:
    answer = client.get("/v1/products", headers={"X-Device-ID": header})
    body = answer.json()
    body.pop("request_id", None)
    return answer.status_code, body, set(answer.headers)


def test_a_person_acts_in_their_own_devices_only(user: User, device: Device, other: Device) -> None:
    update_device(device=device, actor=factories.TESTER, owner=user)
    factories.make_product(device, name="Mine")
    client = client_of(user)
    mine = client.get("/v1/products", headers={"X-Device-ID": str(device.uuid).upper()})
    assert [row["name"] for row in mine.json()["results"]] == ["Mine"]
    deleted = factories.make_device()
    update_device(device=deleted, actor=factories.TESTER, owner=user)
    Device.all_objects.filter(pk=deleted.pk).update(deleted_at="2026-01-01T00:00:00Z")
    missing = answer_of(client, str(uuid4()))
    assert (missing[0], missing[1]["internal_code"]) == (404, "device_not_found")
    for header in (str(other.uuid), str(deleted.uuid), "nonsense", "{" + str(device.uuid) + "}", "１" * 32):
        assert answer_of(client, header) == missing
    unnamed = client.get("/v1/products")
    assert (unnamed.status_code, unnamed.json()["internal_code"]) == (400, "device_header_missing")
    assert client.post("/v1/products", {"name": "x"}, headers={"X-Device-ID": str(other.uuid)}).status_code == 404
    assert Product.objects.for_device(other).count() == 0


def test_people_see_their_own_devices(user: User, device: Device, other: Device) -> None:
    update_device(device=device, actor=factories.TESTER, owner=user)
    client = client_of(user)
    rows = client.get("/v1/devices").json()
    assert (rows["count"], [row["id"] for row in rows["results"]]) == (1, [str(device.uuid)])
    assert client.get(f"/v1/devices/{device.uuid}").json() == rows["results"][0]
    for uuid in (other.uuid, uuid4(), "nonsense"):
        answer = client.get(f"/v1/devices/{uuid}")
        assert (answer.status_code, answer.json()["internal_code"]) == (404, "not_found")
    assert client.get("/v1/devices", {"search": "Stranger"}).json()["count"] == 0
    update_device(device=device, actor=factories.TESTER, disown=True)
    assert client.get("/v1/devices").json()["count"] == 0


def test_a_device_sees_itself_only(api: APIClient, device: Device, other: Device) -> None:
    assert [row["id"] for row in api.get("/v1/devices").json()["results"]] == [str(device.uuid)]
    assert api.get(f"/v1/devices/{other.uuid}").status_code == 404
    header = {"X-Device-ID": str(other.uuid)}
    assert api.get("/v1/devices/me", headers=header).json()["id"] == str(device.uuid)  # the token alone decides


def test_the_list_of_devices_keeps_the_conventions(user: User) -> None:
    for name in ("Beta", "Alpha", "Gamma"):
        update_device(device=factories.make_device(name=name), actor=factories.TESTER, owner=user)
    client = client_of(user)
    assert [row["name"] for row in client.get("/v1/devices?ordering=-name").json()["results"]] == [
        "Gamma",
        "Beta",
        "Alpha",
    ]
    (short,) = client.get("/v1/devices?fields=id,name&limit=1").json()["results"]
    (whole,) = client.get("/v1/devices?limit=1").json()["results"]
    assert short == {"id": whole["id"], "name": whole["name"]}
    one = f"/v1/devices/{whole['id']}"
    assert client.get(f"{one}?fields=id,name").json() == short
    assert client.get(one).headers["ETag"] == f'"{whole["revision"]}"'
    assert client.get(one, headers={"If-None-Match": f'"{whole["revision"]}"'}).status_code == 304
    assert client.get(f"{one}?feilds=id").json()["internal_code"] == "unknown_filter"
    for query, code in (
        ("fields=secret", "unknown_field_wanted"),
        ("owner=1", "unknown_filter"),
        ("ordering=owner", "unknown_ordering"),
        ("limit=0", "bad_page"),
    ):
        answer = client.get(f"/v1/devices?{query}")
        assert (answer.status_code, answer.json()["internal_code"]) == (400, code)
