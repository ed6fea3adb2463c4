"""Schedules as the services judge them, whatever the door."""

from __future__ import annotations

import pytest
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from devices.errors import JobNameUnknown
from devices.models import ServerEvent
from devices.services.schedules import create_schedule
from tests import factories


@pytest.mark.parametrize("task", ["os.system", "celery.backend_cleanup", ""])
def test_a_schedule_rings_our_jobs_alone(db: None, task: str) -> None:
    interval = IntervalSchedule.objects.create(every=3, period="days")
    with pytest.raises(JobNameUnknown):
        create_schedule(actor=factories.TESTER, name="x", task=task, interval=interval)
    assert not PeriodicTask.objects.exists()
    assert not ServerEvent.objects.exists()


def test_a_wrong_field_is_a_programming_error(db: None) -> None:
    with pytest.raises(ValueError, match="queue"):
        create_schedule(actor=factories.TESTER, name="x", task="inventory.jobs.sweep", queue="x")
