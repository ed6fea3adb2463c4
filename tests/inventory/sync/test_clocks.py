"""Clocks: measured at every push, written on change, flagged once until they are right again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from devices.models import Device, Presence
from inventory.models import Case
from inventory.services.cases import resolve_case
from tests import factories
from tests.inventory.sync.ops import contents, op, push

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def still(device: Device) -> time_machine.Coordinates:
    """Time stands still, and the presence is fresh."""
    with time_machine.travel(NOW, tick=False) as travel:
        Presence.objects.update(last_seen_at=NOW, address="127.0.0.1")
        yield travel


def push_with(api: APIClient, offset_ms: int) -> int:
    """Push with a clock that is so far behind; how often presence was written."""
    with CaptureQueriesContext(connection) as queries:
        push(api, client_time=(NOW - timedelta(milliseconds=offset_ms)).isoformat())
    return sum(query["sql"].startswith('UPDATE "devices_presence"') for query in queries)


def offset() -> int:
    return Presence.objects.get().clock_offset_ms


def cases() -> list[tuple[str, int, int]]:
    found = Case.objects.filter(kind=Case.Kind.CLOCK_SKEW).order_by("id")
    return [(case.state, case.times, case.evidence["offset_ms"]) for case in found]


def test_presence_is_written_when_the_offset_moves(api: APIClient, still: object) -> None:
    steps = [(0, 0, 0), (1000, 0, 0), (1001, 1, 1001), (1001, 0, 1001), (500, 0, 1001), (2001, 0, 1001), (0, 1, 0)]
    for given, writes, known in steps:
        assert push_with(api, given) == writes
        assert offset() == known


def test_presence_is_written_when_the_clock_leaves_or_reaches_its_tolerance(api: APIClient, still: object) -> None:
    for given, writes, known in [
        (300_000, 1, 300_000),
        (300_001, 1, 300_001),  # a step of 1 ms, and out
        (300_900, 0, 300_001),
        (300_000, 1, 300_000),  # and back in
    ]:
        assert push_with(api, given) == writes
        assert offset() == known
    assert cases() == [("open", 1, 300_001)]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_case_for_each_time_it_goes_wrong(api: APIClient, still: object, sign: int) -> None:
    for given in (0, 400_000, 900_000, 400_000):
        push_with(api, sign * given)
    assert cases() == [("open", 1, sign * 400_000)]
    for given in (1000, 500_000):
        push_with(api, sign * given)
    assert cases() == [("open", 2, sign * 500_000)]
    resolve_case(Case.objects.get(), actor=factories.TESTER)
    push_with(api, sign * 600_000)  # still wrong: they know
    assert [state for state, *_ in cases()] == ["resolved"]
    for given in (0, 700_000):
        push_with(api, sign * given)
    assert cases()[1:] == [("open", 1, sign * 700_000)]


def test_a_heartbeat_does_not_swallow_the_case(api: APIClient, still: object) -> None:
    def beat(offset_ms: int) -> None:
        clock = NOW - timedelta(milliseconds=offset_ms)
        assert (
            api.post("/v1/devices/me/heartbeat", {"queue_depth": 0, "client_time": clock.isoformat()}).status_code
            == 200
        )

    beat(400_000)
    assert cases() == []
    push_with(api, 400_000)
    assert cases() == [("open", 1, 400_000)]
    beat(500_000)
    push_with(api, 500_000)
    assert cases() == [("open", 1, 400_000)]
    beat(0)  # right again, as a heartbeat shows
    push_with(api, 600_000)
    assert cases() == [("open", 2, 600_000)]


@pytest.mark.parametrize("told", ["2026-03-01T12:00:00", "12:00", 5])
def test_a_time_without_its_zone_measures_nothing(api: APIClient, device: Device, told: object) -> None:
    """Read as UTC it would shift every fact of the push by the handset's zone."""
    before = contents(device)
    response = api.post("/v1/sync/push", {"client_time": told, "ops": [op("create", "tasks", {"title": "x"})]})
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "client_time")
    assert (contents(device), offset()) == (before, 0)


@pytest.mark.parametrize(
    ("behind_ms", "told"),
    [(1_200_007, "0:20:00 behind"), (-1_200_007, "0:20:00 ahead"), (-90_061_000, "1 day, 1:01:01 ahead")],
)
def test_a_case_says_how_far_and_which_way(api: APIClient, still: object, behind_ms: int, told: str) -> None:
    push_with(api, behind_ms)
    assert Case.objects.get(kind=Case.Kind.CLOCK_SKEW).summary.endswith(f" is {told}")
