"""Alerts and their rules over HTTP: each kind needs what it needs, and a device sees its own alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from devices.models import Device, Event, User
from inventory.errors.alerts import AlertRuleInvalid
from inventory.models import Alert, AlertMail, AlertRule
from inventory.services.alerts.looks import look
from inventory.services.webhooks.reading import read_some
from tests.conftest import client_of
from tests.factories import make_alert, make_location, make_product, make_rule, make_webhook


def soon() -> str:
    return (timezone.now() + timedelta(hours=4)).isoformat()


def test_a_rule_is_made_and_read(api: APIClient, device: Device) -> None:
    product = make_product(device)
    sent = {"kind": "below_minimum", "name": "Milk", "product_id": str(product.uuid), "threshold": "2.5", "margin": "1"}
    made = api.post("/v1/alert-rules", sent)
    assert made.status_code == 201, made.json()
    assert {**made.json(), **sent} == made.json()
    assert (made.json()["patience"], made.json()["enabled"]) == (1, True)
    assert api.get(f"/v1/alert-rules/{made.json()['id']}").json() == made.json()
    assert api.get("/v1/alert-rules", {"kind": "expiring"}).json()["count"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "expiring"}, "days"),
        ({"kind": "device_silent"}, "hours"),
        ({"kind": "queue_stuck"}, "threshold"),
        ({"kind": "case_open"}, "days"),
        ({"kind": "ledger_drift", "threshold": "1"}, "threshold"),
        ({"kind": "below_minimum", "days": 3}, "days"),
        ({"kind": "expiring", "days": 3, "hours": 3}, "hours"),
        ({"kind": "expiring", "days": 3, "margin": "1"}, "margin"),
        ({"kind": "below_minimum", "location_id": "mine"}, "threshold"),
        ({"kind": "case_open", "days": 3, "product_id": "mine"}, "product"),
    ],
)
def test_what_a_kind_needs_and_does_not_understand(api: APIClient, device: Device, body: Any, field: str) -> None:
    mine = {"location_id": make_location(device).uuid, "product_id": make_product(device).uuid}
    body = {name: str(mine[name]) if value == "mine" else value for name, value in body.items()}
    before = Event.objects.count()
    refused = api.post("/v1/alert-rules", body)
    assert (refused.status_code, refused.json()["internal_code"]) == (422, "alert_rule_invalid")
    assert refused.json()["errors"][0]["field"] == field
    assert (AlertRule.objects.count(), Event.objects.count()) == (0, before)


@pytest.mark.parametrize(
    "body",
    [{}, {"kind": "moon"}, {"kind": "expiring", "days": -1}, {"kind": "expiring", "days": 99999},
     {"kind": "ledger_drift", "patience": 0}, {"kind": "ledger_drift", "state": "open"}],
)  # fmt: skip
def test_a_wrong_shape(api: APIClient, body: Any) -> None:
    assert api.post("/v1/alert-rules", body).json()["internal_code"] == "validation_failed"
    assert not AlertRule.objects.exists()


def test_a_rule_is_changed_and_its_kind_stays(api: APIClient, device: Device) -> None:
    rule = make_rule(device, kind="expiring", days=7)
    url = f"/v1/alert-rules/{rule.uuid}"
    assert api.patch(url, {"days": 9, "enabled": False}).json()["days"] == 9
    for body, field in (({"kind": "case_open"}, "kind"), ({"days": None}, "days"), ({"threshold": "1"}, "threshold")):
        refused = api.patch(url, body)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)
    assert api.put(url, {"kind": "expiring", "days": 3}).json()["enabled"] is True
    product = make_product(device)
    assert api.patch(url, {"product_id": str(product.uuid)}).json()["product_id"] == str(product.uuid)
    assert api.patch(url, {"product_id": None}).json()["product_id"] is None
    assert api.delete(url).status_code == 204
    assert api.post(f"{url}/restore").status_code == 200


def test_a_rule_of_every_device_names_no_rows_of_one_and_is_not_shown(api: APIClient, device: Device) -> None:
    product = make_product(device)
    with pytest.raises(AlertRuleInvalid, match="cannot name"):
        make_rule(None, product_id=product.uuid)
    rule = make_rule(None)
    assert api.get("/v1/alert-rules").json()["count"] == 0
    assert api.get(f"/v1/alert-rules/{rule.uuid}").status_code == 404


def test_an_alert_of_staffs_rules_is_shown(api: APIClient, device: Device, other: Device) -> None:
    rule = make_rule(None, threshold=1)
    for owner in (device, other):
        make_product(owner, name="Milk")
    look(rule)
    [shown] = api.get("/v1/alerts").json()["results"]
    assert (shown["summary"], shown["state"], shown["device"]) == ("Milk: 0 left, minimum 1.", "open", str(device.uuid))
    assert shown["evidence"] == {"quantity": "0", "minimum": "1", "unit": "pcs"}
    assert api.get("/v1/alerts", {"state": "cleared"}).json()["count"] == 0
    assert api.get("/v1/alerts", {"product": shown["product_id"]}).json()["count"] == 1
    assert api.get("/v1/alerts", {"search": "milk"}).json()["count"] == 1
    assert api.post("/v1/alerts", {}).status_code == 405
    assert api.patch(f"/v1/alerts/{shown['id']}", {}).status_code == 405


def test_acknowledged_and_snoozed(api: APIClient, device: Device) -> None:
    alert = make_alert(device)
    url = f"/v1/alerts/{alert.uuid}"
    seen = api.post(f"{url}/acknowledge", headers={"If-Match": f'"{alert.revision}"'})
    assert (seen.status_code, seen.json()["state"]) == (200, "acknowledged")
    late = api.post(f"{url}/snooze", {"until": soon()}, headers={"If-Match": f'"{alert.revision}"'})
    assert late.json()["internal_code"] == "revision_mismatch"
    resting = api.post(f"{url}/snooze", {"until": soon()}).json()
    assert (resting["state"], resting["snoozed_until"] is None) == ("snoozed", False)
    assert [event.action for event in Event.objects.about(alert)] == ["snoozed", "acknowledged", "raised"]
    before = Event.objects.count()
    past = {"until": "2020-01-01T00:00:00Z"}
    for body, code in ((past, "snooze_invalid"), ({"until": "x"}, "validation_failed"), ({}, "validation_failed")):
        refused = api.post(f"{url}/snooze", body)
        assert (refused.status_code, refused.json()["internal_code"]) == (422, code)
    assert Event.objects.count() == before


def test_a_cleared_one_is_left_alone(api: APIClient, device: Device) -> None:
    alert = make_alert(device)
    Alert.objects.update(state="cleared")
    before = Event.objects.count()
    for path, body in (("acknowledge", None), ("snooze", {"until": soon()})):
        refused = api.post(f"/v1/alerts/{alert.uuid}/{path}", body)
        assert (refused.status_code, refused.json()["internal_code"]) == (409, "alert_cleared")
    assert Event.objects.count() == before


def test_webhooks_hear_of_it(device: Device) -> None:
    endpoint = make_webhook(device, events=["alerts.raised"])
    make_alert(device)
    read_some(endpoint)
    assert [row.event_type for row in endpoint.deliveries.all()] == ["alerts.raised"]


def test_a_person_says_how_often_they_want_mail(api: APIClient, user: User) -> None:
    client = client_of(user)
    assert client.get("/v1/alert-mail").json() == {"when": "never"}
    for when in ("daily", "at_once", "never"):
        assert client.put("/v1/alert-mail", {"when": when}).json() == {"when": when}
        assert client.get("/v1/alert-mail").json() == {"when": when}
    assert client.put("/v1/alert-mail", {"when": "hourly"}).status_code == 422
    assert not AlertMail.objects.exists()
    assert api.get("/v1/alert-mail").status_code == 404, "a device has no address"
    assert api.put("/v1/alert-mail", {"when": "daily"}).status_code == 404
