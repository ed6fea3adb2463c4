"""Alerts: devices that were written to are looked at, time is watched, and those who want it are told."""

from __future__ import annotations

import logging
from time import monotonic
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from devices.models import Device
from inventory.jobs.nightly import SCHEDULE
from inventory.models import Alert, AlertMail
from inventory.services.alerts.looks import devices_to_look_at, look, look_at, look_at_all, look_by_clock
from inventory.services.alerts.mails import MAIL, mail_alerts, mail_digest, people
from inventory.services.job_kinds import JobKind, register_kind
from inventory.services.job_parameters import Parameter
from inventory.services.job_runs import JobRun
from inventory.services.jobs import request_daily

logger = logging.getLogger(__name__)
SECONDS = 20  # of one sweep; what is left comes with the next


@shared_task(name="inventory.jobs.alert_sweep")
def alert_sweep() -> None:
    """Look at the devices that were written to since the last look."""
    until = monotonic() + SECONDS
    for device_id in devices_to_look_at():
        look_at(device_id)
        if monotonic() >= until:
            logger.warning("alerts: looking at devices takes longer than a sweep, the rest comes next")
            return


@shared_task(name="inventory.jobs.alert_clock")
def alert_clock() -> None:
    """Look for what time alone brings about."""
    look_by_clock()


@shared_task(name="inventory.jobs.nightly_alerts")
def nightly_alerts() -> None:
    """Ask for today's look at everything."""
    request_daily(kind="alerts", actor=SCHEDULE)


@shared_task(name="inventory.jobs.daily_digest")
def daily_digest() -> None:
    """Ask for today's digest, once its hour has come."""
    if timezone.localtime().hour >= settings.DIGEST_HOUR:
        request_daily(kind="alert_digest", actor=SCHEDULE)


def look_at_everything(run: JobRun) -> None:
    """Every rule on every device; result: {rules, changed}."""
    rules = list(look_at_all())
    run.result = {"rules": 0, "changed": 0}
    for number, rule in enumerate(rules, start=1):
        run.result["changed"] += look(rule)
        run.result["rules"] = number
        run.progress(number, total=len(rules), message=str(rule))


def mail_raised(run: JobRun) -> None:
    """One mail to each person; a person that had it is not written to again by the next attempt."""
    device = Device.all_objects.get(uuid=run.parameters["device"])
    alerts = list(Alert.objects.for_device(device).filter(uuid__in=run.parameters["alerts"]).order_by("pk"))
    to = list(people(AlertMail.When.AT_ONCE, device=device))
    for number, user in enumerate(to[run.done :] if alerts else [], start=run.done + 1):
        told = mail_alerts(user, device=device, alerts=alerts)
        with run.effect():
            run.progress(number, total=len(to), message=None if told else f"No mailbox: {user}")


def mail_digests(run: JobRun) -> None:
    """What is open, to everybody who wants it daily; result: {sent}."""
    run.result = {"sent": 0, **run.result}
    to = list(people(AlertMail.When.DAILY))
    for number, user in enumerate(to[run.done :], start=run.done + 1):
        sent = mail_digest(user)
        with run.effect():
            run.result["sent"] += int(sent)
            run.progress(number, total=len(to))


def _ids(value: object) -> list[str]:
    if not isinstance(value, list):
        raise ValueError("Give a list of ids.")  # what parameters raise
    return [str(UUID(str(id))) for id in value]


register_kind(JobKind(name="alerts", title="Alerts", build=look_at_everything, scope="server"))
register_kind(JobKind(name="alert_digest", title="Alert digest", build=mail_digests, scope="server"))
register_kind(
    JobKind(
        name=MAIL,
        title="Alert mail",
        build=mail_raised,
        scope="server",
        parameters={"device": Parameter(lambda value: str(UUID(str(value)))), "alerts": Parameter(_ids)},
    )
)
