"""Device tokens: who gets 401, how a secret is rolled, and how guessing ends."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import RequestFactory
from pytest_django import Settings
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import RefreshToken

from config.core.middleware import client_address
from devices.models import Device, Event, Feed, Installation, User
from devices.services.credentials import new_secret, roll_secret
from devices.services.enrollment import Enrolled
from tests import factories
from tests.conftest import client_with

ME = "/v1/devices/me"
pytestmark = pytest.mark.django_db


def test_only_the_right_token_is_somebody(enrolled: Enrolled) -> None:
    uuid, _, secret = enrolled.token.partition(".")
    wrong = [
        f"{uuid}.{new_secret()}",  # wrong secret
        f"{uuid4()}.{secret}",  # unknown installation
        f"{uuid}.",
        f".{secret}",
        secret,
        uuid,
        "garbage",
        "ä",
        "a.b.c",
        f"{uuid}.{secret}.x",
        f"{uuid}.{secret}" + "x" * 600,
        f"{{{uuid}}}.{secret}",
        f"{uuid}.{secret[:-1]}",
    ]
    bodies = []
    for token in wrong:
        answer = client_with(token).get(ME)
        assert answer.status_code == 401, token
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="countonme"'
        body = answer.json()
        assert answer.headers["X-Request-ID"] == body.pop("request_id")
        bodies.append(body)
    assert bodies[0]["internal_code"] == "token_invalid"
    assert all(body == bodies[0] for body in bodies)
    assert client_with(enrolled.token).get(ME).status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dTpw", "Token x", "bearer"])
def test_without_a_token_nobody(header: str, enrolled: Enrolled) -> None:
    answer = APIClient().get(ME, headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="countonme"'
    assert answer.json()["internal_code"] in ("not_authenticated", "token_invalid")


def test_the_scheme_is_read_in_any_case(enrolled: Enrolled) -> None:
    assert APIClient().get(ME, headers={"Authorization": f"bEARER  {enrolled.token}"}).status_code == 200


@pytest.mark.parametrize("name", ["token", "access_token", "device_token", "authorization"])
def test_a_token_in_the_query_is_no_token(name: str, enrolled: Enrolled) -> None:
    assert APIClient().get(ME, {name: enrolled.token}).status_code == 401


def test_only_hashes_are_stored(enrolled: Enrolled) -> None:
    secret = enrolled.token.partition(".")[2]
    row = Installation.objects.get()
    assert secret not in " ".join(str(value) for value in vars(row).values())
    assert len(row.secret_hash) == 8 + 1 + 64
    assert secret not in str(list(Event.objects.values()))


def roll(client: APIClient, **body: Any) -> str:
    answer = client.post(f"{ME}/roll", body)
    assert answer.status_code == 200, answer.json()
    return str(answer.json()["device_token"])


def status(token: str) -> int:
    return client_with(token).get(ME).status_code


def test_a_rolled_secret_ends_the_old_one_at_its_first_use(api: APIClient, enrolled: Enrolled) -> None:
    token = roll(api)
    assert token.partition(".")[0] == str(enrolled.installation.uuid)
    assert status(enrolled.token) == 200  # the answer may be lost: the old one still works
    assert status(token) == 200
    assert status(enrolled.token) == 401
    assert status(token) == 200
    event = Event.objects.filter(action="secret_rolled").get()
    assert event.changes == {"installation": [None, str(enrolled.installation.uuid)]}


def test_a_lost_answer_of_a_roll_strands_nobody(api: APIClient, enrolled: Enrolled) -> None:
    lost = roll(api)
    second = roll(api)
    assert status(lost) == 401
    assert status(enrolled.token) == 200
    assert status(second) == 200
    assert status(enrolled.token) == 401


def test_a_roll_with_ones_own_secret_can_be_repeated(api: APIClient, device: Device) -> None:
    secret = new_secret()
    first = roll(api, secret=secret)
    head = Feed.objects.get(device=device).head
    assert roll(api, secret=secret) == first
    assert roll(client_with(first), secret=secret) == first  # also after its first use
    assert Feed.objects.get(device=device).head == head
    assert Event.objects.filter(action="secret_rolled").count() == 1


def test_a_roll_takes_no_weak_or_foreign_secret(api: APIClient, enrolled: Enrolled) -> None:
    taken = new_secret()
    assert APIClient().post("/v1/devices/register", {"secret": taken}).status_code == 201
    before = Installation.objects.order_by("id").values_list("secret_hash", "next_secret_hash")
    expected = list(before)
    for secret, code, answered in ((taken, "secret_already_used", 409), ("a" * 50, "secret_too_weak", 422)):
        answer = api.post(f"{ME}/roll", {"secret": secret})
        assert (answer.status_code, answer.json()["internal_code"]) == (answered, code)
    assert list(before.all()) == expected
    assert status(enrolled.token) == 200


def test_a_repeated_registration_after_a_roll_knows_the_new_secret_only() -> None:
    wish = {"device_id": str(uuid4()), "secret": new_secret()}
    token = APIClient().post("/v1/devices/register", wish).json()["device_token"]
    rolled = new_secret()
    new = roll(client_with(token), secret=rolled)
    waiting = APIClient().post("/v1/devices/register", {**wish, "secret": rolled})
    assert (waiting.status_code, waiting.json()["device_token"]) == (200, new)
    assert status(new) == 200
    assert APIClient().post("/v1/devices/register", wish).status_code == 409


def test_peppers_are_rotated_without_anybody_noticing(enrolled: Enrolled, settings: Settings) -> None:
    old = Installation.objects.get().secret_hash
    settings.TOKEN_PEPPERS = ["a new pepper", *settings.TOKEN_PEPPERS]
    assert status(enrolled.token) == 200
    renewed = Installation.objects.get().secret_hash
    assert renewed.partition(":")[0] != old.partition(":")[0]
    settings.TOKEN_PEPPERS = ["a new pepper"]
    assert status(enrolled.token) == 200
    assert Installation.objects.get().secret_hash == renewed
    settings.TOKEN_PEPPERS = ["yet another"]
    assert status(enrolled.token) == 401


def test_a_secret_is_taken_under_an_old_pepper_too(settings: Settings) -> None:
    wish = {"secret": new_secret()}
    first = APIClient().post("/v1/devices/register", wish).json()
    settings.TOKEN_PEPPERS = ["a new pepper", *settings.TOKEN_PEPPERS]
    again = APIClient().post("/v1/devices/register", wish)
    assert (again.status_code, again.json()["device_token"]) == (200, first["device_token"])
    assert status(first["device_token"]) == 200


def limit(settings: Settings, **rates: str) -> None:
    framework = settings.REST_FRAMEWORK
    settings.REST_FRAMEWORK = {
        **framework,
        "DEFAULT_THROTTLE_RATES": {**framework["DEFAULT_THROTTLE_RATES"], **rates},
    }


def guess(enrolled: Enrolled) -> str:
    return f"{enrolled.installation.uuid}.{new_secret()}"


def test_guessing_is_limited_by_address_alone(enrolled: Enrolled, settings: Settings) -> None:
    limit(settings, unauthorized="3/hour")
    assert [status(guess(enrolled)) for _ in range(4)] == [401, 401, 401, 429]
    answer = client_with(guess(enrolled)).get(ME)
    assert answer.json()["internal_code"] == "too_many_requests"
    assert 1 <= int(answer.headers["Retry-After"]) <= 3600
    assert client_with(guess(enrolled), REMOTE_ADDR="10.9.8.7").get(ME).status_code == 401
    for address in ("127.0.0.1", "10.9.8.7"):  # the victim is not locked out, wherever it is
        assert client_with(enrolled.token, REMOTE_ADDR=address).get(ME).status_code == 200


def test_a_device_that_repeats_a_wrong_token_takes_nothing_from_its_neighbours(
    enrolled: Enrolled, settings: Settings
) -> None:
    limit(settings, unauthorized="3/hour")
    ended = guess(enrolled)
    assert [status(ended) for _ in range(5)] == [401, 401, 401, 429, 429]
    assert [status(guess(enrolled)) for _ in range(3)] == [401, 401, 429]
    assert status(enrolled.token) == 200


def test_wrong_refresh_tokens_are_guesses_too(user: User, settings: Settings) -> None:
    limit(settings, unauthorized="2/hour")
    for path in ("refresh", "logout"):
        assert APIClient().post(f"/v1/auth/{path}", {"refresh": f"wrong for {path}"}).status_code == 401
    assert APIClient().post("/v1/auth/refresh", {"refresh": "a third"}).status_code == 429
    right = str(RefreshToken.for_user(user))
    assert APIClient().post("/v1/auth/refresh", {"refresh": right}).status_code == 200


def test_good_tokens_are_no_guesses(enrolled: Enrolled, settings: Settings) -> None:
    limit(settings, unauthorized="2/hour")
    assert [status(enrolled.token) for _ in range(5)] == [200] * 5


def test_registrations_are_limited_per_address(settings: Settings) -> None:
    limit(settings, register="2/hour")
    answers = [APIClient().post("/v1/devices/register", {}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[2].json()["internal_code"] == "too_many_requests"
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 3600
    assert Device.objects.count() == 2
    other = APIClient(REMOTE_ADDR="10.0.0.2").post("/v1/devices/register", {})
    assert other.status_code == 201
    forged = APIClient(HTTP_X_FORWARDED_FOR="10.0.0.3").post("/v1/devices/register", {})
    assert forged.status_code == 429  # nobody's word but a configured proxy's counts


def test_one_ipv6_host_is_one_address(settings: Settings) -> None:
    limit(settings, register="1/hour")
    answers = [
        APIClient(REMOTE_ADDR=address).post("/v1/devices/register", {}).status_code
        for address in ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1")
    ]
    assert answers == [201, 429, 201]


def test_a_window_that_ends_between_two_looks_lets_through(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any) -> int:
        raise ValueError("key not found")

    monkeypatch.setattr("config.core.limits.cache.incr", gone)
    assert api.get(ME).status_code == 200


def test_a_device_has_one_budget_for_all_its_installations(
    api: APIClient, enrolled: Enrolled, other: Device, settings: Settings
) -> None:
    limit(settings, caller="3/hour")
    assert [api.get(ME).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert api.get(ME).headers["Retry-After"]
    assert client_with(token_of(other)).get(ME).status_code == 200


def token_of(device: Device) -> str:
    return roll_secret(installation=device.installations.get(), actor=factories.TESTER)


@pytest.mark.parametrize(
    ("proxies", "remote", "forwarded", "address"),
    [
        ([], "203.0.113.5", "10.0.0.1", "203.0.113.5"),
        (["10.0.0.0/8"], "203.0.113.5", "10.0.0.1", "203.0.113.5"),
        (["10.0.0.0/8"], "10.0.0.1", "198.51.100.7", "198.51.100.7"),
        (["10.0.0.0/8"], "10.0.0.1", "1.1.1.1, 198.51.100.7", "198.51.100.7"),  # the left is the client's to forge
        (["10.0.0.0/8"], "10.0.0.1", "198.51.100.7, 10.2.2.2", "198.51.100.7"),
        (["10.0.0.0/8"], "10.0.0.1", "", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "nonsense", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "1.1.1.1, <b>", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "10.0.0.9, 10.0.0.8", "10.0.0.9"),
        (["::1"], "::1", "2001:db8::5", "2001:db8::5"),
        (["10.0.0.1"], "::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        (["10.0.0.1"], "", "198.51.100.7", ""),
    ],
)
def test_forwarded_addresses_count_from_proxies_and_from_the_right(
    proxies: list[str], remote: str, forwarded: str, address: str, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == address
