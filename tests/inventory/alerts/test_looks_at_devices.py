"""Looks at devices themselves: silent ones, stuck queues, drifts, and cases that nobody takes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from devices.models import Device, Presence, Standing
from devices.services.standing import set_standing
from inventory.jobs.alerts import alert_clock, alert_sweep
from inventory.models import Alert, Case
from inventory.services.alerts.looks import look
from inventory.services.cases import claim_case, resolve_case
from tests.factories import (
    TESTER,
    enrol,
    make_case,
    make_device,
    make_rule,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(db: None) -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(NOW, tick=False) as travel:
        yield travel


def said(**of: Any) -> list[str]:
    return list(Alert.objects.standing().filter(**of).order_by("summary").values_list("summary", flat=True))


def test_a_silent_device(device: Device, clock: Any) -> None:
    rule = make_rule(None, kind="device_silent", hours=24)
    quiet, retired = enrol(name="Till").installation, make_device(name="Old")
    set_standing(device=retired, actor=TESTER, standing=Standing.REVOKED)
    clock.shift(timedelta(hours=25))
    Presence.objects.filter(installation__device=device).update(last_seen_at=datetime.now(UTC))
    alert_clock()
    assert said() == ["Till was last heard of on 2026-03-01 12:00 UTC."]
    case = Case.objects.get(kind="device_silent")
    assert (case.device, case.state) == (quiet.device, "open")
    clock.shift(timedelta(hours=1))
    alert_clock()
    assert Case.objects.get().times == 1, "once"
    Presence.objects.update(last_seen_at=datetime.now(UTC))
    alert_clock()
    case.refresh_from_db()
    assert (said(), case.state, case.resolution) == ([], "resolved", "The device was heard of again.")
    assert look(rule, quiet.device_id) == 0


def test_a_claimed_case_of_a_silent_device_stays_with_whoever_claimed_it(device: Device, clock: Any) -> None:
    make_rule(device, kind="device_silent", hours=1)
    clock.shift(timedelta(hours=2))
    alert_clock()
    claim_case(Case.objects.get(), actor=TESTER)
    Presence.objects.update(last_seen_at=datetime.now(UTC))
    alert_clock()
    assert (said(), Case.objects.get().state) == ([], "claimed")


def test_a_stuck_queue(device: Device, other: Device) -> None:
    make_rule(None, kind="queue_stuck", threshold=Decimal(5), patience=2)
    Presence.objects.filter(installation__device=device).update(queue_depth=12)
    Presence.objects.filter(installation__device=other).update(queue_depth=4)
    alert_clock()
    assert said() == []
    alert_clock()
    assert said() == ["Scanner holds 12 operations that it has not pushed."]


def test_ledger_drift_follows_its_cases(device: Device) -> None:
    make_rule(None, kind="ledger_drift")
    cases = [make_case(device, kind=Case.Kind.LEDGER_DRIFT) for _ in range(2)]
    alert_sweep()
    assert said() == ["Ledger drift: 2 levels differ from the ledger."]
    resolve_case(cases[0], actor=TESTER)
    alert_sweep()
    assert said() == ["Ledger drift: 1 level differs from the ledger."]
    resolve_case(cases[1], actor=TESTER)
    alert_sweep()
    assert said() == []


def test_a_case_that_is_open_too_long(device: Device, clock: Any) -> None:
    make_rule(device, kind="case_open", days=7)
    case = make_case(device, summary="Unknown code 7")
    alert_clock()
    assert said() == []
    clock.shift(timedelta(days=8))
    alert_clock()
    assert said() == ["Open since 2026-03-01 12:00 UTC: Unknown code 7"]
    resolve_case(case, actor=TESTER)
    alert_sweep()
    assert said() == []
