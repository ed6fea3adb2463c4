"""Webhooks over HTTP: made, shown once, changed, tried, replayed, rotated; by the device and its owner alone."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from config.core.errors import NotFound
from devices.errors import NotDeleted, RevisionMismatch
from devices.models import Device, Event, Feed, User
from inventory.jobs.webhooks import deliver_webhooks
from inventory.models import WebhookDelivery, WebhookEndpoint, WebhookPosition, WebhookSecret
from inventory.services.webhooks import endpoints
from inventory.services.webhooks.endpoints import create_webhook, disable_webhook
from tests.conftest import client_of
from tests.factories import TESTER, make_task, make_webhook
from tests.factories.receiver import LOOPBACK, Receiver

URL = "https://hooks.example/in"


def make(api: APIClient, **values: Any) -> Any:
    return api.post("/v1/webhooks", {"url": URL, "events": ["*"], **values})


def snapshot() -> Any:
    return (
        list(WebhookEndpoint.all_objects.order_by("pk").values()),
        list(WebhookDelivery.objects.order_by("pk").values()),
        list(WebhookPosition.objects.order_by("pk").values()),
        WebhookSecret.objects.count(),
        Event.objects.count(),
        sorted(Feed.objects.values_list("device_id", "head")),
    )


def test_the_secret_is_shown_once(api: APIClient, device: Device) -> None:
    made = make(api, description="ERP", conditions={"kind": ["issue", "count"]})
    assert made.status_code == 201
    body = made.json()
    assert body["secret"].startswith("whsec_")
    assert (body["enabled"], body["disabled_reason"]) == (True, "")
    assert made.headers["ETag"] == f'"{body["revision"]}"'
    shown = api.get(f"/v1/webhooks/{body['id']}").json()
    assert shown == {**body, "secret": None}
    assert api.get("/v1/webhooks").json()["results"] == [shown]
    assert body["secret"] not in str(list(Event.objects.values()))
    [event] = Event.objects.filter(table="webhook_endpoints")
    assert event.changes == {
        "url": [None, URL],
        "events": [None, ["*"]],
        "conditions": [None, {"kind": ["issue", "count"]}],
        "description": [None, "ERP"],
        "enabled": [None, True],
    }


def test_a_lost_answer_is_given_again(api: APIClient) -> None:
    made, again = (
        api.post("/v1/webhooks", {"url": URL, "events": ["*"]}, headers={"Idempotency-Key": "k"}) for _ in range(2)
    )
    assert made.content == again.content
    assert WebhookEndpoint.objects.count() == 1


def test_many_at_once_have_a_secret_each(api: APIClient) -> None:
    results = api.post("/v1/webhooks", [{"url": URL, "events": ["*"]}, {"url": "x", "events": ["*"]}]).json()["results"]
    assert results[0]["row"]["secret"].startswith("whsec_")
    assert results[1]["problem"]["internal_code"] == "outbound_refused"


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"url": "ftp://a.example/"}, "url", "outbound_refused"),
        ({"url": "http://127.0.0.1/"}, "url", "outbound_refused"),
        ({"url": "https://user:pass@a.example/"}, "url", "outbound_refused"),
        ({"events": ["tasks."]}, "events", "webhook_invalid"),
        ({"events": ["Tasks.created"]}, "events", "webhook_invalid"),
        ({"events": ["*"] * 51}, "events", "webhook_invalid"),
        ({"conditions": {"kind": {"in": ["a"]}}}, "conditions", "webhook_invalid"),
        ({"conditions": {"kind": [["a"]]}}, "conditions", "webhook_invalid"),
        ({"conditions": {f"f{n}": "a" for n in range(21)}}, "conditions", "webhook_invalid"),
        ({"events": []}, "events", "validation_failed"),
        ({"events": "*"}, "events", "validation_failed"),
        ({"conditions": []}, "conditions", "validation_failed"),
        ({"secret": "whsec_mine"}, "secret", "validation_failed"),
        ({"disabled_reason": "x"}, "disabled_reason", "validation_failed"),
    ],
)
def test_what_is_wrong_is_refused(api: APIClient, device: Device, values: Any, field: str, code: str) -> None:
    row = make_webhook(device)
    before = snapshot()
    for answer in (make(api, **values), api.patch(f"/v1/webhooks/{row.uuid}", values)):
        assert (answer.status_code, answer.json()["internal_code"]) == (422, code)
        assert answer.json()["errors"][0]["field"].startswith(field)
    assert snapshot() == before


def test_patterns_are_kept_once(api: APIClient) -> None:
    assert make(api, events=["tasks.*", "cases.opened", "tasks.*"]).json()["events"] == ["tasks.*", "cases.opened"]


def test_a_device_has_so_many(api: APIClient, settings: Any) -> None:
    settings.WEBHOOKS_PER_DEVICE = 1
    assert make(api).status_code == 201
    before = snapshot()
    refused = make(api)
    assert (refused.status_code, refused.json()["internal_code"]) == (409, "too_many_webhooks")
    assert snapshot() == before


def test_it_is_changed_deleted_and_restored(api: APIClient, device: Device) -> None:
    row = make_webhook(device)
    url = f"/v1/webhooks/{row.uuid}"
    changed = api.patch(url, {"events": ["tasks.*"], "enabled": False}, headers={"If-Match": f'"{row.revision}"'})
    assert (changed.status_code, changed.json()["events"], changed.json()["enabled"]) == (200, ["tasks.*"], False)
    late = api.patch(url, {"enabled": True}, headers={"If-Match": f'"{row.revision}"'})
    assert late.json()["internal_code"] == "revision_mismatch"
    whole = api.put(url, {"url": URL, "events": ["*"]})
    assert (whole.json()["url"], whole.json()["enabled"], whole.json()["description"]) == (URL, True, "")
    assert api.delete(url).status_code == 204
    assert api.get(url).status_code == 404
    make_task(device)
    deliver_webhooks(str(row.pk))
    assert WebhookDelivery.objects.count() == 0
    assert api.post(f"{url}/restore").status_code == 200
    assert api.get(url).status_code == 200


def test_an_enabled_one_forgets_its_failures(api: APIClient, device: Device) -> None:
    row = make_webhook(device)
    type(row.run).objects.update(failures=9, failing_since="2026-01-01T00:00Z", resume_at="2090-01-01T00:00Z")
    disable_webhook(row, actor=TESTER, reason="It was down.")
    assert api.get(f"/v1/webhooks/{row.uuid}").json()["disabled_reason"] == "It was down."
    enabled = api.patch(f"/v1/webhooks/{row.uuid}", {"enabled": True}).json()
    assert (enabled["enabled"], enabled["disabled_reason"]) == (True, "")
    row.run.refresh_from_db()
    assert (row.run.failures, row.run.failing_since, row.run.resume_at) == (0, None, None)


def test_a_ping(api: APIClient, device: Device, receiver: Receiver, settings: Any) -> None:
    settings.OUTBOUND_NETWORKS = LOOPBACK
    row = make_webhook(device, url=receiver.url())
    first, second = (api.post(f"/v1/webhooks/{row.uuid}/test") for _ in range(2))
    assert (first.status_code, first.json()["event_type"]) == (202, "ping")
    assert second.json()["id"] == first.json()["id"], "one that waits is enough"
    deliver_webhooks(str(row.pk))
    [(_, _, headers, body)] = receiver.heard
    assert headers["webhook-id"] == first.json()["id"]
    assert str(row.uuid).encode() in body
    [shown] = api.get(f"/v1/webhooks/{row.uuid}/deliveries").json()["results"]
    assert (shown["status"], shown["response_code"], shown["webhook_id"]) == ("delivered", 200, str(row.uuid))


def test_the_log_is_read_filtered_and_sent_again(
    api: APIClient, device: Device, receiver: Receiver, settings: Any
) -> None:
    settings.OUTBOUND_NETWORKS = LOOPBACK
    row = make_webhook(device, url=receiver.url(), events=["tasks.*"])
    make_webhook(device, events=["tasks.*"])
    make_task(device)
    receiver.script = lambda handler: handler.reply(500)
    deliver_webhooks(str(row.pk))
    [delivery] = api.get("/v1/webhook-deliveries", {"status": "waiting"}).json()["results"]
    assert (delivery["trouble"], delivery["attempts"]) == ("The receiver answered 500.", 1)
    assert api.get("/v1/webhook-deliveries", {"status": "dead"}).json()["results"] == []
    assert api.get("/v1/webhook-deliveries", {"event_type": "tasks.created"}).json()["count"] == 1
    url = f"/v1/webhook-deliveries/{delivery['id']}"
    assert api.get(url).json() == delivery
    assert api.get(url, {"fields": "status"}).json() == {"status": "waiting"}
    assert api.get("/v1/webhook-deliveries", {"fields": "attempts"}).json()["results"] == [{"attempts": 1}]
    receiver.script = lambda handler: handler.reply(204)
    resent = api.post(f"{url}/resend")
    assert (resent.status_code, resent.json()["attempts"], resent.json()["status"]) == (202, 0, "waiting")
    deliver_webhooks(str(row.pk))
    assert api.get(url).json()["status"] == "delivered"
    api.post(f"{url}/resend")
    deliver_webhooks(str(row.pk))
    assert {headers["webhook-id"] for _, _, headers, _ in receiver.heard} == {delivery["id"]}
    assert len(receiver.heard) == 3


def test_a_disabled_one_sends_nothing(api: APIClient, device: Device) -> None:
    row = make_webhook(device)
    delivery = endpoints.ping_webhook(row, actor=TESTER)
    api.patch(f"/v1/webhooks/{row.uuid}", {"enabled": False})
    before = snapshot()
    for path in (f"webhooks/{row.uuid}/test", f"webhook-deliveries/{delivery.uuid}/resend"):
        refused = api.post(f"/v1/{path}")
        assert (refused.status_code, refused.json()["internal_code"]) == (409, "webhook_disabled")
    assert snapshot() == before


def test_a_replay(api: APIClient, device: Device) -> None:
    task = make_task(device)
    row = make_webhook(device)
    answer = api.post(f"/v1/webhooks/{row.uuid}/replay", {"revision": task.revision})
    assert (answer.status_code, answer.json()["id"]) == (202, str(row.uuid))
    assert WebhookPosition.objects.get().revision == task.revision - 1
    head = Feed.objects.get(device=device).head
    before = snapshot()
    for revision in (0, head + 2, "1", None):
        refused = api.post(f"/v1/webhooks/{row.uuid}/replay", {"revision": revision})
        assert refused.status_code == 422
    assert api.post(f"/v1/webhooks/{row.uuid}/replay", {}).status_code == 422
    assert snapshot() == before
    assert api.post(f"/v1/webhooks/{row.uuid}/replay", {"revision": head + 1}).status_code == 202


def test_a_replay_of_another_devices_events(device: Device, other: Device) -> None:
    row = make_webhook(device)
    before = snapshot()
    with pytest.raises(endpoints.WebhookInvalid):
        endpoints.replay_webhook(row, actor=TESTER, device=other, revision=1)
    assert snapshot() == before
    wide = create_webhook(device=None, actor=TESTER, url=URL, events=["*"])
    endpoints.replay_webhook(wide, actor=TESTER, device=other, revision=1)
    assert wide.positions.get(device=other).revision == 0


def test_a_rotation(api: APIClient, device: Device) -> None:
    row: Any = make_webhook(device)
    rotated = api.post(f"/v1/webhooks/{row.uuid}/rotate-secret").json()
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != row.shown_secret
    assert rotated["revision"] > row.revision
    newest = Event.objects.about(row).first()
    assert (newest.action, newest.changes, newest.actor_kind) == ("secret_rotated", {}, "installation")


def test_an_owner_has_the_webhooks_of_a_device_of_theirs(user: User, device: Device) -> None:
    Device.objects.filter(pk=device.pk).update(owner=user)
    made = make(client_of(user, device))
    assert made.status_code == 201
    assert made.json()["device"] == str(device.uuid)


def test_staffs_webhooks_are_not_shown(api: APIClient, device: Device) -> None:
    wide = create_webhook(device=None, actor=TESTER, url=URL, events=["*"])
    delivery = endpoints.ping_webhook(wide, actor=TESTER)
    assert api.get("/v1/webhooks").json()["count"] == 0
    assert api.get("/v1/webhook-deliveries").json()["count"] == 0
    before = snapshot()
    for path in (f"webhooks/{wide.uuid}", f"webhooks/{wide.uuid}/deliveries", f"webhook-deliveries/{delivery.uuid}"):
        assert api.get(f"/v1/{path}").json()["internal_code"] == "not_found"
    for path in (f"webhooks/{wide.uuid}/test", f"webhook-deliveries/{delivery.uuid}/resend"):
        assert api.post(f"/v1/{path}").json()["internal_code"] == "not_found"
    assert snapshot() == before


def test_an_endpoint_of_every_device_is_changed_deleted_and_restored(device: Device) -> None:
    wide = create_webhook(device=None, actor=TESTER, url=URL, events=["*"])
    events = Event.objects.count()
    changed = endpoints.update_webhook(wide, actor=TESTER, changes={"description": "BI"}, expected_revision=1)
    assert (changed.revision, changed.description) == (2, "BI")
    with pytest.raises(RevisionMismatch):
        endpoints.update_webhook(wide, actor=TESTER, changes={"description": "x"}, expected_revision=1)
    with pytest.raises(NotDeleted):
        endpoints.restore_webhook(wide, actor=TESTER)
    rotated: Any = endpoints.rotate_secret(wide, actor=TESTER)
    assert rotated.shown_secret
    endpoints.delete_webhook(wide, actor=TESTER)
    assert not WebhookEndpoint.objects.exists()
    with pytest.raises(NotFound):
        endpoints.delete_webhook(wide, actor=TESTER)
    assert endpoints.restore_webhook(wide, actor=TESTER).revision == 5
    assert Event.objects.count() == events, "events belong to a device"


@pytest.mark.parametrize("path", ["deliveries?status=dead", "deliveries?limit=501"])
def test_unknown_parameters(api: APIClient, device: Device, path: str) -> None:
    row = make_webhook(device)
    assert api.get(f"/v1/webhooks/{row.uuid}/{path}").status_code == 400
    delivery = endpoints.ping_webhook(row, actor=TESTER)
    assert api.get(f"/v1/webhook-deliveries/{delivery.uuid}?x=1").status_code == 400
