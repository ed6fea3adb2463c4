"""The runner: leases the row a message names and does its work; the sweep rings for what was lost."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded

from inventory.services.job_runs import lease_job
from inventory.services.job_work import work_on
from inventory.services.jobs import RUN, ring_again

logger = logging.getLogger(__name__)


@shared_task(name=RUN)
def run(job_id: str) -> None:
    """Do the job if it is due and nobody else has it; a message too many finds nothing to do."""
    leased = lease_job(UUID(job_id))
    if leased is not None:
        work_on(leased, timeouts=(SoftTimeLimitExceeded,))


@shared_task(name="inventory.jobs.sweep")
def sweep() -> None:
    """Ring again for jobs whose message or worker was lost."""
    rung = ring_again()
    if rung:
        logger.info("rang again for %s jobs", rung)
