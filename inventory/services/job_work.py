"""Work on a leased job: build, and write how it ended; the same in a worker and in a command."""

from __future__ import annotations

import logging

from config.core.errors import AppError, Unavailable
from config.core.problems import as_app_error
from inventory.errors import JobTimedOut
from inventory.services.job_kinds import find_kind
from inventory.services.job_runs import JobCancelled, JobRun, LeaseLost, Retry, kept_lease

logger = logging.getLogger(__name__)


def work_on(run: JobRun, *, timeouts: tuple[type[BaseException], ...] = ()) -> None:
    """Do a job to its end, whatever that is. Where the lease was lost meanwhile, nothing is written.

    `timeouts`: what this sort of worker raises in a job that takes too long.
    """
    try:
        with kept_lease(run):
            _build(run, timeouts)
    except LeaseLost:
        logger.warning("job %s went on elsewhere; what this worker still did is rolled back", run.uuid)


def _build(run: JobRun, timeouts: tuple[type[BaseException], ...]) -> None:
    retry = Retry()
    try:
        kind = find_kind(run.kind)
        retry = kind.retry
        kind.build(run)
        run.succeed()
    except LeaseLost:
        raise
    except JobCancelled:
        run.cancelled()
    except timeouts:
        run.fail(JobTimedOut())
    except Exception as exc:  # noqa: BLE001  # whatever a kind raises ends its job, never the worker
        _note_failure(run, as_app_error(exc), exc, retry)


def _note_failure(run: JobRun, error: AppError, cause: Exception, retry: Retry) -> None:
    if isinstance(error, Unavailable):
        run.postpone(error, retry)
        return
    if type(error) is AppError:
        logger.error("job %s (%s) failed", run.uuid, run.kind, exc_info=cause)
    run.fail(error)
