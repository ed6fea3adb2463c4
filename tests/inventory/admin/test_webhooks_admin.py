"""Webhooks in the admin: made for one device or all, the secret shown once, pings, replays, resends."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from devices.models import Device, Event, User
from inventory.jobs.webhooks import deliver_webhooks
from inventory.models import WebhookDelivery, WebhookEndpoint, WebhookSecret
from inventory.services.webhooks.endpoints import create_webhook
from tests.factories import TESTER, make_delivery, make_task, make_webhook
from tests.factories.receiver import LOOPBACK, Receiver

FORM = {"url": "https://hooks.example/in", "events": "tasks.*\r\ncases.opened", "conditions": "{}", "enabled": "on"}


def address(model: type[Any], page: str, *args: Any) -> str:
    return reverse(f"admin:inventory_{model.__name__.lower()}_{page}", args=args)


def do(boss: Client, row: Any, name: str, **answers: Any) -> Any:
    return boss.post(address(type(row), "do", row.pk, name), {"confirmed": "yes", **answers}, follow=True)


def opened(boss: Client, row: Any) -> dict[str, Any]:
    context = boss.get(address(type(row), "change", row.pk)).context
    return {**FORM, "opened_revision": context["opened_revision"], "url": row.url, "events": "*"}


def secret_of(row: WebhookEndpoint) -> str:
    return WebhookSecret.objects.filter(endpoint=row, expires_at=None).get().secret


def test_one_of_a_device(boss: Client, staff: User, device: Device) -> None:
    page = boss.post(address(WebhookEndpoint, "add"), {**FORM, "device": device.pk})
    row = WebhookEndpoint.objects.get()
    assert page.status_code == 200
    assert secret_of(row) in page.content.decode()
    assert (row.device, row.events, row.enabled) == (device, ["tasks.*", "cases.opened"], True)
    event = Event.objects.about(row)[0]
    assert (event.action, event.actor_kind, event.actor_id) == ("created", "staff", str(staff.uuid))
    for address_ in (address(WebhookEndpoint, "change", row.pk), address(WebhookEndpoint, "changelist")):
        assert secret_of(row) not in boss.get(address_).content.decode()


def test_one_of_every_device(boss: Client, device: Device) -> None:
    assert boss.post(address(WebhookEndpoint, "add"), FORM).status_code == 200
    row = WebhookEndpoint.objects.get()
    assert row.device is None
    assert "Every device" in boss.get(address(WebhookEndpoint, "changelist")).content.decode()
    sent = {**opened(boss, row), "description": "BI", "enabled": ""}
    assert boss.post(address(WebhookEndpoint, "change", row.pk), sent).status_code == 302
    row.refresh_from_db()
    assert (row.description, row.enabled, row.revision) == ("BI", False, 2)
    assert boss.get(address(WebhookEndpoint, "history", row.pk)).status_code == 200
    late = boss.post(address(WebhookEndpoint, "change", row.pk), sent)
    assert late.status_code == 200
    row.refresh_from_db()
    assert row.revision == 2


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"url": "http://10.0.0.1/"}, "url"),
        ({"events": "Tasks"}, "events"),
        ({"events": ""}, "events"),
        ({"conditions": '{"a": {"b": 1}}'}, "conditions"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(boss: Client, device: Device, wrong: Any, field: str) -> None:
    page = boss.post(address(WebhookEndpoint, "add"), {**FORM, "device": device.pk, **wrong})
    assert list(page.context["adminform"].form.errors) == [field]
    assert not WebhookEndpoint.objects.exists()


def test_changed_deleted_restored(boss: Client, device: Device) -> None:
    row = make_webhook(device)
    assert boss.post(address(WebhookEndpoint, "change", row.pk), opened(boss, row)).status_code == 302
    row.refresh_from_db()
    assert row.revision == Event.objects.about(row).get().revision, "an untouched form changes nothing"
    do(boss, row, "delete_selected")
    row.refresh_from_db()
    assert row.is_deleted
    assert "Deleted" in boss.get(address(WebhookEndpoint, "changelist"), {"deleted": "only"}).content.decode()
    do(boss, row, "restore")
    row.refresh_from_db()
    assert not row.is_deleted


def test_a_rotation_shows_the_new_secret_once(boss: Client, device: Device) -> None:
    row = make_webhook(device)
    asked = boss.get(address(WebhookEndpoint, "do", row.pk, "rotate"))
    assert asked.status_code == 200
    old = secret_of(row)
    page = do(boss, row, "rotate").content.decode()
    assert secret_of(row) != old
    assert secret_of(row) in page
    assert old not in page
    assert secret_of(row) not in boss.get(address(WebhookEndpoint, "change", row.pk)).content.decode()


def test_a_ping_and_the_log(boss: Client, device: Device, receiver: Receiver, settings: Any) -> None:
    settings.OUTBOUND_NETWORKS = LOOPBACK
    row = make_webhook(device, url=receiver.url(), events=["tasks.*"])
    receiver.script = lambda handler: handler.reply(500, b"<b>sorry</b>")
    do(boss, row, "ping")
    make_task(device)
    for _ in range(2):
        deliver_webhooks(str(row.pk))
    log = boss.get(address(WebhookDelivery, "changelist"), {"endpoint__id__exact": row.pk})
    assert {found.event_type for found in log.context["cl"].result_list} == {"ping", "tasks.created"}
    page = boss.get(address(WebhookDelivery, "change", row.deliveries.get(event_type="tasks.created").pk))
    assert "The receiver answered 500." in page.content.decode()
    assert "&lt;b&gt;sorry" in page.content.decode()
    receiver.script = lambda handler: handler.reply(200)
    for delivery in row.deliveries.all():
        do(boss, delivery, "resend")
    deliver_webhooks(str(row.pk))
    assert set(row.deliveries.values_list("status", flat=True)) == {"delivered"}
    assert row.deliveries.count() == 2


def test_held_back_and_disabled_are_seen(boss: Client, device: Device) -> None:
    row = make_webhook(device)
    type(row.run).objects.update(failures=3, resume_at="2090-01-01T00:00Z")
    assert "Held back" in boss.get(address(WebhookEndpoint, "changelist")).content.decode()
    sent = {**opened(boss, row), "enabled": ""}
    boss.post(address(WebhookEndpoint, "change", row.pk), sent)
    assert "Disabled" in boss.get(address(WebhookEndpoint, "changelist")).content.decode()
    ping = make_delivery(device)
    type(ping.endpoint).objects.filter(pk=ping.endpoint.pk).update(enabled=False)
    assert "This webhook is disabled" in do(boss, ping, "resend").content.decode()


def test_a_replay(boss: Client, device: Device, other: Device) -> None:
    row, wide = make_webhook(device), create_webhook(device=None, actor=TESTER, url=FORM["url"], events=["*"])
    do(boss, row, "replay", revision=2)
    assert row.positions.get().revision == 1
    assert "Choose the device" in do(boss, wide, "replay", revision=2).content.decode()
    do(boss, wide, "replay", revision=2, device=other.pk)
    assert wide.positions.get(device=other).revision == 1
    assert wide.positions.get(device=device).revision > 1
    assert boss.post(address(WebhookEndpoint, "do", row.pk, "replay"), {"confirmed": "yes"}).status_code == 200
