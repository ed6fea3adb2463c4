"""The doorbell: tell the workers about a committed job."""

from __future__ import annotations

import inspect
import json
import logging
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import transaction

from config.core.errors import FieldProblem, Invalid

logger = logging.getLogger(__name__)


def enqueue(name: str, **kwargs: Any) -> None:
    """Send task `name` with JSON arguments once the current transaction is committed.

    What is rolled back is never sent. If the broker is down the message is lost, not the job: its row
    stays queued and the sweep rings again.
    """
    payload = json.loads(json.dumps(kwargs))  # eager and real workers see the same arguments
    transaction.on_commit(lambda: _send(name, payload))


def job_names() -> list[str]:
    """What a schedule may ring: every registered task of ours."""
    return sorted(name for name in current_app.tasks if not name.startswith("celery."))


def check_arguments(name: str, given: dict[str, Any]) -> None:
    """Whether a registered task takes these arguments; a task may have a `check` of its own for what they mean.

    Raises Invalid, and what the check raises.
    """
    task = current_app.tasks[name]
    try:
        inspect.signature(task.run).bind(**given)
    except TypeError as error:
        said = f"{name.rpartition('.')[2]}: {error}."
        raise Invalid(said, errors=[FieldProblem("kwargs", "invalid", said)]) from None
    if check := getattr(task, "check", None):
        check(**given)


def _send(name: str, payload: dict[str, Any]) -> None:
    task = current_app.tasks[name]  # KeyError at once for a name that no worker would know
    if settings.CELERY_TASK_ALWAYS_EAGER:
        task.apply(kwargs=payload, throw=True)
        return
    try:
        task.apply_async(kwargs=payload, retry=False)
    except Exception as error:  # noqa: BLE001  # any transport has its own; the sweep rings again
        logger.warning("broker not reachable, the sweep will ring again: %s", type(error).__name__)
