"""The runner: what a message does, how jobs end, and what needs no message."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from config.core.dispatch import enqueue
from config.core.errors import Unavailable
from devices.models import Device
from inventory.errors import BarcodeTaken
from inventory.jobs import nightly, runner
from inventory.models import Case, Job
from inventory.services.job_kinds import KINDS, JobKind, register_kind
from inventory.services.job_runs import JobCancelled, JobRun, LeaseLost
from inventory.services.jobs import request_job
from tests.factories import TESTER, make_case

Status = Job.Status
Builder = Callable[[JobRun], None]


@pytest.fixture
def toy(device: Device) -> Iterator[Callable[[Builder], Job]]:
    """A job of a kind that does what it is given."""

    def make(build: Builder) -> Job:
        register_kind(JobKind(name="toy", title="Toy", build=build))
        return request_job(kind="toy", actor=TESTER, device=device)

    yield make
    KINDS.pop("toy", None)


def raising(error: BaseException) -> Builder:
    def build(run: JobRun) -> None:
        raise error

    return build


def ring(job: Job) -> Job:
    runner.run(str(job.uuid))
    job.refresh_from_db()
    return job


def test_every_task_has_its_name() -> None:
    names = {name for name in current_app.tasks if name.startswith("inventory.")}
    assert names == {
        "inventory.jobs.run",
        "inventory.jobs.sweep",
        "inventory.jobs.request",
        "inventory.jobs.nightly_ledger_proof",
        "inventory.jobs.nightly_retention",
        "inventory.jobs.deliver_webhooks",
        "inventory.jobs.webhook_sweep",
        "inventory.jobs.alert_sweep",
        "inventory.jobs.alert_clock",
        "inventory.jobs.nightly_alerts",
        "inventory.jobs.daily_digest",
    }


def test_the_schedule_names_tasks_that_exist(settings: Any) -> None:
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert entry["task"] in current_app.tasks


def test_a_committed_request_is_done(toy: Any, device: Device, django_capture_on_commit_callbacks: Any) -> None:
    def build(run: JobRun) -> None:
        with run.effect(last=True):
            make_case(device, key="done")
            run.result["made"] = 1

    with django_capture_on_commit_callbacks(execute=True):
        job = toy(build)
    job.refresh_from_db()
    assert (job.status, job.result) == (Status.SUCCEEDED, {"made": 1})
    ring(job)  # a message too many
    assert Case.objects.filter(key="done").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_request_never_runs(toy: Any) -> None:
    ran: list[JobRun] = []
    with transaction.atomic():
        toy(ran.append)
        transaction.set_rollback(True)
    assert ran == []
    runner.sweep()
    assert ran == []


@pytest.mark.django_db(transaction=True)
def test_a_committed_one_runs_although_the_broker_was_down(
    toy: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise ConnectionRefusedError

    settings.CELERY_TASK_ALWAYS_EAGER = False
    ran: list[JobRun] = []
    with monkeypatch.context() as broken:
        broken.setattr(runner.run, "apply_async", refuse)
        job = toy(ran.append)
    assert ran == []
    assert "the sweep will ring again" in caplog.text
    settings.CELERY_TASK_ALWAYS_EAGER = True
    runner.sweep()
    assert ran == []  # its bell may still be on the way
    Job.objects.update(ring_at=timezone.now() - timedelta(seconds=1))
    runner.sweep()
    assert len(ran) == 1
    job.refresh_from_db()
    assert job.status == Status.SUCCEEDED


def test_a_builder_without_effects_succeeds(toy: Any) -> None:
    job = ring(toy(lambda run: run.progress(2, total=2)))
    assert (job.status, job.done, job.total, job.result) == (Status.SUCCEEDED, 2, 2, None)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BarcodeTaken(), "barcode_taken"),
        (SoftTimeLimitExceeded(), "job_timed_out"),
        (ZeroDivisionError("secret"), "internal_error"),
    ],
)
def test_what_cannot_be_done_fails_at_once(toy: Any, error: Exception, code: str) -> None:
    job = ring(toy(raising(error)))
    assert (job.status, job.internal_code, job.attempts) == (Status.FAILED, code, 1)
    assert job.finished_at is not None
    assert "secret" not in job.message + str(job.log)


@pytest.mark.parametrize("error", [OperationalError("database is locked"), Unavailable()])
def test_trouble_that_may_pass_is_queued_again(toy: Any, error: Exception) -> None:
    job = ring(toy(raising(error)))
    assert (job.status, job.internal_code, job.finished_at) == (Status.QUEUED, "", None)
    assert job.run_at > timezone.now() + timedelta(seconds=5)
    assert ring(job).attempts == 1  # a bell before its time does nothing


def test_wrong_sql_is_not_tried_again(toy: Any) -> None:
    """SQLite calls it operational, as it does a database that is busy."""

    def build(run: JobRun) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT colour FROM products")

    def careful(run: JobRun) -> None:
        with transaction.atomic():
            build(run)

    job = ring(toy(careful))
    assert (job.status, job.internal_code, job.attempts) == (Status.FAILED, "internal_error", 1)


def test_a_run_that_is_told_to_stop_stops(toy: Any) -> None:
    job = ring(toy(raising(JobCancelled())))
    assert job.status == Status.CANCELLED


def test_a_run_that_lost_its_lease_writes_nothing(toy: Any, caplog: pytest.LogCaptureFixture) -> None:
    job = ring(toy(raising(LeaseLost())))
    assert (job.status, job.finished_at) == (Status.RUNNING, None)
    assert "went on elsewhere" in caplog.text


def test_a_kind_that_is_gone_fails(toy: Any) -> None:
    job = toy(raising(ZeroDivisionError()))
    del KINDS["toy"]
    assert ring(job).internal_code == "unknown_job_kind"


def test_the_sweep_with_nothing_to_do_reads_once(db: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        runner.sweep()


def test_nightly_jobs_run_once_a_day(db: None, django_capture_on_commit_callbacks: Any) -> None:
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            nightly.nightly_ledger_proof()
            nightly.nightly_retention()
    found = Job.objects.order_by("kind").values_list("kind", "status", "actor_id")
    assert list(found) == [("ledger_proof", "succeeded", "schedule"), ("retention", "succeeded", "schedule")]


def test_arguments_are_json(db: None) -> None:
    with pytest.raises(TypeError):
        enqueue("inventory.jobs.run", job_id=object())
