"""Jobs: asked for, cancelled, retried, and rung for again; the row is the truth, the broker a doorbell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from config.core.dispatch import enqueue
from devices.actors import Actor
from devices.models import Device
from inventory.errors import JobNotCancellable, JobNotRetryable, JobNotRevertible, TooManyJobs
from inventory.models import Job
from inventory.services.job_kinds import check_parameters, find_kind
from inventory.services.job_runs import log_entry

RUN = "inventory.jobs.run"
FIRST_RING = timedelta(seconds=5)  # a bell that was not answered by then may be lost
RING_AGAIN = timedelta(seconds=30)  # or its workers are busy: do not flood the broker
RINGS_AT_ONCE = 500


@transaction.atomic
def request_job(
    *,
    kind: str,
    actor: Actor,
    device: Device | None = None,
    parameters: Mapping[str, Any] | None = None,
    run_at: datetime | None = None,
    once: str = "",
    deliver: Mapping[str, Any] | None = None,
) -> Job:
    """Write the row and ring on commit; with a later `run_at` the sweep rings when the time has come.

    `deliver`: who is told of its file, as check_wish() returns it.
    Where a job of this kind has the same `once`, that job is returned and nothing is written.
    Raises UnknownJobKind, JobParameters, TooManyJobs.
    """
    values = check_parameters(find_kind(kind), device=device, given=parameters or {})
    if device is not None and Job.objects.pending().for_device(device).count() >= settings.JOBS_PER_DEVICE:
        raise TooManyJobs(headers={"Retry-After": "30"})
    now = timezone.now()
    run_at = max(run_at or now, now)
    job = Job(
        device=device,
        kind=kind,
        parameters=values,
        once=once,
        deliver=dict(deliver or {}),
        run_at=run_at,
        ring_at=run_at if run_at > now else now + FIRST_RING,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name[:200],
        request_id=actor.request_id,
    )
    try:
        with transaction.atomic():
            job.save(force_insert=True)
    except IntegrityError:
        known: Job | None = Job.objects.filter(kind=kind, once=once).first() if once else None
        if known is None:
            raise
        return known
    if run_at <= now:
        _ring(job)
    return job


@transaction.atomic
def request_daily(*, kind: str, actor: Actor) -> Job | None:
    """Ask for a job about the whole server; None where today's is there, or an older one has not ended."""
    today = timezone.localdate().isoformat()
    if (
        Job.objects.filter(kind=kind, once=today).exists()
        or Job.objects.pending().filter(kind=kind, device=None).exists()
    ):
        return None
    return request_job(kind=kind, actor=actor, once=today)


@transaction.atomic
def cancel_job(job: Job, *, actor: Actor) -> Job:
    """A waiting job is cancelled at once, a running one is asked to stop and does so within seconds.

    Raises JobNotCancellable for one that has ended.
    """
    current = _locked(job)
    if current.has_ended:
        raise JobNotCancellable
    now = timezone.now()
    current.cancel_requested = True
    current.log = [*current.log, log_entry(f"Cancel asked for by {actor.name}")]
    if current.status == Job.Status.QUEUED or (current.leased_until is not None and current.leased_until < now):
        current.status, current.finished_at, current.leased_until = Job.Status.CANCELLED, now, None
        current.fence += 1  # a worker that was silent and is not dead must not end it otherwise
    current.save(
        update_fields=["cancel_requested", "log", "status", "finished_at", "leased_until", "fence", "updated_at"]
    )
    return current


@transaction.atomic
def retry_job(job: Job, *, actor: Actor) -> Job:
    """Queue a failed or cancelled job again; it goes on after what its committed effects have reached.

    Raises JobNotRetryable, UnknownJobKind.
    """
    current = _locked(job)
    if current.status not in (Job.Status.FAILED, Job.Status.CANCELLED):
        raise JobNotRetryable
    find_kind(current.kind)
    now = timezone.now()
    values: dict[str, Any] = {
        "status": Job.Status.QUEUED,
        "cancel_requested": False,
        "attempts": 0,
        "lost": 0,
        "internal_code": "",
        "message": "",
        "started_at": None,
        "finished_at": None,
        "run_at": now,
        "ring_at": now + FIRST_RING,
        "log": [*current.log, log_entry(f"Retry asked for by {actor.name}")],
    }
    for name, value in values.items():
        setattr(current, name, value)
    current.save(update_fields=[*values, "updated_at"])
    _ring(current)
    return current


@transaction.atomic
def revert_job(job: Job, *, actor: Actor) -> Job:
    """Say that what a job did was undone; to be called in the transaction that undoes it.

    Raises JobNotRevertible where it has not succeeded, or was undone already.
    """
    current = _locked(job)
    if current.status != Job.Status.SUCCEEDED:
        raise JobNotRevertible
    current.status = Job.Status.REVERTED
    current.log = [*current.log, log_entry(f"Undone by {actor.name}")]
    current.save(update_fields=["status", "log", "updated_at"])
    return current


def ring_again(*, limit: int = RINGS_AT_ONCE) -> int:
    """The sweep: ring for due jobs whose bell was lost or whose worker fell silent. Returns how many."""
    if not Job.objects.to_ring().exists():
        return 0  # without this, every sweep would take SQLite's write lock
    with transaction.atomic():
        jobs = list(Job.objects.to_ring().select_for_update(skip_locked=True).order_by("id")[:limit])
        now = timezone.now()
        Job.objects.filter(pk__in=[job.pk for job in jobs]).update(ring_at=now + RING_AGAIN)
        for job in jobs:
            _ring(job)
    return len(jobs)


def _ring(job: Job) -> None:
    enqueue(RUN, job_id=str(job.uuid))


def _locked(job: Job) -> Job:
    found: Job = Job.objects.select_for_update().get(pk=job.pk)
    return found
