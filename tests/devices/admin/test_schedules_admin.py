"""Schedules in the admin: through services, with events, and taken up by the scheduler."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, PeriodicTasks

from devices.models import ServerEvent, User
from tests.devices.admin.test_people_admin import address, do, last, save

SWEEP = "inventory.jobs.sweep"


@pytest.fixture
def interval(db: None) -> IntervalSchedule:
    return IntervalSchedule.objects.create(every=3, period="days")


@pytest.fixture
def schedule(interval: IntervalSchedule) -> PeriodicTask:
    return PeriodicTask.objects.create(name="Sweep", task=SWEEP, interval=interval)


def changed_at() -> Any:
    return PeriodicTasks.last_change()


def test_a_schedule_is_added(boss: Client, staff: User, interval: IntervalSchedule) -> None:
    before = changed_at()
    sent = {"name": "Nightly", "task": SWEEP, "enabled": "on", "interval": interval.pk, "kwargs": "{}"}
    response = boss.post(address(PeriodicTask, "add"), sent)
    assert response.status_code == 302, response.context["errors"]
    row = PeriodicTask.objects.get()
    assert (row.name, row.task, row.interval, row.enabled) == ("Nightly", SWEEP, interval, True)
    assert (last(row).action, last(row).actor_id) == ("created", str(staff.uuid))
    assert last(row).changes["interval"] == [None, "every 3 days"]
    assert changed_at() != before  # which is how the running scheduler hears of it


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"interval": ""}, "must be set"),
        ({"crontab": "CRONTAB"}, "must be set"),
        ({"interval": "", "clocked": "CLOCKED"}, "one_off must set True"),
        ({"name": "Sweep"}, "already exists"),
        ({"task": "os.system"}, "os.system is not one of the available choices"),
        ({"kwargs": "["}, "Not a JSON object"),
        ({"kwargs": "[]"}, "Not a JSON object"),
    ],
)
def test_a_wrong_schedule_is_none(
    boss: Client, interval: IntervalSchedule, schedule: PeriodicTask, wrong: dict[str, Any], said: str
) -> None:
    keys = {
        "CRONTAB": CrontabSchedule.objects.create(minute="5").pk,
        "CLOCKED": ClockedSchedule.objects.create(clocked_time="2030-01-01T00:00Z").pk,
    }
    sent = {"name": "Other", "task": SWEEP, "enabled": "on", "interval": interval.pk, "kwargs": "{}"}
    sent |= {name: keys.get(value, value) for name, value in wrong.items()}
    response = boss.post(address(PeriodicTask, "add"), sent)
    assert response.status_code == 200
    assert said in str(response.context["adminform"].form.errors)
    assert PeriodicTask.objects.count() == 1
    assert not ServerEvent.objects.exists()


def test_a_schedule_is_changed(boss: Client, schedule: PeriodicTask) -> None:
    crontab = CrontabSchedule.objects.create(minute="30", hour="2")
    before = changed_at()
    assert save(boss, schedule, interval="", crontab=crontab.pk, description="At night").status_code == 302
    row = PeriodicTask.objects.get()
    assert (row.interval, row.crontab, row.description) == (None, crontab, "At night")
    assert set(last(row).changes) == {"interval", "crontab", "description"}
    assert changed_at() != before
    assert save(boss, row).status_code == 302
    assert ServerEvent.objects.count() == 1


def test_a_schedule_is_stopped_and_let_run(boss: Client, schedule: PeriodicTask) -> None:
    PeriodicTask.objects.update(last_run_at="2026-01-01T00:00Z")
    do(boss, schedule, "disable")
    row = PeriodicTask.objects.get()
    assert (row.enabled, row.last_run_at) == (False, None)
    do(boss, schedule, "enable")
    assert PeriodicTask.objects.get().enabled
    assert [event.changes for event in ServerEvent.objects.about(row)] == [
        {"enabled": [False, True]},
        {"enabled": [True, False]},
    ]


def test_a_schedule_is_deleted(boss: Client, schedule: PeriodicTask) -> None:
    about = ServerEvent.objects.about(schedule)
    assert "disable it instead" in boss.get(address(PeriodicTask, "delete", schedule.pk)).content.decode()
    assert boss.post(address(PeriodicTask, "delete", schedule.pk), {"post": "yes"}).status_code == 302
    assert not PeriodicTask.objects.exists()
    assert [event.action for event in about] == ["deleted"]


TIMINGS: dict[type[Any], tuple[dict[str, Any], dict[str, Any]]] = {
    IntervalSchedule: ({"every": "5", "period": "minutes"}, {"every": "6"}),
    CrontabSchedule: (
        {
            **dict.fromkeys(("hour", "day_of_week", "day_of_month", "month_of_year"), "*"),
            "minute": "5",
            "timezone": "UTC",
        },
        {"timezone": "Europe/Berlin"},
    ),
    ClockedSchedule: (
        {"clocked_time_0": "2030-01-01", "clocked_time_1": "00:00"},
        {"clocked_time_0": "2030-01-02", "clocked_time_1": "00:00"},
    ),
}


@pytest.mark.parametrize("model", list(TIMINGS), ids=lambda model: model.__name__)
def test_timings_are_made_changed_and_deleted(boss: Client, model: type[Any]) -> None:
    new, change = TIMINGS[model]
    response = boss.post(address(model, "add"), new)
    assert response.status_code == 302, response.context["errors"]
    row = model.objects.get()
    assert last(row).action == "created"
    opened = boss.get(address(model, "change", row.pk)).context["opened_revision"]
    sent = {**new, **change, "opened_revision": opened}
    assert boss.post(address(model, "change", row.pk), sent).status_code == 302
    event = last(row)
    assert (event.action, len(event.changes)) == ("updated", 1)
    about = ServerEvent.objects.about(row)
    assert boss.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 302
    assert not model.objects.exists()
    assert about[0].action == "deleted"


def test_a_timing_in_use_stays(boss: Client, interval: IntervalSchedule, schedule: PeriodicTask) -> None:
    response = boss.post(address(IntervalSchedule, "delete", interval.pk), {"post": "yes"}, follow=True)
    assert "Schedules use this timing" in response.content.decode()
    assert PeriodicTask.objects.get() == schedule
    assert not ServerEvent.objects.exists()


def test_a_wrong_timing_is_none(boss: Client) -> None:
    response = boss.post(address(IntervalSchedule, "add"), {"every": "0", "period": "days"})
    assert response.status_code == 200
    assert not IntervalSchedule.objects.exists()
