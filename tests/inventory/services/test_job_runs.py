"""Runs: one lease at a time, a fence that late workers cannot pass, effects that count once."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from config.core.errors import AppError, Unavailable
from devices.models import Device
from inventory.models import Job, StockMovement
from inventory.services import job_runs
from inventory.services.job_runs import LOST_LEASES, JobCancelled, JobRun, LeaseLost, kept_lease, lease_job
from tests import factories

Status = Job.Status


@pytest.fixture
def job(device: Device) -> Job:
    return Job.objects.create(device=device, kind="toy", parameters={"size": 3}, actor_kind="system", actor_id="t")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress is written each time."""
    monkeypatch.setattr(job_runs, "FLUSH_SECONDS", 0.0)


def lease(job: Job) -> JobRun:
    run = lease_job(job.uuid)
    assert run is not None
    return run


def silence(job: Job) -> None:
    """Let the lease run out, as when the worker was killed."""
    Job.objects.filter(pk=job.pk).update(leased_until=timezone.now() - timedelta(seconds=1))


def texts(job: Job) -> list[str]:
    job.refresh_from_db()
    return [line["text"] for line in job.log]


def test_a_job_is_leased_by_one(job: Job, device: Device) -> None:
    run = lease(job)
    assert lease_job(job.uuid) is None
    assert (run.device, run.parameters, run.fence, run.attempt, run.actor.key) == (
        device, {"size": 3}, 1, 1, "system:t"
    )  # fmt: skip
    job.refresh_from_db()
    assert (job.status, job.attempts, job.lost) == (Status.RUNNING, 1, 0)
    assert job.leased_until is not None
    assert job.leased_until > timezone.now() + timedelta(seconds=50)


def test_an_unknown_job_is_nobodys(db: None, device: Device) -> None:
    assert lease_job(device.uuid) is None


def test_a_late_workers_effect_is_rolled_back(job: Job, device: Device) -> None:
    late = lease(job)
    silence(job)
    new = lease(job)
    assert (new.fence, new.attempt) == (late.fence + 1, 1)
    with pytest.raises(LeaseLost), late.effect(last=True):
        factories.make_movement(device)
    assert not StockMovement.objects.exists()
    with new.effect(last=True):
        factories.make_movement(device)
        new.result["moved"] = 1
    for write in (late.succeed, late.cancelled, lambda: late.fail(AppError()), lambda: late.postpone(Unavailable())):
        with pytest.raises(LeaseLost):
            write()
    job.refresh_from_db()
    assert (job.status, job.lost, job.result, job.fence) == (Status.SUCCEEDED, 1, {"moved": 1}, 2)
    assert StockMovement.objects.count() == 1


def test_a_worker_that_loses_its_lease_inside_an_effect_writes_nothing(job: Job, device: Device) -> None:
    run = lease(job)

    def overtaken() -> None:
        with run.effect():
            factories.make_movement(device)
            run.progress(7)
            Job.objects.update(fence=9)  # as if it had been taken over; a real one waits for our lock

    with pytest.raises(LeaseLost):
        overtaken()
    assert (run.done, StockMovement.objects.count()) == (0, 0)


def test_a_failed_effect_leaves_what_was_reached_and_what_was_said(job: Job, device: Device) -> None:
    run = lease(job)
    with run.effect():
        run.progress(1)
        run.result["moved"] = [1]

    def second_half() -> None:
        with run.effect(last=True):
            factories.make_movement(device)
            run.progress(2)
            run.result["moved"].append(2)
            run.log("second half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        second_half()
    assert (run.done, run.result, run.has_ended) == (1, {"moved": [1]}, False)
    assert not StockMovement.objects.exists()
    run.fail(AppError("It broke."))
    assert texts(job) == ["second half", "Failed: It broke."]
    assert (job.status, job.done, job.result) == (Status.FAILED, 1, {"moved": [1]})
    assert (job.internal_code, job.message) == ("internal_error", "It broke.")


def test_an_effect_whose_commit_fails_says_its_lines_again(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    run = lease(job)

    def refuse(**values: Any) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(run, "_write", refuse)
    with pytest.raises(DatabaseError), run.effect():
        run.log("line")
    monkeypatch.undo()
    run.succeed()
    assert texts(job) == ["line"]


def test_the_next_attempt_goes_on_from_the_last_effect(job: Job) -> None:
    first = lease(job)
    with first.effect():
        first.progress(500, total=900, message="half")
        first.result["rows"] = 500
    first.progress(700)  # not part of an effect, and not written yet
    silence(job)
    second = lease(job)
    assert (second.done, second.total, second.message, second.result) == (500, 900, "half", {"rows": 500})
    assert texts(job) == ["The worker fell silent; taken over by another"]


def test_a_success_without_effects(job: Job) -> None:
    run = lease(job)
    run.progress(3, total=3)
    run.succeed()
    run.succeed()  # said already
    job.refresh_from_db()
    assert (job.status, job.done, job.total, job.result, job.leased_until) == (Status.SUCCEEDED, 3, 3, None, None)
    assert job.finished_at is not None
    assert lease_job(job.uuid) is None


@pytest.mark.usefixtures("at_once")
def test_progress_is_written_and_renews_the_lease(job: Job) -> None:
    run = lease(job)
    Job.objects.update(leased_until=timezone.now())
    run.progress(3, total=9, message="x" * 600)
    job.refresh_from_db()
    assert (job.done, job.total, len(job.message)) == (3, 9, 500)
    assert job.leased_until is not None
    assert job.leased_until > timezone.now() + timedelta(seconds=50)


def test_progress_is_written_once_a_second_at_most(job: Job, django_assert_num_queries: Any) -> None:
    run = lease(job)
    with django_assert_num_queries(0):
        run.progress(1)


@pytest.mark.usefixtures("at_once")
def test_a_wish_to_cancel_is_heard_with_the_next_progress(job: Job) -> None:
    run = lease(job)
    run.progress(1)
    Job.objects.update(cancel_requested=True)
    with pytest.raises(JobCancelled):
        run.progress(2)
    with pytest.raises(JobCancelled), run.effect():
        pytest.fail("no effect after that")


def test_a_beat_renews_the_lease_and_hears_the_wish_to_cancel(job: Job) -> None:
    run = lease(job)
    silence(job)
    assert run.beat()
    job.refresh_from_db()
    assert job.leased_until is not None
    assert job.leased_until > timezone.now()
    run.check()
    Job.objects.update(cancel_requested=True)
    assert run.beat()
    with pytest.raises(JobCancelled):
        run.check()
    Job.objects.update(fence=7)
    assert not run.beat()
    with pytest.raises(LeaseLost):
        run.check()


def test_a_cancelled_job_whose_worker_died_is_not_begun_again(job: Job) -> None:
    lease(job)
    Job.objects.update(cancel_requested=True)
    silence(job)
    assert lease_job(job.uuid) is None
    job.refresh_from_db()
    assert job.status == Status.CANCELLED


def test_a_job_that_kills_its_workers_is_given_up(job: Job) -> None:
    lease(job)
    for _ in range(LOST_LEASES):
        silence(job)
        lease(job)
    silence(job)
    assert lease_job(job.uuid) is None
    job.refresh_from_db()
    assert (job.status, job.internal_code, job.lost) == (Status.FAILED, "job_worker_lost", LOST_LEASES + 1)


def test_trouble_that_may_pass_is_tried_three_times_with_longer_waits(job: Job) -> None:
    waits = []
    for _ in range(2):
        run = lease(job)
        run.postpone(Unavailable("Busy."))
        assert lease_job(job.uuid) is None  # not yet
        job.refresh_from_db()
        assert (job.status, job.leased_until) == (Status.QUEUED, None)
        assert job.ring_at == job.run_at
        waits.append(round((job.run_at - timezone.now()).total_seconds()))
        Job.objects.update(run_at=timezone.now())
    assert waits == [10, 40]
    lease(job).postpone(Unavailable("Busy."))
    assert texts(job) == ["Busy. Tried again in 10 s", "Busy. Tried again in 40 s", "Failed: Busy."]
    assert (job.status, job.internal_code) == (Status.FAILED, "temporarily_unavailable")


def test_the_log_keeps_the_last_200_lines(job: Job) -> None:
    run = lease(job)
    for number in range(250):
        run.log(f"{number} {'x' * 600}")
    run.succeed()
    found = texts(job)
    assert (len(found), found[0][:3], found[-1][:3], len(found[0])) == (200, "50 ", "249", 500)


class Recorder:
    """Stands for a run whose lease is kept: counts beats, answers as told."""

    uuid = "r"

    def __init__(self, *answers: bool | Exception) -> None:
        self.answers = list(answers)
        self.over = threading.Event()

    def beat(self) -> bool:
        answer = self.answers.pop(0)
        if not self.answers:
            self.over.set()
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_the_lease_is_kept_by_a_thread_that_survives_a_busy_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_runs, "BEAT_SECONDS", 0.001)
    before = threading.active_count()
    run: Any = Recorder(True, DatabaseError("locked"), True, False)
    with kept_lease(run):
        assert run.over.wait(10)
    assert threading.active_count() == before
    assert run.answers == []


def test_the_thread_ends_with_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), kept_lease(Recorder(True)):  # type: ignore[arg-type]
        raise ZeroDivisionError
    assert threading.active_count() == before


@pytest.mark.django_db(transaction=True)
def test_who_finds_the_row_locked_does_not_wait(job: Job) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    locked, tried = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Job.objects.select_for_update().get(pk=job.pk)
            locked.set()
            tried.wait(10)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert locked.wait(10)
    assert lease_job(job.uuid) is None
    tried.set()
    thread.join()
    assert lease_job(job.uuid) is not None
