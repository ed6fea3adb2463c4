"""Files that schedules ask for: mailed and announced once per job, to those who were named, whatever dies meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from smtplib import SMTPServerDisconnected
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core import mail
from django.core.mail import EmailMessage
from rest_framework.test import APIClient
from standardwebhooks import Webhook

from config.core.errors import AppError
from devices.models import Device
from inventory.jobs import runner
from inventory.jobs.scheduled import check, request
from inventory.jobs.webhooks import deliver_webhooks
from inventory.models import Artifact, Job, WebhookDelivery
from inventory.services.artifacts import open_artifact
from inventory.services.jobs import ring_again
from inventory.services.recurring import handover
from inventory.services.webhooks.endpoints import create_webhook, disable_webhook, ping_webhook
from tests.conftest import client_with
from tests.factories import TESTER, make_movement, make_webhook
from tests.factories.receiver import LOOPBACK, Receiver

pytestmark = pytest.mark.django_db
STOCK = {"report": "stock_on_hand", "format": "csv"}
PEOPLE = ["ada@example.org", "bob@example.org"]


@pytest.fixture
def ring(django_capture_on_commit_callbacks: Any) -> Callable[..., None]:
    """As beat does, and what comes of it."""

    def run(kind: str = "report", *, schedule: str = "Stock, weekly", **wish: Any) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            request.apply(kwargs={"kind": kind, **wish}, headers={"periodic_task_name": schedule}, throw=True)

    return run


def content_of(job: Job) -> bytes:
    with open_artifact(Artifact.objects.get(job=job)) as file:
        return file.read()


@pytest.mark.parametrize("format", ["csv", "xlsx", "pdf"])
def test_a_report_is_mailed_once(device: Device, ring: Any, api: APIClient, format: str) -> None:
    make_movement(device)
    for _ in range(2):
        ring(parameters={**STOCK, "format": format}, device=str(device.uuid), deliver={"mail": PEOPLE})
    job, mailing = Job.objects.order_by("id")
    assert (job.kind, job.status, mailing.kind, mailing.status) == ("report", "succeeded", "file_mail", "succeeded")
    [message] = mail.outbox
    assert message.to == PEOPLE
    assert message.subject.startswith("Stock, weekly: Stock on hand Scanner ")
    assert "Scanner, 1 row," in message.body
    assert "It is attached" in message.body
    assert message.extra_headers["Message-ID"] == f"<{job.uuid}@127.0.0.1>"
    [part] = [one for one in message.message().walk() if one.get_filename()]
    assert (part.get_filename(), part.get_payload(decode=True)) == (Artifact.objects.get().name, content_of(job))
    told = api.get("/v1/jobs").content.decode() + api.get(f"/v1/jobs/{job.uuid}").content.decode()
    assert "To be mailed to 2" in told
    assert PEOPLE[0] not in told, "a device is told that, not to whom"


def test_a_large_file_is_a_link_for_those_who_sign_in(ring: Any, boss: Any, settings: Any) -> None:
    settings.MAIL_ATTACHMENT_BYTES = 10
    ring("export", parameters={"tables": ["products"]}, deliver={"mail": PEOPLE})
    [message] = mail.outbox
    assert message.attachments == []
    assert "All devices, 0 rows" in message.body
    link = message.body.split()[-1]
    assert link.startswith(settings.PUBLIC_URL)
    path = link.removeprefix(settings.PUBLIC_URL)
    assert b"".join(boss.get(path).streaming_content) == content_of(Job.objects.get(kind="export"))
    assert client_with().get(path).status_code == 302, "to the page that asks who one is"


def test_a_mail_server_that_is_away_is_tried_again(
    ring: Any, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def away(message: EmailMessage) -> None:
        raise SMTPServerDisconnected

    with monkeypatch.context() as broken:
        broken.setattr(EmailMessage, "send", away)
        ring(parameters=STOCK, deliver={"mail": PEOPLE})
    report, mailing = Job.objects.order_by("id")
    assert (report.status, mailing.status, mail.outbox) == ("succeeded", "queued", [])
    assert "SMTPServerDisconnected" in str(mailing.log)
    Job.objects.update(run_at="2026-01-01T00:00Z", ring_at="2026-01-01T00:00Z")
    with django_capture_on_commit_callbacks(execute=True):
        ring_again()
    mailing.refresh_from_db()
    assert (mailing.status, mailing.result, len(mail.outbox)) == ("succeeded", {"attached": True}, 1)


def test_who_dies_before_the_end_has_told_nobody(
    ring: Any, device: Device, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    """The file, the wish for mail and the deliveries are one transaction: all of it, or the next attempt does it."""
    make_webhook(device)

    class Died(BaseException):
        pass

    def die(**told: Any) -> int:
        raise Died

    with monkeypatch.context() as broken:
        broken.setattr(handover, "announce", die)
        with pytest.raises(Died):
            ring(parameters=STOCK, device=str(device.uuid), deliver={"mail": PEOPLE, "webhook": True})
    assert (Artifact.objects.count(), WebhookDelivery.objects.count(), mail.outbox) == (0, 0, [])
    assert Job.objects.get().status == "running"
    Job.objects.update(leased_until="2026-01-01T00:00Z", ring_at="2026-01-01T00:00Z")
    with django_capture_on_commit_callbacks(execute=True):
        ring_again()
    assert (Artifact.objects.count(), WebhookDelivery.objects.count(), len(mail.outbox)) == (1, 1, 1)


def test_a_report_that_fails_tells_nobody(ring: Any, device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    make_webhook(device)
    monkeypatch.setattr("inventory.services.reports.open_scope", lambda device: 1 / 0)
    ring(parameters=STOCK, device=str(device.uuid), deliver={"mail": PEOPLE, "webhook": True})
    assert Job.objects.get().status == "failed"
    assert (WebhookDelivery.objects.count(), mail.outbox) == (0, [])


def test_a_file_that_is_gone_is_not_mailed(ring: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as away:
        away.setattr(EmailMessage, "send", lambda message: (_ for _ in ()).throw(OSError))
        ring(parameters=STOCK, deliver={"mail": PEOPLE})
    mailing = Job.objects.get(kind="file_mail")
    for gone in (
        lambda: Artifact.objects.update(expires_at="2026-01-01T00:00Z"),
        Job.objects.filter(kind="report").delete,
    ):
        gone()
        Job.objects.filter(pk=mailing.pk).update(status="queued", run_at="2026-01-01T00:00Z")
        runner.run(str(mailing.uuid))
        mailing.refresh_from_db()
        assert (mailing.status, mailing.internal_code, mail.outbox) == ("failed", "file_gone", [])


def test_a_webhook_says_that_a_report_is_ready(  # noqa: PLR0917  # fixtures
    ring: Any, device: Device, other: Device, receiver: Receiver, settings: Any, api: APIClient
) -> None:
    settings.OUTBOUND_NETWORKS = LOOPBACK
    mine = make_webhook(device, url=receiver.url(), events=["reports.ready"])
    make_webhook(other, events=["*"])
    make_webhook(device, events=["exports.*", "stock_movements.created"])
    make_webhook(device, events=["*"], conditions={"report": "valuation"})
    wide = create_webhook(
        device=None, actor=TESTER, url="https://hooks.example/", events=["*.ready"], conditions={"format": ["csv"]}
    )
    stopped = make_webhook(device, events=["*"])
    disable_webhook(stopped, actor=TESTER, reason="quiet")
    make_movement(device)
    ring(parameters=STOCK, device=str(device.uuid), deliver={"webhook": True})
    job = Job.objects.get()
    told = WebhookDelivery.objects.filter(event_type="reports.ready").order_by("id")
    assert [delivery.endpoint for delivery in told] == [mine, wide, stopped]
    assert "Announced to 3 webhooks" in str(job.log)
    if not receiver.heard:
        deliver_webhooks(str(mine.pk))
    [(_, _, headers, body)] = receiver.heard
    data = Webhook(mine.secrets.get().secret).verify(body, headers)["data"]
    assert data["job_id"] == str(job.uuid)
    assert (data["kind"], data["report"], data["schedule"]) == ("report", "stock_on_hand", "Stock, weekly")
    assert (data["device_id"], data["result"]["rows"]) == (str(device.uuid), 1)
    file = api.get(data["artifact"]["url"].removeprefix(settings.PUBLIC_URL))
    assert b"".join(file.streaming_content) == content_of(job)
    assert headers["webhook-id"] == str(told[0].uuid)


def test_what_is_of_all_devices_is_told_to_staffs_webhooks_alone(ring: Any, device: Device, boss: Any) -> None:
    make_webhook(device, events=["*"])
    wide = create_webhook(device=None, actor=TESTER, url="https://hooks.example/", events=["exports.ready"])
    ring("export", parameters={"tables": ["products"]}, deliver={"webhook": True})
    told = WebhookDelivery.objects.get(event_type="exports.ready")
    assert (told.endpoint, told.device) == (wide, None)
    assert told.body["device_id"] is None
    assert "report" not in told.body
    file = boss.get(told.body["artifact"]["url"].removeprefix("http://127.0.0.1:8000"))
    assert b"".join(file.streaming_content) == content_of(Job.objects.get())
    assert ping_webhook(wide, actor=TESTER).pk != told.pk, "a test is a test, whatever else waits"


def test_without_a_wish_nobody_is_told(ring: Any, device: Device) -> None:
    make_webhook(device)
    ring(parameters=STOCK, device=str(device.uuid), deliver={"mail": [], "webhook": False})
    ring(parameters=STOCK, device=str(device.uuid), schedule="another")
    assert [job.deliver for job in Job.objects.all()] == [{"schedule": "Stock, weekly"}, {"schedule": "another"}]
    assert (WebhookDelivery.objects.count(), mail.outbox) == (0, [])


@pytest.mark.parametrize(
    ("kind", "deliver", "said"),
    [
        ("report", [], ""),
        ("report", [1], "Give an object of"),
        ("report", {"to": []}, "Give an object of"),
        ("report", {"webhook": "yes"}, "true or false"),
        ("report", {"mail": "ada@example.org"}, "a list of at most 20"),
        ("report", {"mail": [f"{number}@example.org" for number in range(21)]}, "a list of at most 20"),
        ("report", {"mail": ["ada"]}, "ada is not an e-mail address"),
        ("report", {"mail": ["ada@example.org\nBcc: eve@example.org"]}, "is not an e-mail address"),
        ("report", {"mail": [7]}, "7 is not an e-mail address"),
        ("retention", {"webhook": True}, "Only these are delivered: report, export"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(ring: Any, kind: str, deliver: Any, said: str) -> None:
    parameters = STOCK if kind == "report" else {}
    if not said:
        check(kind, parameters=parameters, deliver=deliver)
        return
    with pytest.raises(AppError, match=said):
        check(kind, parameters=parameters, deliver=deliver)
    ring(kind, parameters=parameters, deliver=deliver)
    assert not Job.objects.exists()


PERIODS = {
    "today": ("2026-03-01", "2026-03-01"),
    "yesterday": ("2026-02-28", "2026-02-28"),
    "last_7_days": ("2026-02-22", "2026-02-28"),
    "last_30_days": ("2026-01-30", "2026-02-28"),
    "this_week": ("2026-02-23", "2026-03-01"),
    "last_week": ("2026-02-16", "2026-02-22"),
    "this_month": ("2026-03-01", "2026-03-01"),
    "last_month": ("2026-02-01", "2026-02-28"),
    "last_quarter": ("2025-10-01", "2025-12-31"),
    "this_year": ("2026-01-01", "2026-03-01"),
    "last_year": ("2025-01-01", "2025-12-31"),
}


@pytest.mark.parametrize("period", PERIODS)
def test_a_period_is_what_it_is_when_the_job_is_asked_for(ring: Any, period: str, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    first, last = PERIODS[period]
    with time_machine.travel(datetime(2026, 2, 28, 23, 30, tzinfo=UTC), tick=False):  # it is March in Berlin
        for kind, parameters in (
            ("report", {"report": "movements"}), ("report", {"report": "valuation"}), ("export", {}),
        ):  # fmt: skip
            ring(kind, parameters={**parameters, "period": period, "format": "csv"})
    movements, valuation, export = Job.objects.order_by("id")
    assert {job.status for job in (movements, valuation, export)} == {"succeeded"}
    assert (movements.parameters["from_day"], movements.parameters["to_day"]) == (first, last)
    assert valuation.parameters["at"] == f"{last}T23:59:59.999999+01:00"
    filters = export.parameters["filters"]
    assert set(filters) == {"stock_movements", "count_entries", "scan_events"}
    begin = datetime.fromisoformat(filters["stock_movements"]["occurred_at__gte"])
    assert begin == datetime.combine(date.fromisoformat(first), time.min, ZoneInfo("Europe/Berlin"))
    assert filters["scan_events"].keys() == {"received_at__gte", "received_at__lt"}
    assert all("period" not in job.parameters for job in (movements, valuation, export))


def test_a_quarter_begins_in_its_first_month(ring: Any) -> None:
    for today, first in (("2026-04-01", "2026-01-01"), ("2026-09-30", "2026-04-01"), ("2026-12-31", "2026-07-01")):
        with time_machine.travel(f"{today}T12:00Z", tick=False):
            ring(parameters={"report": "movements", "format": "csv", "period": "last_quarter"})
        assert Job.objects.latest("id").parameters["from_day"] == first


def test_a_day_of_a_schedule_is_one_of_its_own_time_zone(ring: Any, settings: Any) -> None:
    """01:30 in Berlin: after the switch to summer time, twice within one day of UTC."""
    settings.TIME_ZONE = "Europe/Berlin"
    for moment in ("2026-03-29T00:30Z", "2026-03-29T23:30Z"):
        with time_machine.travel(moment, tick=False):
            ring(parameters=STOCK)
    assert Job.objects.count() == 2


@pytest.mark.parametrize(
    ("path", "asked", "status"),
    [
        ("reports", {"report": "movements", "period": "last_week"}, 202),
        ("reports", {"report": "movements", "period": "last_week", "from_day": "2026-01-01"}, 422),
        ("reports", {"report": "stock_on_hand", "period": "last_week", "revision": 1}, 422),
        ("reports", {"report": "low_stock", "period": "last_week"}, 422),
        ("reports", {"report": "movements", "period": "last_fortnight"}, 422),
        ("exports", {"tables": ["stock_movements"], "period": "yesterday"}, 202),
        ("exports", {"tables": ["products"], "period": "yesterday"}, 202),
        ("exports", {"period": "soon"}, 422),
    ],
)
def test_a_period_over_http(api: APIClient, path: str, asked: dict[str, Any], status: int) -> None:
    answer = api.post(f"/v1/{path}", asked)
    assert answer.status_code == status, answer.content
    if status == 202:
        return
    assert "period" in {problem["field"] for problem in answer.json()["errors"]}
    assert not Job.objects.exists()


def test_an_own_filter_is_kept_beside_a_period(api: APIClient, device: Device) -> None:
    mine = {"stock_movements": {"kind": "receipt", "occurred_at__lt": "2026-01-01T00:00:00Z"}}
    assert api.post("/v1/exports", {"filters": mine, "period": "yesterday"}).status_code == 202
    kept = Job.objects.get().parameters["filters"]["stock_movements"]
    assert kept == {**mine["stock_movements"], "occurred_at__gte": kept["occurred_at__gte"]}
    assert json.dumps(kept)
