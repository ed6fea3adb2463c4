"""Heartbeats, presence and what they cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from devices.models import Presence, User
from devices.services import presence as service
from devices.services.enrollment import Enrolled
from tests.conftest import client_of, client_with

URL = "/v1/devices/me/heartbeat"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _seen_before(api: APIClient) -> None:
    """The first request notes the address."""
    assert api.get("/v1/devices/me").status_code == 200


def writes(client: APIClient, **extra: Any) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get("/v1/devices/me", **extra).status_code == 200
    return [query["sql"] for query in queries if query["sql"].startswith(("UPDATE", "INSERT"))]


def age(seconds: int) -> None:
    Presence.objects.update(last_seen_at=timezone.now() - timedelta(seconds=seconds))


def test_presence_is_written_once_a_minute_or_on_change(api: APIClient) -> None:
    assert writes(api) == []
    age(59)
    assert writes(api) == []
    age(61)
    assert len(writes(api)) == 1
    assert writes(api) == []
    assert len(writes(api, REMOTE_ADDR="10.1.2.3")) == 1
    assert Presence.objects.get().address == "10.1.2.3"
    assert timezone.now() - Presence.objects.get().last_seen_at < timedelta(seconds=5)


def test_a_busy_database_fails_no_read_for_a_timestamp(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    age(120)

    class Busy:
        def filter(self, **_: Any) -> Busy:
            return self

        def update(self, **_: Any) -> int:
            raise OperationalError("database is locked")

    monkeypatch.setattr(service.Presence, "objects", Busy())
    assert api.get("/v1/devices/me").status_code == 200


def test_a_device_costs_one_query_to_recognise(api: APIClient, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        api.get("/v1/devices/me")


@pytest.mark.parametrize("behind", [3600, -90])
def test_the_offset_is_server_time_minus_the_devices(api: APIClient, behind: int) -> None:
    clock = timezone.now() - timedelta(seconds=behind)
    answer = api.post(URL, {"queue_depth": 7, "client_time": clock.isoformat(), "battery": 55, "app_version": "2.0"})
    assert answer.status_code == 200
    assert abs(answer.json()["clock_offset_ms"] - behind * 1000) < 5000
    kept = Presence.objects.get()
    assert (kept.queue_depth, kept.battery, kept.app_version) == (7, 55, "2.0")
    assert kept.clock_offset_ms == answer.json()["clock_offset_ms"]
    assert set(answer.json()) == {"server_time", "clock_offset_ms", "head", "status"}


def test_what_is_not_said_stays(api: APIClient) -> None:
    said = {"queue_depth": 0, "client_time": "2026-03-01T12:00:00+01:00"}
    api.post(URL, {**said, "app_version": "2.0", "battery": 5})
    api.post(URL, said)
    kept = Presence.objects.get()
    assert (kept.app_version, kept.battery) == ("2.0", None)  # the level of the battery is only true when it is said


@pytest.mark.parametrize(
    "wrong",
    [
        {"queue_depth": -1},
        {"queue_depth": "3"},
        {"queue_depth": 2.5},
        {"queue_depth": True},
        {"queue_depth": 10**30},
        {"queue_depth": None},
        {"battery": 101},
        {"battery": "50"},
        {"client_time": "yesterday"},
        {"client_time": "2026-03-01T12:00:00"},
        {"client_time": 1772366400},
        {"client_time": "0001-01-01T00:00:00+23:59"},
        {"client_time": "9999-12-31T23:59:59-23:59"},
        {"client_time": "２026-03-01T12:00:00Z"},
        {"client_time": None},
        {"app_version": "x" * 65},
        {"colour": "red"},
    ],
)
def test_nonsense_is_refused_and_not_kept(api: APIClient, wrong: dict[str, Any]) -> None:
    before = Presence.objects.values().get()
    answer = api.post(URL, {"queue_depth": 1, "client_time": "2026-03-01T12:00:00Z", **wrong})
    assert (answer.status_code, answer.json()["internal_code"]) == (422, "validation_failed")
    assert [problem["field"] for problem in answer.json()["errors"]] == list(wrong)
    assert Presence.objects.values().get() == before


def test_people_have_no_heartbeat(user: User) -> None:
    for url in (URL, "/v1/devices/me/roll", "/v1/devices/me/revoke"):
        assert client_of(user).post(url, {}).status_code == 404


def test_presence_says_who(enrolled: Enrolled) -> None:
    kept = Presence.objects.get()
    assert str(kept).startswith(f"{enrolled.installation.pk}: 2")
    assert str(enrolled.installation) == "Scanner"
    assert client_with(enrolled.token).get("/v1/devices/me").json()["name"] == "Scanner"
