"""Alerts in the admin: rules of one device or all, acknowledged, snoozed, and who gets e-mail."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from devices.models import Device, Event, ServerEvent, User
from inventory.models import Alert, AlertMail, AlertRule
from inventory.services.alerts.looks import look
from tests.factories import make_alert, make_product, make_rule, make_user

RULE = {"kind": "below_minimum", "name": "Low", "threshold": "2.5", "margin": "0", "patience": "1", "enabled": "on"}


def address(model: type[Any], page: str, *args: Any) -> str:
    return reverse(f"admin:inventory_{model.__name__.lower()}_{page}", args=args)


def do(boss: Client, row: Any, name: str, **answers: Any) -> Any:
    return boss.post(address(type(row), "do", row.pk, name), {"confirmed": "yes", **answers}, follow=True)


def listed(boss: Client, model: type[Any], **query: str) -> list[Any]:
    return list(boss.get(address(model, "changelist"), query).context["cl"].result_list)


def opened(boss: Client, row: Any) -> dict[str, Any]:
    return {"opened_revision": boss.get(address(type(row), "change", row.pk)).context["opened_revision"]}


def test_a_rule_of_a_device(boss: Client, staff: User, device: Device) -> None:
    product = make_product(device, name="Milk")
    sent = {**RULE, "device": device.pk, "product": product.pk}
    assert boss.post(address(AlertRule, "add"), sent).status_code == 302
    rule = AlertRule.objects.get()
    assert (rule.device, rule.product, rule.threshold) == (device, product, Decimal("2.5"))
    assert Event.objects.about(rule)[0].actor_id == str(staff.uuid)
    change = {**RULE, "product": product.pk, "threshold": "4", **opened(boss, rule)}
    assert boss.post(address(AlertRule, "change", rule.pk), change).status_code == 302
    rule.refresh_from_db()
    assert rule.threshold == 4
    page = boss.get(address(AlertRule, "changelist")).content.decode()
    assert "Milk" in page
    do(boss, rule, "delete_selected")
    assert listed(boss, AlertRule) == []
    assert "Deleted" in boss.get(address(AlertRule, "changelist"), {"deleted": "only"}).content.decode()


def test_a_rule_of_every_device_has_a_history_too(boss: Client, staff: User, device: Device) -> None:
    sent = {**RULE, "kind": "device_silent", "hours": "24", "threshold": ""}
    assert boss.post(address(AlertRule, "add"), sent).status_code == 302
    rule = AlertRule.objects.get()
    first = opened(boss, rule)
    assert boss.post(address(AlertRule, "change", rule.pk), {**sent, "hours": "48", **first}).status_code == 302
    rule.refresh_from_db()
    assert (rule.device, rule.hours, rule.revision) == (None, 48, 2)
    page = boss.get(address(AlertRule, "changelist")).content.decode()
    assert "Every device" in page
    assert "48 hours" in page
    late = boss.post(address(AlertRule, "change", rule.pk), {**sent, "hours": "72", **first})
    assert "hours: 24 → 48" in late.content.decode()
    do(boss, rule, "delete_selected")
    do(boss, rule, "restore")
    history = boss.get(address(AlertRule, "history", rule.pk)).context["entries"]
    assert [entry.event.action for entry in history] == ["restored", "deleted", "updated", "created"]
    assert {entry.event.actor_id for entry in history} == {str(staff.uuid)}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"kind": "expiring", "threshold": ""}, "days"), ({"margin": ""}, "margin"), ({"kind": "moon"}, "kind")],
)
def test_a_wrong_rule(boss: Client, device: Device, wrong: Any, field: str) -> None:
    page = boss.post(address(AlertRule, "add"), {**RULE, "device": device.pk, **wrong})
    assert field in page.context["adminform"].form.errors
    assert not AlertRule.objects.exists()


def test_limits_are_shown(boss: Client, device: Device) -> None:
    make_rule(device, kind="case_open", days=7)
    make_rule(device, kind="ledger_drift")
    page = boss.get(address(AlertRule, "changelist")).content.decode()
    assert "7 days" in page


def test_an_alert_is_acknowledged_and_snoozed(boss: Client, staff: User, device: Device) -> None:
    alert = make_alert(device)
    page = boss.get(address(Alert, "change", alert.pk)).content.decode()
    for shown in (alert.summary, "Acknowledge", "Snooze", str(alert.product)):
        assert shown in page
    do(boss, alert, "acknowledge")
    alert.refresh_from_db()
    assert (alert.state, Event.objects.about(alert)[0].actor_id) == ("acknowledged", str(staff.uuid))
    do(boss, alert, "snooze", hours="72")
    alert.refresh_from_db()
    assert alert.state == "snoozed"
    assert timedelta(hours=71) < alert.snoozed_until - timezone.now() <= timedelta(hours=72)
    assert boss.post(address(Alert, "do", alert.pk, "snooze"), {"confirmed": "yes", "hours": "5"}).status_code == 200


def test_the_list_shows_what_is_not_cleared(boss: Client, device: Device) -> None:
    alert, gone = make_alert(device), make_alert(device)
    Alert.objects.filter(pk=gone.pk).update(state="cleared")
    gone.refresh_from_db()
    assert alert in listed(boss, Alert)
    assert gone not in listed(boss, Alert)
    assert listed(boss, Alert, state="cleared") == [gone]
    assert gone in listed(boss, Alert, state="any")
    page = boss.get(address(Alert, "change", gone.pk)).content.decode()
    assert "Acknowledge" not in page
    dashboard = boss.get(reverse("admin:index"))
    [card] = [card for card in dashboard.context["cards"] if card["title"] == "Open alerts"]
    assert card["figure"] == str(Alert.objects.filter(state="open").count())


def test_many_are_acknowledged_at_once(boss: Client, device: Device) -> None:
    rule = make_rule(device, threshold=1)
    for _ in range(3):
        make_product(device)
    look(rule)
    many = {"action": "acknowledge", "_selected_action": [row.pk for row in Alert.objects.all()], "confirmed": "yes"}
    boss.post(address(Alert, "changelist"), many)
    assert set(Alert.objects.values_list("state", flat=True)) == {"acknowledged"}


def test_who_gets_mail(boss: Client, staff: User) -> None:
    ada = make_user(username="ada", email="ada@example.org")
    assert boss.post(address(AlertMail, "add"), {"user": ada.pk, "when": "daily"}).status_code == 302
    wish = AlertMail.objects.get()
    page = boss.get(address(AlertMail, "changelist")).content.decode()
    assert "own devices" in page
    again = boss.post(address(AlertMail, "add"), {"user": ada.pk, "when": "at_once"})
    assert "on the list already" in again.content.decode()
    sent = {"when": "at_once", **opened(boss, wish)}
    assert boss.post(address(AlertMail, "change", wish.pk), sent).status_code == 302
    wish.refresh_from_db()
    assert wish.when == "at_once"
    assert boss.post(address(AlertMail, "change", wish.pk), {**sent, "when": "daily"}).status_code == 200, "late"
    assert (
        boss.post(address(AlertMail, "change", wish.pk), {**opened(boss, wish), "when": "at_once"}).status_code == 302
    )
    boss.post(address(AlertMail, "delete", wish.pk), {"post": "yes"})
    assert not AlertMail.objects.exists()
    assert list(ServerEvent.objects.order_by("id").values_list("action", flat=True)) == [
        "created",
        "updated",
        "deleted",
    ]
    boss.post(address(AlertMail, "add"), {"user": staff.pk, "when": "daily"})
    page = boss.get(address(AlertMail, "changelist")).content.decode()
    assert "every device" in page
    assert "none: gets nothing" in page
