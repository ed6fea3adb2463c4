"""Plans: schedules that make a report or an export and hand it over, as people think of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.db import transaction
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from config.core.wire import canonical_json, parse_json
from devices.actors import Actor
from devices.models import Device
from devices.services.schedules import create_schedule, create_timing, update_schedule
from inventory.services.job_kinds import check_parameters, find_kind
from inventory.services.recurring.wishes import MAKES_A_FILE, check_wish

REQUEST = "inventory.jobs.request"
Repeat = Literal["hour", "day", "weekdays", "week", "month"]
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")  # as cron numbers them
ANY = {"minute": "0", "hour": "*", "day_of_month": "*", "month_of_year": "*", "day_of_week": "*"}
LAST_DAY = 28  # that every month has


@dataclass(frozen=True, slots=True)
class Timing:
    """When, in TIME_ZONE. What `repeat` does not need is not looked at; `weekday` 0 is Sunday."""

    repeat: Repeat
    hour: int = 0
    minute: int = 0
    weekday: int = 1
    month_day: int = 1

    @property
    def crontab(self) -> dict[str, str]:
        """As cron writes it."""
        days: dict[str, dict[str, str]] = {
            "weekdays": {"day_of_week": "1-5"},
            "week": {"day_of_week": str(self.weekday)},
            "month": {"day_of_month": str(self.month_day)},
        }
        hour = {} if self.repeat == "hour" else {"hour": str(self.hour)}
        return {**ANY, "minute": str(self.minute), **hour, **days.get(self.repeat, {})}

    def __str__(self) -> str:
        at = f"at {self.hour:02}:{self.minute:02}"
        return {
            "hour": f"every hour at minute {self.minute}",
            "day": f"every day {at}",
            "weekdays": f"Monday to Friday {at}",
            "week": f"every {DAYS[self.weekday]} {at}",
            "month": f"on day {self.month_day} of every month {at}",
        }[self.repeat]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a schedule makes, of what, and for whom; `timing` is None where it is none of ours (see the schedule)."""

    kind: str
    parameters: Mapping[str, Any]
    device: str
    deliver: Mapping[str, Any]
    timing: Timing | None


@transaction.atomic
def create_plan(
    *,
    actor: Actor,
    name: str,
    kind: str,
    parameters: Mapping[str, Any],
    device: Device | None,
    deliver: Mapping[str, Any],
    timing: Timing,
    enabled: bool = True,
) -> PeriodicTask:
    """Make a schedule of a report or an export. Raises JobParameters, ReferenceNotFound, NameTaken, Invalid."""
    told = _told(kind=kind, parameters=parameters, device=device, deliver=deliver, timing=timing)
    crontab = _crontab(timing, actor=actor)
    return create_schedule(actor=actor, name=name, task=REQUEST, kwargs=told, crontab=crontab, enabled=enabled)


@transaction.atomic
def update_plan(
    row: PeriodicTask,
    *,
    actor: Actor,
    name: str,
    kind: str,
    parameters: Mapping[str, Any],
    device: Device | None,
    deliver: Mapping[str, Any],
    timing: Timing | None,
    enabled: bool,
    expected_revision: int | None = None,
) -> PeriodicTask:
    """Change one; without a `timing` it keeps its own. Raises what create_plan does, and PreconditionFailed."""
    once_per = parse_json(row.kwargs.encode()).get("once_per", "day")
    told = _told(kind=kind, parameters=parameters, device=device, deliver=deliver, timing=timing, once_per=once_per)
    changes: dict[str, Any] = {"name": name, "kwargs": told, "enabled": enabled}
    if timing is not None:
        crontab = _crontab(timing, actor=actor)
        changes |= {"crontab": crontab, "interval": None, "clocked": None, "one_off": False}
    return update_schedule(row, actor=actor, changes=changes, expected_revision=expected_revision)


def read_plan(row: PeriodicTask) -> Plan | None:
    """What a schedule says; None where it makes no file."""
    told = parse_json(row.kwargs.encode()) if row.task == REQUEST else None
    if not isinstance(told, dict) or told.get("kind") not in MAKES_A_FILE:
        return None
    return Plan(
        kind=told["kind"],
        parameters=told.get("parameters") or {},
        device=str(told.get("device") or ""),
        deliver=told.get("deliver") or {},
        timing=_timing_of(row.crontab),
    )


def _told(
    *,
    kind: str,
    parameters: Mapping[str, Any],
    device: Device | None,
    deliver: Mapping[str, Any],
    timing: Timing | None,
    once_per: str = "day",
) -> str:
    """The arguments of the schedule's task. Raises JobParameters, ReferenceNotFound: named as the form has them."""
    check_parameters(find_kind(kind), device=device, given=parameters)
    wish = check_wish(kind, deliver)
    if timing is not None:
        once_per = "hour" if timing.repeat == "hour" else "day"
    told = {"kind": kind, "parameters": parameters, "once_per": once_per}
    of = {"device": str(device.uuid)} if device else {}
    return canonical_json({**told, **of, **({"deliver": wish} if wish else {})}).decode()


def _crontab(timing: Timing, *, actor: Actor) -> CrontabSchedule:
    """Timings are shared: the one that says this, or a new one."""
    told = {**timing.crontab, "timezone": timezone.get_default_timezone()}
    found: CrontabSchedule | None = CrontabSchedule.objects.filter(**told).order_by("pk").first()
    return found or create_timing(CrontabSchedule, actor=actor, **told)


def _timing_of(crontab: CrontabSchedule | None) -> Timing | None:
    """The Timing that would have made it."""
    if crontab is None or str(crontab.timezone) != str(timezone.get_default_timezone()):
        return None
    told = {name: getattr(crontab, name) for name in ANY}
    hour, minute, weekday, month_day = (
        int(told[name]) if told[name].isascii() and told[name].isdigit() else None
        for name in ("hour", "minute", "day_of_week", "day_of_month")
    )
    repeats: tuple[Repeat, ...] = ("hour", "day", "weekdays", "week", "month")
    for repeat in repeats:
        timing = Timing(repeat, hour or 0, minute or 0, (weekday or 0) % 7, month_day or 1)
        if timing.crontab == told:
            return timing
    return None
