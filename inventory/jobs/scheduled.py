"""Jobs that a schedule asks for: any kind, with its parameters, once a day, an hour or a minute; and who is told."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

from celery import Task, shared_task
from django.utils import timezone

from config.core.errors import AppError, FieldProblem, Invalid
from config.core.wire import canonical_json, uuid_of
from devices.actors import system
from devices.models import Device
from inventory.services.job_kinds import check_parameters, find_kind
from inventory.services.jobs import request_job
from inventory.services.recurring.plans import REQUEST
from inventory.services.recurring.wishes import check_wish

logger = logging.getLogger(__name__)
TICKS = {"day": "%Y-%m-%d", "hour": "%Y-%m-%dT%H", "minute": "%Y-%m-%dT%H:%M"}


def check(
    kind: str,
    *,
    parameters: Mapping[str, Any] | None = None,
    device: str = "",
    once_per: str = "day",
    deliver: Mapping[str, Any] | None = None,
) -> None:
    """What the Schedules page asks before it saves. Raises Invalid, naming `kwargs`, for what could never run."""
    try:
        if once_per not in TICKS:
            raise Invalid(f"`once_per` is one of: {', '.join(TICKS)}.")
        if not isinstance(parameters or {}, Mapping):
            raise Invalid("`parameters` is an object.")
        check_parameters(find_kind(str(kind)), device=_device(device), given=parameters or {})
        check_wish(kind, deliver or {})
    except AppError as error:
        raise Invalid(error.detail, errors=[FieldProblem("kwargs", "invalid", error.detail)]) from None


class Checked(Task[Any, Any]):
    """A task whose arguments are looked at before they are kept."""

    check = staticmethod(check)


@shared_task(name=REQUEST, bind=True, base=Checked)
def request(
    self: Checked,
    kind: str,
    *,
    parameters: Mapping[str, Any] | None = None,
    device: str = "",
    once_per: str = "day",
    deliver: Mapping[str, Any] | None = None,
) -> None:
    """Ask for a job, at most once a tick for one schedule however often its bell rings; a refusal is logged.

    `deliver` = {mail: [addresses], webhook: whether}: who is told when a report or an export is there.
    """
    headers = {**(self.request.headers or {}), **vars(self.request)}  # beat's: an eager task has them apart
    schedule = str(headers.get("periodic_task_name", ""))
    wish = canonical_json([schedule, kind, parameters or {}, device])
    once = f"{hashlib.sha256(wish).hexdigest()[:24]} {_tick(once_per)}"
    try:
        wished = check_wish(kind, deliver or {})
        request_job(
            kind=kind,
            actor=system("schedule"),
            device=_device(device),
            parameters=parameters or {},
            once=once,
            deliver={**wished, "schedule": schedule},
        )
    except AppError as error:
        logger.error("schedule %r cannot ask for %s: %s", schedule, kind, error.detail)


def _tick(once_per: str) -> str:
    """Days are those of TIME_ZONE, as schedules are: half past midnight there may be the day before in UTC."""
    now = timezone.now()
    return f"{now if once_per in ('hour', 'minute') else timezone.localtime(now):{TICKS.get(once_per, TICKS['day'])}}"


def _device(uuid: str) -> Device | None:
    """Raises Invalid for a device that is not there."""
    if not uuid:
        return None
    found = uuid_of(str(uuid))
    device: Device | None = Device.objects.filter(uuid=found).first() if found else None
    if device is None:
        raise Invalid(f"There is no device {str(uuid)[:80]}.")
    return device
