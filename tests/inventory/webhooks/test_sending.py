"""Sending: signed, tried again, held back, given up; to a real receiver over HTTP."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from standardwebhooks import Webhook, WebhookVerificationError

from devices.models import Device, Event
from inventory.jobs.webhooks import deliver_webhooks, webhook_sweep
from inventory.models import Case, WebhookDelivery, WebhookEndpoint, WebhookRun
from inventory.services.tasks import complete_task
from inventory.services.webhooks import endpoints, sending
from inventory.services.webhooks.sending import GIVE_UP, LADDER, deliver_due
from tests.factories import TESTER, make_case, make_product, make_task, make_webhook
from tests.factories.receiver import LOOPBACK, Receiver

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _allowed(settings: Any) -> None:
    settings.OUTBOUND_NETWORKS = LOOPBACK


@pytest.fixture
def clock(db: None) -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(START, tick=False) as travel:
        yield travel


@pytest.fixture
def endpoint(clock: Any, device: Device, receiver: Receiver) -> WebhookEndpoint:
    return make_webhook(device, url=receiver.url(), events=["tasks.*", "products.*"])


def answer(receiver: Receiver, *statuses: int, **headers: str) -> None:
    """Answer with these, one after the other; the last for ever."""
    left = list(statuses)
    receiver.script = lambda handler: handler.reply(left.pop(0) if len(left) > 1 else left[0], b"said", **headers)


def turn(endpoint: WebhookEndpoint) -> list[tuple[str, int]]:
    """What a worker does when it hears the bell; afterwards: (status, attempts) of each delivery."""
    deliver_webhooks(str(endpoint.pk))
    return [(row.status, row.attempts) for row in endpoint.deliveries.order_by("id")]


def ids(receiver: Receiver) -> list[str]:
    return [headers["webhook-id"] for _, _, headers, _ in receiver.heard]


def run_of(endpoint: WebhookEndpoint) -> WebhookRun:
    return WebhookRun.objects.get(pk=endpoint.pk)


def test_an_event_arrives_signed(endpoint: Any, receiver: Receiver, device: Device) -> None:
    task = make_task(device, title="Größe")
    assert turn(endpoint) == [("delivered", 1)]
    [(method, _, headers, body)] = receiver.heard
    said = Webhook(endpoint.shown_secret).verify(body, headers)
    assert (method, headers["content-type"]) == ("POST", "application/json")
    event = Event.objects.get(table="tasks")
    assert (said["type"], said["timestamp"]) == ("tasks.created", "2026-03-01T12:00:00Z")
    assert said["data"] == {
        "device_id": str(device.uuid),
        "revision": task.revision,
        "table": "tasks",
        "id": str(task.uuid),
        "action": "created",
        "actor": {"kind": "system", "id": "tests", "name": "tests"},
        "changes": event.changes,
        "request_id": "",
        "operation_id": None,
    }
    delivery = endpoint.deliveries.get()
    assert headers["webhook-id"] == str(delivery.uuid)
    assert (delivery.response_code, delivery.excerpt, delivery.trouble) == (200, "fine", "")
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint.shown_secret).verify(body + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoints.new_secret()).verify(body, headers)


def test_500_then_200(endpoint: Any, receiver: Receiver, device: Device, clock: Any) -> None:
    answer(receiver, 500, 200)
    make_task(device)
    assert turn(endpoint) == [("waiting", 1)]
    delivery = endpoint.deliveries.get()
    assert (delivery.trouble, delivery.excerpt) == ("The receiver answered 500.", "said")
    assert delivery.next_attempt_at == START + timedelta(seconds=5)
    assert turn(endpoint) == [("waiting", 1)], "not before its time"
    clock.shift(timedelta(seconds=5))
    assert turn(endpoint) == [("delivered", 2)]
    assert len(set(ids(receiver))) == 1, "the id is the same at every attempt"
    bodies = {body for *_, body in receiver.heard}
    assert len(bodies) == 1
    Webhook(endpoint.shown_secret).verify(receiver.heard[1][3], receiver.heard[1][2])
    assert run_of(endpoint).failures == 0


def test_the_sweep_rings_for_what_is_due(
    endpoint: Any, receiver: Receiver, device: Device, clock: Any, django_capture_on_commit_callbacks: Any
) -> None:
    def sweep() -> int:
        with django_capture_on_commit_callbacks(execute=True):
            webhook_sweep()
        return len(receiver.heard)

    answer(receiver, 500, 200)
    assert sweep() == 0
    make_task(device)  # nobody rang: nothing was committed
    assert sweep() == 1
    assert sweep() == 1
    clock.shift(timedelta(seconds=5))
    assert sweep() == 2
    assert endpoint.deliveries.get().status == "delivered"
    endpoints.disable_webhook(endpoint, actor=TESTER, reason="")
    make_task(device)
    assert sweep() == 2


def test_a_write_rings_after_its_commit(
    endpoint: Any, receiver: Receiver, device: Device, django_capture_on_commit_callbacks: Any
) -> None:
    connection.run_on_commit.clear()  # what fixtures did is never committed
    with django_capture_on_commit_callbacks(execute=True):
        make_task(device)
        make_task(device)
        assert receiver.heard == []
    assert len(receiver.heard) == 2
    connection.run_on_commit.clear()
    with django_capture_on_commit_callbacks(execute=True):
        make_task(device)
    assert len(receiver.heard) == 2, "within the same second it is left to the sweep"


def test_the_ladder_ends_in_the_dead_letters(endpoint: Any, receiver: Receiver, device: Device, clock: Any) -> None:
    """One event that the receiver never takes, while it takes others."""
    poison = make_product(device)
    receiver.script = lambda handler: handler.reply(500 if str(poison.uuid) in str(receiver.heard[-1]) else 200)
    waits = []
    for number in range(len(LADDER) + 1):
        make_task(device)
        turn(endpoint)
        delivery = endpoint.deliveries.get(object_id=poison.uuid)
        assert delivery.attempts == number + 1
        waits.append(delivery.next_attempt_at - datetime.now(UTC))
        clock.move_to(delivery.next_attempt_at)
    assert waits[:-1] == list(LADDER)
    assert delivery.status == "dead"
    assert timedelta(days=3) <= GIVE_UP <= timedelta(days=4)
    assert endpoint.deliveries.exclude(pk=delivery.pk).exclude(status="delivered").count() == 0
    clock.shift(timedelta(days=9))
    turn(endpoint)
    assert endpoint.deliveries.get(pk=delivery.pk).attempts == 10
    endpoint.refresh_from_db()
    assert endpoint.enabled, "it takes others"


def test_a_receiver_that_is_down_is_asked_ever_less_often(
    endpoint: Any, receiver: Receiver, device: Device, clock: Any
) -> None:
    answer(receiver, 503)
    for _ in range(20):
        make_task(device)
    turn(endpoint)
    assert len(receiver.heard) == 3
    assert run_of(endpoint).resume_at == START + LADDER[0]
    turn(endpoint)
    assert len(receiver.heard) == 3, "held back"
    for number, wait in enumerate(LADDER[:4]):
        clock.shift(wait)
        turn(endpoint)
        assert len(receiver.heard) == 4 + number, "one probe"
    answer(receiver, 200)
    clock.shift(LADDER[4])
    turn(endpoint)
    while endpoint.deliveries.waiting().exists():
        clock.shift(timedelta(hours=5))
        turn(endpoint)
    assert endpoint.deliveries.filter(status="delivered").count() == 20
    assert run_of(endpoint).failing_since is None


def test_one_that_stays_down_is_given_up_with_a_case(
    endpoint: Any, receiver: Receiver, device: Device, clock: Any
) -> None:
    answer(receiver, 500)
    for _ in range(5):
        make_task(device)
    for _ in range(50):
        turn(endpoint)
        clock.shift(timedelta(hours=2))
    endpoint.refresh_from_db()
    assert (endpoint.enabled, endpoint.disabled_reason) == (False, "It has taken nothing since 2026-03-01 12:00 UTC.")
    case = Case.objects.get(kind="webhook_disabled")
    assert case.evidence["webhook_id"] == str(endpoint.uuid)
    assert Event.objects.about(endpoint).first().action == "disabled"
    heard = len(receiver.heard)
    assert heard < 20
    turn(endpoint)
    assert len(receiver.heard) == heard
    answer(receiver, 200)
    endpoints.update_webhook(endpoint, actor=TESTER, changes={"enabled": True})
    clock.shift(timedelta(days=1))
    turn(endpoint)
    assert endpoint.deliveries.exclude(status="delivered").count() == 0, "nothing was lost meanwhile"
    endpoint.refresh_from_db()
    assert endpoint.disabled_reason == ""


def test_410_disables_at_once(endpoint: Any, receiver: Receiver, device: Device) -> None:
    answer(receiver, 410)
    make_task(device)
    make_task(device)
    assert turn(endpoint) == [("waiting", 1), ("waiting", 0)]
    endpoint.refresh_from_db()
    assert (endpoint.enabled, endpoint.disabled_reason) == (False, "The receiver answered 410 Gone.")
    assert Case.objects.get().kind == "webhook_disabled"


def test_410_of_a_ping_to_an_endpoint_of_every_device(receiver: Receiver, device: Device) -> None:
    wide = endpoints.create_webhook(device=None, actor=TESTER, url=receiver.url(), events=["*"])
    answer(receiver, 410)
    endpoints.ping_webhook(wide, actor=TESTER)
    assert turn(wide) == [("waiting", 1)]
    wide.refresh_from_db()
    assert (wide.enabled, wide.revision) == (False, 2)
    assert Case.objects.count() == 0, "it is about no device"


def test_retry_after_is_heard(endpoint: Any, receiver: Receiver, device: Device) -> None:
    answer(receiver, 429, Retry_After="120")
    make_task(device)
    make_task(device)
    assert turn(endpoint) == [("waiting", 1), ("waiting", 0)]
    assert endpoint.deliveries.earliest("id").next_attempt_at == START + timedelta(seconds=120)
    assert run_of(endpoint).resume_at == START + timedelta(seconds=120)


@pytest.mark.parametrize(("said", "wait"), [("soon", LADDER[0]), ("9999999999", LADDER[-1]), ("1", LADDER[0])])
def test_strange_waits(endpoint: Any, receiver: Receiver, device: Device, said: str, wait: timedelta) -> None:
    answer(receiver, 503, Retry_After=said)
    make_task(device)
    turn(endpoint)
    assert endpoint.deliveries.get().next_attempt_at == START + wait


def test_redirects_are_not_followed(endpoint: Any, receiver: Receiver, device: Device) -> None:
    answer(receiver, 307, Location=receiver.url(path="/elsewhere"))
    make_task(device)
    assert turn(endpoint) == [("waiting", 1)]
    assert len(receiver.heard) == 1
    assert endpoint.deliveries.get().trouble == "307: redirects are not followed."


def test_a_slow_receiver_is_left(device: Device, receiver: Receiver, settings: Any) -> None:
    settings.WEBHOOK_SECONDS = 0.2
    endpoint = make_webhook(device, url=receiver.url())
    left = threading.Event()
    receiver.script = lambda handler: left.wait(10) and None
    make_task(device)
    assert turn(endpoint) == [("waiting", 1)]
    left.set()
    assert endpoint.deliveries.get().trouble == "No answer in time."


@pytest.mark.parametrize("name", ["localhost", "inside.example"])
def test_a_name_that_leads_inside_is_refused(
    device: Device, receiver: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    settings.OUTBOUND_NETWORKS = []
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args, **kwargs: real("127.0.0.1", *args, **kwargs))
    endpoint = make_webhook(device, url=receiver.url(name))
    make_task(device)
    assert turn(endpoint) == [("waiting", 1)]
    assert receiver.heard == []
    assert endpoint.deliveries.get().trouble == "127.0.0.1 is a private address."


def test_answers_are_kept_short_and_clean(endpoint: Any, receiver: Receiver, device: Device) -> None:
    receiver.script = lambda handler: handler.reply(200, b"\x00\xff" + b"<script>" * 100_000)
    make_task(device)
    assert turn(endpoint) == [("delivered", 1)]
    excerpt = endpoint.deliveries.get().excerpt
    assert (len(excerpt), excerpt[:4]) == (500, "\ufffd\ufffd<s")


def test_a_later_change_of_one_object_waits_for_the_earlier(
    endpoint: Any, receiver: Receiver, device: Device, clock: Any
) -> None:
    task, other = make_task(device), make_task(device)
    answer(receiver, 500, 200)
    assert turn(endpoint) == [("waiting", 1), ("delivered", 1)]
    complete_task(task, actor=TESTER)
    complete_task(other, actor=TESTER)
    assert turn(endpoint) == [("waiting", 1), ("delivered", 1), ("waiting", 0), ("delivered", 1)]
    clock.shift(timedelta(seconds=5))
    assert {status for status, _ in turn(endpoint)} == {"delivered"}
    told = [json.loads(body)["data"] for *_, body in receiver.heard]
    assert [row["action"] for row in told if row["id"] == str(task.uuid)] == ["created", "created", "completed"]


def test_for_a_day_both_secrets_sign(endpoint: Any, receiver: Receiver, device: Device, clock: Any) -> None:
    old = endpoint.shown_secret
    new = endpoints.rotate_secret(endpoint, actor=TESTER).shown_secret  # type: ignore[attr-defined]  # rides on the row
    make_task(device)
    turn(endpoint)
    for secret in (old, new):
        Webhook(secret).verify(receiver.heard[-1][3], receiver.heard[-1][2])
    clock.shift(timedelta(hours=25))
    make_task(device)
    turn(endpoint)
    Webhook(new).verify(receiver.heard[-1][3], receiver.heard[-1][2])
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(receiver.heard[-1][3], receiver.heard[-1][2])
    endpoints.rotate_secret(endpoint, actor=TESTER)
    assert endpoint.secrets.count() == 2, "what expired is gone"


def test_one_worker_at_a_time(endpoint: Any, receiver: Receiver, device: Device, clock: Any) -> None:
    make_task(device)
    heard: list[int] = []

    real = sending.attempt

    def during(delivery: WebhookDelivery) -> Any:
        heard.append(deliver_due(endpoint.pk))  # another worker hears a bell in the middle
        return real(delivery)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sending, "attempt", during)
        turn(endpoint)
    assert (heard, len(receiver.heard)) == ([0], 1)
    assert run_of(endpoint).leased_until is None


def test_a_worker_that_slept_writes_nothing(endpoint: Any, receiver: Receiver, device: Device, clock: Any) -> None:
    """Its lease ran out while it sent; another worker sent the same id meanwhile."""
    make_task(device)
    make_task(device)
    real = sending.attempt
    calls: list[int] = []

    def slow(delivery: WebhookDelivery) -> Any:
        if not calls:
            calls.append(delivery.pk)
            clock.shift(timedelta(minutes=5))
            assert deliver_due(endpoint.pk) == 2
        return real(delivery)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sending, "attempt", slow)
        assert turn(endpoint) == [("delivered", 1), ("delivered", 1)]
    assert len(receiver.heard) == 3
    assert len(set(ids(receiver))) == 2


def test_a_change_of_the_endpoint_ends_the_turn(endpoint: Any, receiver: Receiver, device: Device) -> None:
    make_task(device)
    make_task(device)

    def change(delivery: WebhookDelivery) -> Any:
        endpoints.update_webhook(endpoint, actor=TESTER, changes={"enabled": False})
        return real(delivery)

    real = sending.attempt
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sending, "attempt", change)
        assert turn(endpoint) == [("delivered", 1), ("waiting", 0)]


def test_what_is_not_wanted_is_read_and_passed_over(endpoint: Any, receiver: Receiver, device: Device) -> None:
    make_case(device)
    assert turn(endpoint) == []
    assert not WebhookEndpoint.objects.due().exists()


def test_a_turn_ends_and_rings_again(
    endpoint: Any, receiver: Receiver, device: Device, django_capture_on_commit_callbacks: Any
) -> None:
    make_task(device)
    with django_capture_on_commit_callbacks() as rung:
        assert deliver_due(endpoint.pk, seconds=0) == 0
    assert len(rung) == 1
    assert receiver.heard == []
    with django_capture_on_commit_callbacks() as rung:
        assert deliver_due(endpoint.pk) == 1
    assert rung == []
