"""Runs of jobs: leases, progress, and ends that count only while the fence stands."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from config.core.errors import AppError
from config.core.wire import wire_time
from devices.actors import Actor, ActorKind
from devices.models import Device
from inventory.errors import JobWorkerLost
from inventory.models import Job

logger = logging.getLogger(__name__)

LOST_LEASES = 10  # a job that so many workers did not survive is not given to another
FLUSH_SECONDS = 1.0  # progress reaches the row, and a wish to cancel the run, at most this often
BEAT_SECONDS = 5.0
LOG_LINES, LINE_LENGTH = 200, 500


@dataclass(frozen=True, slots=True)
class Retry:
    """How often trouble that may pass is tried, and the wait before each further attempt: 10 s, then 40."""

    attempts: int = 3
    seconds: int = 10
    factor: int = 4

    def wait(self, attempt: int) -> timedelta:
        """How long to wait after this attempt, the first being 1."""
        return timedelta(seconds=self.seconds * self.factor ** (attempt - 1))


class LeaseLost(Exception):
    """Another worker has the job, or it was ended: whatever this one still did is rolled back."""


class JobCancelled(Exception):
    """Somebody asked for it to stop."""


def log_entry(text: str) -> dict[str, str]:
    """One line of a job's log."""
    return {"at": wire_time(timezone.now()), "text": text[:LINE_LENGTH]}


@transaction.atomic
def lease_job(job_id: UUID) -> JobRun | None:
    """Take a due job for this worker alone; None where it is not due, taken, or ended here and now.

    SKIP LOCKED: who finds the row locked need not wait, somebody else is just taking or ending it.
    """
    job: Job | None = Job.objects.due().select_for_update(skip_locked=True).filter(uuid=job_id).first()
    if job is None:
        return None
    job.fence += 1
    if job.status == Job.Status.RUNNING:
        job.lost += 1
        job.log = [*job.log, log_entry("The worker fell silent; taken over by another")]
    else:
        job.attempts += 1
    now = timezone.now()
    job.status, job.started_at, job.leased_until = Job.Status.RUNNING, job.started_at or now, _lease_end()
    job.save(update_fields=["fence", "lost", "attempts", "log", "status", "started_at", "leased_until", "updated_at"])
    run = JobRun(job)
    if job.cancel_requested:
        run.cancelled()
        return None
    if job.lost > LOST_LEASES:
        run.fail(JobWorkerLost())
        return None
    return run


class JobRun:
    """One attempt at one job, by the worker that holds its lease.

    A builder reads `device`, `parameters` and `done` (what earlier attempts reached), reports through
    progress() and log(), collects its figures in `result`, and writes inside effect().
    """

    def __init__(self, job: Job) -> None:
        self.job_id, self.fence = job.pk, job.fence
        self.uuid, self.kind, self.attempt = job.uuid, job.kind, job.attempts
        self.parameters: dict[str, Any] = dict(job.parameters)
        self.deliver: dict[str, Any] = dict(job.deliver)
        self.done, self.total, self.message = job.done, job.total, job.message
        self.result: dict[str, Any] = dict(job.result or {})
        self.actor = Actor(cast(ActorKind, job.actor_kind), job.actor_id, job.actor_name, job.request_id)
        self.has_ended = False
        self._job = job
        self._lines: list[dict[str, str]] = []  # said, not yet in the row
        self._in_effect = self._cancel = self._gone = False
        self._flush_at = monotonic() + FLUSH_SECONDS

    @property
    def device(self) -> Device | None:
        return self._job.device

    # --- What a builder calls -------------------------------------------------------------------
    def progress(self, done: int | None = None, *, total: int | None = None, message: str | None = None) -> None:
        """Say how far it is; written at most once a second. Raises JobCancelled, LeaseLost."""
        self.done = self.done if done is None else done
        self.total = self.total if total is None else total
        self.message = self.message if message is None else message[:500]
        if not self._in_effect and monotonic() >= self._flush_at:
            self._write()
            self._hear()
            self._flush_at = monotonic() + FLUSH_SECONDS
        self.check()

    def log(self, line: str) -> None:
        """Add a line to the job's log; the last 200 are kept."""
        self._lines = [*self._lines, log_entry(line)]

    def check(self) -> None:
        """Stop here if the run shall stop. Raises JobCancelled, LeaseLost."""
        if self._gone:
            raise LeaseLost
        if self._cancel:
            raise JobCancelled

    @contextmanager
    def effect(self, *, last: bool = False) -> Iterator[None]:
        """A transaction whose writes count exactly once, together with `done` and `result` as they then are.

        With `last`, the job's success is part of it. An attempt that lost its lease writes nothing (LeaseLost);
        the next attempt finds `done` and `result` as the last committed effect left them. Effects do not nest.
        """
        if self._in_effect:
            raise RuntimeError("an effect inside an effect")
        self.check()
        before = self.done, self.total, self.message, deepcopy(self.result)
        said: list[dict[str, str]] = []
        try:
            with transaction.atomic():
                self._locked()
                self._in_effect = True
                yield
                said = self._lines
                if last:
                    self._end(Job.Status.SUCCEEDED)
                else:
                    self._write()
        except BaseException:
            self.done, self.total, self.message, self.result = before
            self._lines = self._lines or said  # what was said stays said
            self.has_ended = False
            raise
        finally:
            self._in_effect = False

    # --- What the runner calls ------------------------------------------------------------------
    def succeed(self) -> None:
        """Done, where no last effect has said so already. Raises LeaseLost."""
        if not self.has_ended:
            self._end(Job.Status.SUCCEEDED)

    def fail(self, error: AppError) -> None:
        """It cannot be done. Raises LeaseLost."""
        self.log(f"Failed: {error.detail}")
        self.message = error.detail[:500]
        self._end(Job.Status.FAILED, internal_code=error.internal_code)

    def cancelled(self) -> None:
        """It stopped because somebody asked for that. Raises LeaseLost."""
        self.log("Cancelled")
        self._end(Job.Status.CANCELLED)

    def postpone(self, error: AppError, retry: Retry | None = None) -> None:
        """Trouble that may pass: queued again with a wait, failed after the last attempt. Raises LeaseLost."""
        retry = retry or Retry()
        if self.attempt >= retry.attempts:
            self.fail(error)
            return
        wait = retry.wait(self.attempt)
        self.log(f"{error.detail} Tried again in {wait.total_seconds():g} s")
        again = timezone.now() + wait
        self._write(status=Job.Status.QUEUED, leased_until=None, run_at=again, ring_at=again)
        self.has_ended = True

    def beat(self) -> bool:
        """Renew the lease and hear whether to stop; called beside the builder. False: nothing is left to renew."""
        self._gone = not self._mine().update(leased_until=_lease_end(), updated_at=timezone.now())
        self._hear()
        return not self._gone

    # --- The row --------------------------------------------------------------------------------
    def _mine(self) -> Any:
        return Job.objects.filter(pk=self.job_id, fence=self.fence, status=Job.Status.RUNNING)

    def _locked(self) -> Job:
        found: Job | None = self._mine().select_for_update().first()
        if found is None:
            raise LeaseLost
        return found

    def _hear(self) -> None:
        self._cancel = self._mine().filter(cancel_requested=True).exists()

    def _end(self, status: Job.Status, **values: Any) -> None:
        self._write(status=status, finished_at=timezone.now(), leased_until=None, **values)
        self.has_ended = True

    @transaction.atomic
    def _write(self, **values: Any) -> None:
        if self._lines:  # added to the row as it is: whoever asked to cancel has written there too
            values["log"] = [*self._locked().log, *self._lines][-LOG_LINES:]
        values = {
            "done": self.done,
            "total": self.total,
            "message": self.message,
            "result": self.result or None,
            "leased_until": _lease_end(),
            "updated_at": timezone.now(),
            **values,
        }
        if not self._mine().update(**values):
            raise LeaseLost
        self._lines = []


@contextmanager
def kept_lease(run: JobRun) -> Iterator[None]:
    """Renew the lease from a thread while the block runs, so that a long step is not taken for a dead worker."""
    stop = threading.Event()
    seconds = min(BEAT_SECONDS, settings.JOB_LEASE_SECONDS / 3)
    thread = threading.Thread(target=_beat_until, args=(run, stop, seconds), name=f"lease-{run.uuid}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _beat_until(run: JobRun, stop: threading.Event, seconds: float) -> None:
    try:
        while not stop.wait(seconds):
            try:
                if not run.beat():
                    return
            except DatabaseError as error:
                logger.warning("lease of %s not renewed, trying again: %s", run.uuid, type(error).__name__)
                connection.close()
    finally:
        connection.close()  # a thread has its own


def _lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)
