"""Alerts and cases sync: from the server to the devices, which may say only that they have seen an alert."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from config.core.wire import wire_time
from devices.models import Device, Event
from inventory.models import Alert, Case
from inventory.services.alerts.looks import look
from inventory.services.cases import claim_case, resolve_case
from inventory.services.sync.watermelon.columns import milliseconds
from tests import factories
from tests.inventory.sync import melon
from tests.inventory.sync.ops import contents, pull, pull_all, push_one


def later(**span: float) -> str:
    return wire_time((timezone.now() + timedelta(**span)).replace(microsecond=0))


# --- pull ---
def test_a_case_comes_with_each_step_of_it(api: APIClient, device: Device, other: Device) -> None:
    _, page = pull_all(api)
    case = factories.make_case(device, summary="What is this?", evidence={"ops": ["x"] * 100})
    factories.make_case(other)
    (change,) = pull(api, page["cursor"])["changes"]
    shown = api.get(f"/v1/cases/{case.uuid}").json()
    assert shown.pop("evidence") == {"ops": ["x"] * 100}
    assert (change["table"], change["id"], change["data"]) == ("cases", str(case.uuid), shown)
    for step, state in ((claim_case, "claimed"), (resolve_case, "resolved")):
        page = pull(api, page["cursor"])
        step(case, actor=factories.TESTER)
        (change,) = pull(api, page["cursor"])["changes"]
        assert change["data"]["state"] == state
    factories.make_case(device, key=case.key)
    assert pull_all(api)[1]["counts"]["cases"] == 2


def test_an_alert_comes_when_it_is_raised_and_when_it_is_cleared(api: APIClient, device: Device) -> None:
    alert = factories.make_alert(device)
    changes, page = pull_all(api, tables="alerts")
    assert [change["data"] for change in changes] == [api.get(f"/v1/alerts/{alert.uuid}").json()]
    factories.make_movement(device, product_id=alert.product.uuid, quantity=20)  # type: ignore[union-attr]
    look(alert.rule, device.pk)
    (change,) = pull(api, page["cursor"], tables="alerts")["changes"]
    assert (change["id"], change["data"]["state"]) == (str(alert.uuid), "cleared")


# --- push ---
@pytest.mark.parametrize("table", ["cases", "alerts"])
@pytest.mark.parametrize("kind", ["create", "delete"])
def test_neither_is_made_or_deleted_by_a_device(api: APIClient, device: Device, table: str, kind: str) -> None:
    row = factories.make_case(device) if table == "cases" else factories.make_alert(device)
    before = contents(device)
    for id in (row.uuid, uuid4()):
        result = push_one(api, kind, table, {"state": "open"} if kind == "create" else None, id=id)
        assert (result["status"], result["internal_code"], result["retryable"]) == ("rejected", "sync_read_only", False)
    assert contents(device)[:2] == before[:2]


def test_a_case_is_not_decided_by_a_device(api: APIClient, device: Device) -> None:
    case = factories.make_case(device)
    before = contents(device)
    result = push_one(api, "update", "cases", {"state": "resolved"}, id=case.uuid, base_revision=case.revision)
    assert (result["status"], result["internal_code"]) == ("rejected", "sync_read_only")
    assert contents(device)[:2] == before[:2]


def test_an_alert_is_acknowledged_and_snoozed_offline(api: APIClient, device: Device) -> None:
    alert = factories.make_alert(device)
    seen = push_one(api, "update", "alerts", {"state": "acknowledged"}, id=alert.uuid, base_revision=alert.revision)
    assert (seen["status"], seen["row"]["state"]) == ("applied", "acknowledged")
    until = later(hours=4)
    data = {"state": "snoozed", "snoozed_until": until}
    rests = push_one(
        api, "update", "alerts", data, id=alert.uuid, base={"state": "acknowledged", "snoozed_until": None}
    )
    assert (rests["status"], rests["row"]["state"], rests["row"]["snoozed_until"]) == ("applied", "snoozed", until)
    longer = push_one(api, "update", "alerts", {"snoozed_until": later(hours=8)}, id=alert.uuid)
    assert (longer["status"], longer["row"]["state"]) == ("applied", "snoozed")
    again = push_one(api, "update", "alerts", {"state": "acknowledged"}, id=alert.uuid)
    assert (again["row"]["state"], again["row"]["snoozed_until"]) == ("acknowledged", None)
    stale = push_one(api, "update", "alerts", data, id=alert.uuid, base_revision=alert.revision)
    assert (stale["status"], stale["row"]) == ("conflict", again["row"])
    actions = [event.action for event in Event.objects.about(alert)]
    assert actions == ["acknowledged", "snoozed", "snoozed", "acknowledged", "raised"]


def test_a_rest_that_was_over_before_it_came_is_stored_and_ends_with_the_next_look(
    api: APIClient, device: Device
) -> None:
    alert = factories.make_alert(device)
    data = {"state": "snoozed", "snoozed_until": later(hours=-1)}
    assert push_one(api, "update", "alerts", data, id=alert.uuid)["status"] == "applied"
    look(alert.rule, device.pk)
    assert Alert.objects.get().state == "open"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"state": "open"}, "duplicate"),
        ({"state": "cleared"}, "sync_read_only"),
        ({"snoozed_until": "2030-01-01T00:00:00Z"}, "sync_read_only"),
        ({"state": "snoozed"}, "snooze_invalid"),
        ({"state": "acknowledged", "snoozed_until": "2030-01-01T00:00:00Z"}, "snooze_invalid"),
        ({"state": "asleep"}, "validation_failed"),
        ({"state": "acknowledged", "summary": "Fine"}, "validation_failed"),
        ({"kind": "expiring"}, "validation_failed"),
        ({"cleared_at": None}, "validation_failed"),
        ({"rule": "x"}, "validation_failed"),
    ],
)
def test_nothing_else_of_an_alert_is_written_by_a_device(
    api: APIClient, device: Device, data: dict[str, Any], code: str
) -> None:
    alert = factories.make_alert(device)
    before = contents(device)
    result = push_one(api, "update", "alerts", data, id=alert.uuid)
    if code == "duplicate":
        assert (result["status"], result["row"]["revision"]) == ("applied", alert.revision)
    else:
        assert (result["status"], result["internal_code"]) == ("rejected", code)
    assert contents(device)[:2] == before[:2]


def test_a_cleared_alert_and_a_strangers_are_left_alone(api: APIClient, device: Device, other: Device) -> None:
    theirs = factories.make_alert(other)
    alert = factories.make_alert(device)
    Alert.objects.filter(pk=alert.pk).update(state="cleared")
    before = contents(device), contents(other)
    for id, code in ((alert.uuid, "alert_cleared"), (theirs.uuid, "not_found"), (uuid4(), "not_found")):
        result = push_one(api, "update", "alerts", {"state": "acknowledged"}, id=id)
        assert (result["status"], result["internal_code"]) == ("rejected", code)
    assert (contents(device)[:2], contents(other)) == (before[0][:2], before[1])


# --- WatermelonDB ---
def test_watermelon_has_both_and_writes_what_a_device_may(api: APIClient, device: Device) -> None:
    alert, case = factories.make_alert(device), factories.make_case(device, summary="Why?")
    answer = melon.pull(api)
    mine = melon.row(answer, "alerts", alert.uuid)
    assert (mine["kind"], mine["state"], mine["product_id"]) == ("below_minimum", "open", str(alert.product.uuid))  # type: ignore[union-attr]
    assert (mine["raised_at"], mine["snoozed_until"]) == (milliseconds(alert.raised_at), None)
    theirs = melon.row(answer, "cases", case.uuid)
    assert {**theirs, "summary": "Why?", "times": 1, "resolution": "", "closed_at": None} == theirs
    assert "evidence" not in theirs
    melon.push_twice(api, device, answer["timestamp"], melon.updated("alerts", {**mine, "state": "acknowledged"}))
    assert (Alert.objects.get().state, melon.flags(device)) == ("acknowledged", [])


def test_watermelon_gets_its_rows_back_where_it_writes_what_it_may_not(api: APIClient, device: Device) -> None:
    alert, case = factories.make_alert(device), factories.make_case(device)
    answer = melon.pull(api)
    wrong = {**melon.row(answer, "alerts", alert.uuid), "state": "cleared"}
    solved = {**melon.row(answer, "cases", case.uuid), "state": "resolved"}
    melon.push_twice(
        api, device, answer["timestamp"], {**melon.updated("alerts", wrong), **melon.updated("cases", solved)}
    )
    assert (Alert.objects.get().state, Case.objects.get(pk=case.pk).state) == ("open", "open")
    assert sorted(flag.evidence["reasons"][0] for flag in melon.flags(device)) == [
        "state: sync_read_only",
        "this table flows from the server to devices only",
    ]
    again = melon.pull(api, answer["timestamp"])
    assert melon.row(again, "alerts", alert.uuid)["state"] == melon.row(again, "cases", case.uuid)["state"] == "open"
