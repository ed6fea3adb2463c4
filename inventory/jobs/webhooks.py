"""Webhooks are sent by workers: an endpoint at a time; the rows say what is due, the bells only when to look."""

from __future__ import annotations

import logging

from celery import shared_task

from inventory.services.webhooks.endpoints import DELIVER
from inventory.services.webhooks.sending import deliver_due, ring_due

logger = logging.getLogger(__name__)


@shared_task(name=DELIVER)
def deliver_webhooks(endpoint_id: str) -> None:
    """Read and send for one endpoint; a message too many finds nothing to do."""
    deliver_due(int(endpoint_id))


@shared_task(name="inventory.jobs.webhook_sweep")
def webhook_sweep() -> None:
    """Ring for endpoints whose message or worker was lost, and for what is to be tried again now."""
    rung = ring_due()
    if rung:
        logger.info("rang for %s webhook endpoints", rung)
