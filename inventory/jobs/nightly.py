"""What the schedule asks for: once a day each, however often beat is restarted."""

from __future__ import annotations

from celery import shared_task

from devices.actors import system
from inventory.services.jobs import request_daily

SCHEDULE = system("schedule")


@shared_task(name="inventory.jobs.nightly_ledger_proof")
def nightly_ledger_proof() -> None:
    """Ask for today's proof of every ledger."""
    request_daily(kind="ledger_proof", actor=SCHEDULE)


@shared_task(name="inventory.jobs.nightly_retention")
def nightly_retention() -> None:
    """Ask for today's clearing out."""
    request_daily(kind="retention", actor=SCHEDULE)
