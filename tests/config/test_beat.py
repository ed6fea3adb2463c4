"""The scheduler: what settings say is made once; afterwards the database has the last word."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from django.conf import settings
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from config.beat import SeedingScheduler

pytestmark = pytest.mark.django_db
SCHEDULE = {
    "sweep": {"task": "inventory.jobs.sweep", "schedule": timedelta(seconds=10), "options": {"expire_seconds": 30}},
    "retention": {"task": "inventory.jobs.nightly_retention", "schedule": timedelta(minutes=15)},
}


@pytest.fixture(autouse=True)
def _one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler closes old connections; here that would be the test's own."""
    monkeypatch.setattr("django_celery_beat.schedulers.close_old_connections", lambda: None)


def start(**more: Any) -> SeedingScheduler:
    app = Celery("tests", set_as_current=False)
    app.conf.beat_schedule = {**SCHEDULE, **more}
    return SeedingScheduler(app=app)


def test_it_is_the_one_that_runs() -> None:
    assert f"{SeedingScheduler.__module__}:{SeedingScheduler.__name__}" == settings.CELERY_BEAT_SCHEDULER


def test_the_first_start_makes_what_settings_say_and_no_more() -> None:
    assert set(start().schedule) == set(SCHEDULE)
    assert set(PeriodicTask.objects.values_list("name", flat=True)) == set(SCHEDULE)
    sweep = PeriodicTask.objects.get(name="sweep")
    assert (sweep.interval.every, sweep.interval.period, sweep.expire_seconds) == (10, "seconds", 30)


def test_what_staff_changed_stays_after_a_restart() -> None:
    start()
    hourly = IntervalSchedule.objects.create(every=1, period="hours")
    PeriodicTask.objects.filter(name="retention").update(interval=hourly, expire_seconds=7)
    PeriodicTask.objects.filter(name="sweep").update(enabled=False)
    again = start(fresh={"task": "inventory.jobs.sweep", "schedule": timedelta(hours=2)})
    kept = PeriodicTask.objects.get(name="retention")
    assert (kept.interval, kept.expire_seconds) == (hourly, 7)
    assert not PeriodicTask.objects.get(name="sweep").enabled
    assert set(again.schedule) == {"retention", "fresh"}  # a new one of a later release is made


def test_noting_a_run_writes_nothing_else() -> None:
    scheduler = start()
    entry = next(scheduler.schedule["sweep"])
    PeriodicTask.objects.filter(name="sweep").update(description="changed meanwhile")
    entry.save()
    noted = PeriodicTask.objects.get(name="sweep")
    assert (noted.description, noted.total_run_count) == ("changed meanwhile", 1)
    assert noted.last_run_at == entry.model.last_run_at
    PeriodicTask.objects.filter(name="sweep").update(enabled=False, last_run_at=None)
    entry.save()
    assert PeriodicTask.objects.get(name="sweep").last_run_at is None  # stopped: it starts afresh
