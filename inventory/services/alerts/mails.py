"""E-mail about alerts: at once or as a daily digest, to those who asked for it."""

from __future__ import annotations

from collections.abc import Iterable
from smtplib import SMTPRecipientsRefused
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db import models, transaction

from devices.actors import Actor
from devices.models import Device, User
from devices.services.server_rows import change_row, delete_row, insert_row, lock_row
from inventory.models import Alert, AlertMail, Case
from inventory.services.cases import STILL_OPEN
from inventory.services.jobs import request_job
from inventory.services.mailing import is_no_mailbox, mail_trouble, subject_of

MAIL = "alert_mail"
MOST_LINES = 50  # of one sort in one mail; the rest is a number


@transaction.atomic
def set_alert_mail(
    user: User, *, actor: Actor, when: str | None, expected_revision: int | None = None
) -> AlertMail | None:
    """At once, daily, or (None) never. Raises PreconditionFailed."""
    User.objects.select_for_update().get(pk=user.pk)  # two wishes of one person take turns
    known = AlertMail.objects.filter(user=user).first()
    if known is None:
        wish = AlertMail(user=user, when=when or "")
        return insert_row(wish, actor=actor, fields=("user", "when")) if when else None
    current = lock_row(known, expected_revision=expected_revision)
    if when is None:
        delete_row(current, actor=actor)
        return None
    return change_row(current, actor=actor, changes={"when": when})


def request_mail(*, device: Device, alerts: Iterable[Alert], actor: Actor) -> None:
    """Ask for e-mail about what was just raised, in the transaction that raised it, if anybody wants it at once."""
    ids = [str(alert.uuid) for alert in alerts]
    if ids and people(AlertMail.When.AT_ONCE, device=device).exists():
        request_job(kind=MAIL, actor=actor, parameters={"device": str(device.uuid), "alerts": ids})


def people(when: AlertMail.When, *, device: Device | None = None) -> Any:
    """Who wants e-mail so often; about a device: staff and its owner."""
    wanting = User.objects.filter(is_active=True, alert_mail__when=when).exclude(email="").order_by("pk")
    if device is None:
        return wanting
    return wanting.filter(models.Q(is_staff=True) | models.Q(pk=device.owner_id))


def mail_alerts(user: User, *, device: Device, alerts: Iterable[Alert]) -> bool:
    """Send one mail about alerts of a device. Returns whether the address is good. Raises MailFailed."""
    told = list(alerts)
    subject = f"{device}: {told[0].summary}" if len(told) == 1 else f"{device}: {len(told)} alerts"
    return _send(user, subject, [*_lines(alert.summary for alert in told), *_link(user)])


def mail_digest(user: User) -> bool:
    """Send what is open on the devices of a person (staff: on all). Returns whether anything was sent: something is
    open, and the address is good.

    Raises MailFailed.
    """
    alerts, cases = Alert.objects.filter(state=Alert.State.OPEN), Case.objects.filter(state__in=STILL_OPEN)
    if not user.is_staff:
        alerts, cases = alerts.filter(device__owner=user), cases.filter(device__owner=user)
    found = {"alert": alerts, "case": cases}
    numbers = {noun: rows.count() for noun, rows in found.items()}
    if not any(numbers.values()):
        return False
    said = [f"{number} open {noun}{'' if number == 1 else 's'}" for noun, number in numbers.items() if number]
    body: list[str] = []
    for noun, rows in found.items():
        if numbers[noun]:
            newest = rows.select_related("device").order_by("-created_at")[:MOST_LINES]
            lines = [f"{row.device}: {row.summary}" for row in newest]
            more = numbers[noun] - len(lines)
            body += [f"Open {noun}s", "", *_lines(lines), *([f"- and {more} more"] if more else []), ""]
    return _send(user, f"CountOnMe: {' and '.join(said)}", [*body, *_link(user)])


def _lines(summaries: Iterable[str]) -> list[str]:
    return [f"- {summary}" for summary in summaries]


def _link(user: User) -> list[str]:
    return ["", f"{settings.PUBLIC_URL}/admin/inventory/alert/"] if user.is_staff else []


def _send(user: User, subject: str, lines: list[str]) -> bool:
    """False where the mail server has no such address: those after this one still get theirs."""
    with mail_trouble():
        try:
            send_mail(subject_of(subject), "\n".join(lines), None, [user.email])
        except SMTPRecipientsRefused as error:
            if not is_no_mailbox(error):
                raise
            return False
    return True
