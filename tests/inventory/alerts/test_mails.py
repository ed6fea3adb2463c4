"""E-mail: to those who asked for it, about what they may see, again after a failure, never twice to one person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected
from typing import Any

import pytest
import time_machine
from django.core import mail

from devices.models import Device, User
from inventory.errors import JobParameters
from inventory.jobs.alerts import daily_digest, nightly_alerts
from inventory.models import AlertMail, Job
from inventory.services.alerts import mails
from inventory.services.alerts.looks import look
from inventory.services.alerts.mails import set_alert_mail
from inventory.services.jobs import request_job, ring_again
from tests.factories import TESTER, make_case, make_device, make_product, make_rule, make_user

AT_ONCE, DAILY = AlertMail.When.AT_ONCE, AlertMail.When.DAILY


@pytest.fixture
def people(device: Device, user: User) -> dict[str, User]:
    """The device's owner, another user, a clerk of the staff, one without an address, one who left."""
    User.objects.filter(pk=user.pk).update(email="ada@example.org")
    Device.objects.filter(pk=device.pk).update(owner=user)
    device.refresh_from_db()
    return {
        "owner": user,
        "other": make_user(username="eve", email="eve@example.org"),
        "clerk": make_user(username="clerk", email="clerk@example.org", is_staff=True),
        "mute": make_user(username="mute", is_staff=True),
        "left": make_user(username="left", email="left@example.org", is_staff=True, is_active=False),
    }


def want(people: dict[str, User], when: str) -> None:
    for person in people.values():
        set_alert_mail(person, actor=TESTER, when=when)


def addressed() -> list[str]:
    return sorted(message.to[0] for message in mail.outbox)


@pytest.fixture
def raise_one(device: Device, django_capture_on_commit_callbacks: Any) -> Any:
    def run(name: str = "Milk", quantity: int = 1) -> None:
        for number in range(quantity):
            make_product(device, name=f"{name}{number or ''}", reorder_level=Decimal(1))
        with django_capture_on_commit_callbacks(execute=True):
            look(make_rule(device), device.pk)

    return run


def test_at_once_to_the_owner_and_the_staff(people: dict[str, User], raise_one: Any) -> None:
    want(people, AT_ONCE)
    raise_one("Two\nlines")
    assert addressed() == ["ada@example.org", "clerk@example.org"]
    for message in mail.outbox:
        assert message.subject == "Scanner: Two lines: 0 left, minimum 1."
        assert "- Two\nlines: 0 left, minimum 1." in message.body
        assert ("/admin/inventory/alert/" in message.body) == (message.to == ["clerk@example.org"])


def test_several_are_one_mail(people: dict[str, User], raise_one: Any) -> None:
    set_alert_mail(people["owner"], actor=TESTER, when=AT_ONCE)
    raise_one(quantity=3)
    [message] = mail.outbox
    assert message.subject == "Scanner: 3 alerts"
    assert message.body.count("minimum 1.") == 3


def test_nobody_wants_it(people: dict[str, User], raise_one: Any) -> None:
    want(people, DAILY)
    set_alert_mail(people["other"], actor=TESTER, when=AT_ONCE)
    raise_one()
    assert (mail.outbox, Job.objects.count()) == ([], 0)


def test_a_mail_server_that_is_away(
    people: dict[str, User], raise_one: Any, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    """The first person has had theirs; the next attempt goes on with the second."""
    want(people, AT_ONCE)
    real = mails.send_mail

    def once(*args: Any) -> None:
        if mail.outbox:
            raise SMTPServerDisconnected
        real(*args)

    with monkeypatch.context() as broken:
        broken.setattr(mails, "send_mail", once)
        raise_one()
    job = Job.objects.get(kind="alert_mail")
    assert (job.status, len(mail.outbox), job.done) == ("queued", 1, 1)
    assert "SMTPServerDisconnected" in str(job.log)
    Job.objects.update(run_at="2026-01-01T00:00Z", ring_at="2026-01-01T00:00Z")
    with django_capture_on_commit_callbacks(execute=True):
        ring_again()
    job.refresh_from_db()
    assert (job.status, len(addressed()), len(set(addressed()))) == ("succeeded", 2, 2)


@pytest.fixture
def refuse_ada(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A mail server that answers so to ada's address, and takes all others."""
    real = mails.send_mail

    def run(code: int) -> None:
        def send(subject: str, body: str, sender: Any, to: list[str]) -> None:
            if to == ["ada@example.org"]:
                raise SMTPRecipientsRefused({to[0]: (code, b"no")})
            real(subject, body, sender, to)

        monkeypatch.setattr(mails, "send_mail", send)

    return run


@pytest.mark.parametrize("answer", [(550, "succeeded", 1), (450, "queued", 0), (530, "queued", 0)])
def test_a_mailbox_that_is_gone_keeps_nobody_from_theirs(
    people: dict[str, User], raise_one: Any, refuse_ada: Any, answer: tuple[int, str, int]
) -> None:
    """What the server refuses for now, or because it is set up wrongly, is tried again before those after it."""
    code, status, sent = answer
    want(people, AT_ONCE)
    refuse_ada(code)
    raise_one()
    assert (Job.objects.get(kind="alert_mail").status, addressed()) == (status, ["clerk@example.org"][:sent])


def test_a_digest_goes_on_after_a_mailbox_that_is_gone(
    clock: Any, people: dict[str, User], raise_one: Any, refuse_ada: Any, digest: Callable[[], None]
) -> None:
    want(people, DAILY)
    clock.shift(3600)
    raise_one()
    refuse_ada(550)
    digest()
    job = Job.objects.get(kind="alert_digest")
    assert (job.status, job.result, addressed()) == ("succeeded", {"sent": 1}, ["clerk@example.org"])


@pytest.fixture
def clock(db: None) -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(datetime(2026, 3, 1, 5, tzinfo=UTC), tick=False) as travel:
        yield travel


@pytest.fixture
def digest(django_capture_on_commit_callbacks: Any) -> Callable[[], None]:
    """What the schedule asks for, and the job that comes of it."""

    def run() -> None:
        with django_capture_on_commit_callbacks(execute=True):
            daily_digest()

    return run


def test_a_digest_a_day(
    clock: Any, people: dict[str, User], raise_one: Any, digest: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    want(people, DAILY)
    digest()
    assert not Job.objects.exists(), "before its hour"
    clock.shift(3600)
    monkeypatch.setattr(mails, "MOST_LINES", 2)
    raise_one(quantity=3)
    make_case(make_device(name="Stranger"), summary="Unknown code 7")
    digest()
    assert addressed() == ["ada@example.org", "clerk@example.org"]
    told = {message.to[0]: message for message in mail.outbox}
    assert told["ada@example.org"].subject == "CountOnMe: 3 open alerts"
    assert "Unknown code" not in told["ada@example.org"].body
    assert "- and 1 more" in told["ada@example.org"].body
    assert told["clerk@example.org"].subject == "CountOnMe: 3 open alerts and 1 open case"
    assert "- Stranger: Unknown code 7" in told["clerk@example.org"].body
    digest()
    assert len(mail.outbox) == 2, "once a day"
    job = Job.objects.get(kind="alert_digest")
    assert (job.status, job.result) == ("succeeded", {"sent": 2})


def test_nothing_open_is_no_mail(clock: Any, people: dict[str, User], digest: Callable[[], None]) -> None:
    want(people, DAILY)
    clock.shift(3600)
    digest()
    assert mail.outbox == []
    assert Job.objects.get().result == {"sent": 0}


def test_the_nightly_look_is_a_job(device: Device, other: Device, django_capture_on_commit_callbacks: Any) -> None:
    make_rule(None, threshold=Decimal(1))
    make_rule(other)
    for owner in (device, other):
        make_product(owner)
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            nightly_alerts()
    assert Job.objects.get().result == {"rules": 2, "changed": 2}


@pytest.mark.parametrize("alerts", ["x", ["x"], [1]])
def test_only_ids_are_taken(device: Device, alerts: Any) -> None:
    with pytest.raises(JobParameters):
        request_job(kind="alert_mail", actor=TESTER, parameters={"device": str(device.uuid), "alerts": alerts})
    assert not Job.objects.exists()


def test_a_wish_says_what_it_is(user: User) -> None:
    set_alert_mail(user, actor=TESTER, when=DAILY)
    assert str(AlertMail.objects.get()) == "ada: Once a day"
