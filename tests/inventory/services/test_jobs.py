"""Jobs are rows first: asked for, cancelled, retried and rung for again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import IntegrityError, transaction
from django.utils import timezone

from config.core.errors import FieldProblem
from devices.actors import Actor
from devices.models import Device
from inventory.errors import (
    JobNotCancellable,
    JobNotRetryable,
    JobNotRevertible,
    JobParameters,
    TooManyJobs,
    UnknownJobKind,
)
from inventory.models import Job
from inventory.services import jobs
from inventory.services.job_kinds import KINDS, JobKind, register_kind
from inventory.services.job_parameters import Parameter
from inventory.services.job_runs import lease_job
from inventory.services.jobs import cancel_job, request_daily, request_job, retry_job, revert_job, ring_again

ADA = Actor("user", "u-1", "Ada", request_id="req-1")
Status = Job.Status


def whole_number(value: Any) -> int:
    if not isinstance(value, int):
        raise ValueError("Give a whole number.")
    return value


@pytest.fixture(autouse=True)
def _toy() -> Iterator[None]:
    parameters = {"size": Parameter(whole_number), "colour": Parameter(str, required=False)}
    register_kind(JobKind(name="toy", title="Toy", build=lambda run: None, parameters=parameters))
    yield
    del KINDS["toy"]


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids that would be sent to the workers."""
    sent: list[str] = []

    def note(name: str, **kwargs: Any) -> None:
        assert name in current_app.tasks
        transaction.on_commit(lambda: sent.append(kwargs["job_id"]))

    monkeypatch.setattr(jobs, "enqueue", note)
    return sent


@pytest.fixture
def toy(device: Device, rung: list[str]) -> Job:
    return request_job(kind="toy", actor=ADA, device=device, parameters={"size": 3})


def age(job: Job, seconds: float) -> None:
    """Let all that stands in the row be `seconds` older."""
    back = timedelta(seconds=seconds)
    job.refresh_from_db()
    for name in ("ring_at", "run_at", "leased_until"):
        value = getattr(job, name)
        setattr(job, name, value and value - back)
    job.save()


def test_a_job_is_written_and_rung_for_on_commit(
    device: Device, rung: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job = request_job(kind="toy", actor=ADA, device=device, parameters={"size": 3, "colour": "red"})
        assert rung == []
    assert rung == [str(job.uuid)]
    job.refresh_from_db()
    assert (job.status, job.parameters, job.device) == (Status.QUEUED, {"size": 3, "colour": "red"}, device)
    assert str(job) == f"toy {str(job.uuid)[-8:]}"
    assert (job.actor_kind, job.actor_id, job.actor_name, job.request_id) == ("user", "u-1", "Ada", "req-1")


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_is_neither_written_nor_rung_for(device: Device, rung: list[str]) -> None:
    with transaction.atomic():
        request_job(kind="toy", actor=ADA, device=device, parameters={"size": 3})
        transaction.set_rollback(True)
    assert rung == []
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("on_device", "parameters", "problem"),
    [
        (True, {}, FieldProblem("size", "required", "This parameter is required.")),
        (True, {"size": "x"}, FieldProblem("size", "invalid", "Give a whole number.")),
        (True, {"size": 1, "sise": 1}, FieldProblem("sise", "unknown_field", "unknown")),
        (False, {"size": 1}, FieldProblem("device", "scope", "This job needs a device.")),
    ],
)
def test_parameters_that_do_not_fit_are_refused(
    device: Device, on_device: bool, parameters: dict[str, Any], problem: FieldProblem
) -> None:
    with pytest.raises(JobParameters) as caught:
        request_job(kind="toy", actor=ADA, device=device if on_device else None, parameters=parameters)
    assert caught.value.errors == (problem,)
    assert not Job.objects.exists()


def test_a_job_about_the_server_takes_no_device(device: Device) -> None:
    with pytest.raises(JobParameters, match="whole server"):
        request_job(kind="retention", actor=ADA, device=device)
    assert not Job.objects.exists()


def test_unknown_kinds_are_refused_and_names_are_unique(db: None) -> None:
    with pytest.raises(UnknownJobKind, match=r"ledger_proof, .*retention, .*toy"):
        request_job(kind="nonsense", actor=ADA)
    with pytest.raises(ValueError, match="two kinds"):
        register_kind(KINDS["toy"])
    assert not Job.objects.exists()


def test_a_later_job_is_rung_for_when_its_time_has_come(
    device: Device, rung: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    later = timezone.now() + timedelta(hours=1)
    with django_capture_on_commit_callbacks(execute=True):
        job = request_job(kind="toy", actor=ADA, device=device, parameters={"size": 1}, run_at=later)
        assert ring_again() == 0
        assert lease_job(job.uuid) is None
    assert rung == []
    age(job, 3601)
    with django_capture_on_commit_callbacks(execute=True):
        assert ring_again() == 1
    assert rung == [str(job.uuid)]


def test_once_is_once(device: Device, rung: list[str]) -> None:
    first = request_job(kind="toy", actor=ADA, device=device, parameters={"size": 1}, once="a")
    again = request_job(kind="toy", actor=ADA, device=device, parameters={"size": 2}, once="a")
    other = request_job(kind="toy", actor=ADA, device=device, parameters={"size": 2}, once="b")
    assert again == first != other
    assert Job.objects.count() == 2


def test_a_refusal_of_the_database_is_not_taken_for_once(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise IntegrityError("something else")

    monkeypatch.setattr(Job, "save", refuse)
    with pytest.raises(IntegrityError, match="something else"):
        request_job(kind="toy", actor=ADA, device=device, parameters={"size": 1}, once="a")


def test_daily_jobs_are_asked_for_once_a_day_and_never_pile_up(db: None, rung: list[str]) -> None:
    job = request_daily(kind="retention", actor=ADA)
    assert job is not None
    assert request_daily(kind="retention", actor=ADA) is None
    assert request_daily(kind="ledger_proof", actor=ADA) is not None  # another kind does not wait for it
    job.once = "yesterday"
    job.save()
    assert request_daily(kind="retention", actor=ADA) is None  # it still waits
    job.status = Status.SUCCEEDED
    job.save()
    today = request_daily(kind="retention", actor=ADA)
    assert today is not None
    today.status = Status.FAILED
    today.save()
    assert request_daily(kind="retention", actor=ADA) is None


def test_a_waiting_job_is_cancelled_at_once(toy: Job) -> None:
    job = cancel_job(toy, actor=ADA)
    assert (job.status, job.cancel_requested) == (Status.CANCELLED, True)
    assert job.finished_at is not None
    assert "Ada" in job.log[-1]["text"]
    assert lease_job(toy.uuid) is None


def test_a_running_job_is_asked_to_stop(toy: Job) -> None:
    run = lease_job(toy.uuid)
    assert run is not None
    job = cancel_job(toy, actor=ADA)
    assert (job.status, job.cancel_requested, job.finished_at) == (Status.RUNNING, True, None)
    run.cancelled()
    job.refresh_from_db()
    assert job.status == Status.CANCELLED
    assert [line["text"] for line in job.log] == ["Cancel asked for by Ada", "Cancelled"]


def test_a_job_whose_worker_fell_silent_is_cancelled_at_once(toy: Job) -> None:
    run = lease_job(toy.uuid)
    assert run is not None
    age(toy, 3600)
    assert cancel_job(toy, actor=ADA).status == Status.CANCELLED
    assert not run.beat()


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED, Status.CANCELLED])
def test_what_has_ended_is_not_cancelled(toy: Job, status: Status) -> None:
    Job.objects.update(status=status)
    with pytest.raises(JobNotCancellable):
        cancel_job(toy, actor=ADA)
    toy.refresh_from_db()
    assert (toy.status, toy.cancel_requested, toy.log) == (status, False, [])


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
def test_what_failed_or_was_cancelled_is_retried(
    toy: Job, status: Status, rung: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    Job.objects.update(
        status=status, attempts=3, lost=2, done=5, internal_code="x", cancel_requested=True, finished_at=timezone.now()
    )
    with django_capture_on_commit_callbacks(execute=True):
        job = retry_job(toy, actor=ADA)
    assert rung == [str(toy.uuid)]
    job.refresh_from_db()
    assert (job.status, job.attempts, job.lost, job.internal_code) == (Status.QUEUED, 0, 0, "")
    assert (job.cancel_requested, job.finished_at) == (False, None)
    run = lease_job(job.uuid)
    assert run is not None
    assert run.done == 5


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING, Status.SUCCEEDED])
def test_nothing_else_is_retried(toy: Job, status: Status) -> None:
    Job.objects.update(status=status)
    with pytest.raises(JobNotRetryable):
        retry_job(toy, actor=ADA)
    toy.refresh_from_db()
    assert toy.status == status


def test_a_kind_that_is_gone_is_not_retried(toy: Job) -> None:
    Job.objects.update(status=Status.FAILED, kind="gone")
    with pytest.raises(UnknownJobKind):
        retry_job(toy, actor=ADA)
    toy.refresh_from_db()
    assert toy.status == Status.FAILED


def test_the_sweep_rings_for_lost_bells_and_silent_workers_but_never_twice_at_once(
    toy: Job, rung: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assert ring_again() == 0  # its own bell is fresh
        age(toy, 6)
        assert ring_again() == 1
        assert ring_again() == 0
        age(toy, 31)
        run = lease_job(toy.uuid)
        assert run is not None
        assert ring_again() == 0  # it runs
        age(toy, 3600)
        assert ring_again() == 1
    assert rung == [str(toy.uuid)] * 2


def test_the_sweep_rings_for_the_oldest_first_and_not_for_all(device: Device, rung: list[str]) -> None:
    made = [request_job(kind="toy", actor=ADA, device=device, parameters={"size": n}) for n in range(3)]
    Job.objects.update(ring_at=timezone.now())
    assert ring_again(limit=2) == 2
    waiting = Job.objects.filter(ring_at__lte=timezone.now())
    assert list(waiting) == made[2:]


def test_a_device_has_so_many_jobs_that_wait(device: Device, other: Device, settings: Any, rung: list[str]) -> None:
    settings.JOBS_PER_DEVICE = 2

    def ask(whose: Device) -> Job:
        return request_job(kind="toy", actor=ADA, device=whose, parameters={"size": 1})

    first, _ = ask(device), ask(device)
    ask(other)
    with pytest.raises(TooManyJobs):
        ask(device)
    assert Job.objects.for_device(device).count() == 2
    cancel_job(first, actor=ADA)
    ask(device)


def test_what_succeeded_is_undone_once(toy: Job) -> None:
    before = Job.objects.filter(pk=toy.pk).values().get()
    with pytest.raises(JobNotRevertible):
        revert_job(toy, actor=ADA)
    assert Job.objects.filter(pk=toy.pk).values().get() == before
    Job.objects.update(status=Status.SUCCEEDED)
    undone = revert_job(toy, actor=ADA)
    assert (undone.status, undone.has_ended) == (Status.REVERTED, True)
    assert [line["text"] for line in undone.log] == ["Undone by Ada"]
    for refusal, call in (
        (JobNotRevertible, revert_job),
        (JobNotRetryable, retry_job),
        (JobNotCancellable, cancel_job),
    ):
        with pytest.raises(refusal):
            call(toy, actor=ADA)
