"""Schedules: which job runs when, as django-celery-beat keeps them."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import transaction
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask

from config.core.dispatch import check_arguments, job_names
from config.core.errors import BadRequest, FieldProblem, Invalid
from config.core.wire import parse_json
from devices.actors import Actor
from devices.errors import JobNameUnknown, NameTaken, TimingInUse
from devices.services.owned import writable
from devices.services.server_rows import change_row, delete_row, insert_row, lock_row

Timing = TypeVar("Timing", IntervalSchedule, CrontabSchedule, ClockedSchedule)
FIELDS = frozenset(
    {
        *("name", "task", "kwargs", "enabled", "description"),
        *("interval", "crontab", "clocked", "one_off", "start_time", "expire_seconds"),
    }
)
TIMING_FIELDS = {
    IntervalSchedule: frozenset({"every", "period"}),
    CrontabSchedule: frozenset({"minute", "hour", "day_of_month", "month_of_year", "day_of_week", "timezone"}),
    ClockedSchedule: frozenset({"clocked_time"}),
}
TAKEN = ("name", NameTaken)


@transaction.atomic
def create_schedule(*, actor: Actor, **values: Any) -> PeriodicTask:
    """Create a schedule. Raises NameTaken, JobNameUnknown, Invalid."""
    row = _checked(PeriodicTask(**writable(values, FIELDS)))
    return insert_row(row, actor=actor, fields=sorted(FIELDS), taken=TAKEN)


@transaction.atomic
def update_schedule(
    row: PeriodicTask, *, actor: Actor, changes: dict[str, Any], expected_revision: int | None = None
) -> PeriodicTask:
    """Change a schedule; the running scheduler takes it up by itself.

    Raises NameTaken, JobNameUnknown, PreconditionFailed, Invalid.
    """
    current = lock_row(row, expected_revision=expected_revision)
    values = writable(changes, FIELDS)
    _checked(PeriodicTask(**{name: values.get(name, getattr(current, name)) for name in FIELDS}))
    return change_row(current, actor=actor, changes=values, taken=TAKEN, also=("last_run_at", "date_changed"))


def enable_schedule(row: PeriodicTask, *, actor: Actor, enabled: bool) -> PeriodicTask:
    """Let a schedule run, or stop it; the same again changes nothing."""
    return update_schedule(row, actor=actor, changes={"enabled": enabled})


@transaction.atomic
def delete_schedule(row: PeriodicTask, *, actor: Actor) -> None:
    """Remove a schedule for good. One of the server's own comes back at the next start: disable it instead."""
    delete_row(lock_row(row), actor=actor)


@transaction.atomic
def create_timing(model: type[Timing], *, actor: Actor, **values: Any) -> Timing:
    """Create an interval, a crontab or a moment. Raises Invalid."""
    fields = TIMING_FIELDS[model]
    return insert_row(model(**writable(values, fields)), actor=actor, fields=sorted(fields))


@transaction.atomic
def update_timing(
    row: Timing, *, actor: Actor, changes: dict[str, Any], expected_revision: int | None = None
) -> Timing:
    """Change a timing, and with it every schedule that uses it. Raises PreconditionFailed, Invalid."""
    current = lock_row(row, expected_revision=expected_revision)
    return change_row(current, actor=actor, changes=writable(changes, TIMING_FIELDS[type(row)]))


@transaction.atomic
def delete_timing(row: Timing, *, actor: Actor) -> None:
    """Remove a timing for good. Raises TimingInUse: the schedules that use it would go with it."""
    current = lock_row(row)
    if current.periodictask_set.exists():
        raise TimingInUse
    delete_row(current, actor=actor)


def _checked(row: PeriodicTask) -> PeriodicTask:
    if row.task not in job_names():
        raise JobNameUnknown(errors=[FieldProblem("task", JobNameUnknown.internal_code, JobNameUnknown.title)])
    try:
        given = parse_json(row.kwargs.encode())
    except BadRequest:
        given = None
    if not isinstance(given, dict):
        said = "Not a JSON object."
        raise Invalid(said, errors=[FieldProblem("kwargs", "invalid", said)])
    check_arguments(row.task, given)
    return row
