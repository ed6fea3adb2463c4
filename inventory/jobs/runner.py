"""The runner: leases the row a message names and does its work; the sweep rings for what was lost."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded

from config.core.errors import AppError, Unavailable
from config.core.problems import as_app_error
from inventory.errors import JobTimedOut
from inventory.services.job_kinds import find_kind
from inventory.services.job_runs import JobCancelled, JobRun, LeaseLost, kept_lease, lease_job
from inventory.services.jobs import RUN, ring_again

logger = logging.getLogger(__name__)


@shared_task(name=RUN)
def run(job_id: str) -> None:
    """Do the job if it is due and nobody else has it; a message too many finds nothing to do."""
    leased = lease_job(UUID(job_id))
    if leased is None:
        return
    try:
        with kept_lease(leased):
            _work(leased)
    except LeaseLost:
        logger.warning("job %s went on elsewhere; what this worker still did is rolled back", job_id)


@shared_task(name="inventory.jobs.sweep")
def sweep() -> None:
    """Ring again for jobs whose message or worker was lost."""
    rung = ring_again()
    if rung:
        logger.info("rang again for %s jobs", rung)


def _work(leased: JobRun) -> None:
    """Build, then write how it ended. Raises LeaseLost: then there is nothing to write."""
    try:
        find_kind(leased.kind).build(leased)
        leased.succeed()
    except LeaseLost:
        raise
    except JobCancelled:
        leased.cancelled()
    except SoftTimeLimitExceeded:
        leased.fail(JobTimedOut())
    except Exception as exc:  # noqa: BLE001  # whatever a kind raises ends its job, never the worker
        _note_failure(leased, as_app_error(exc), exc)


def _note_failure(leased: JobRun, error: AppError, cause: Exception) -> None:
    if isinstance(error, Unavailable):
        leased.postpone(error)
        return
    if type(error) is AppError:
        logger.error("job %s (%s) failed", leased.uuid, leased.kind, exc_info=cause)
    leased.fail(error)
