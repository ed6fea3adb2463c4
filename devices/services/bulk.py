"""Many writes in one transaction, each on its own savepoint: one bad row never blocks its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db import DatabaseError, transaction

from config.core.errors import AppError
from config.core.problems import as_app_error
from devices.models import Device
from devices.services.feed import take_revisions


@transaction.atomic
def do_each(*, device: Device, writes: Sequence[Callable[[], Any]]) -> list[Any]:
    """Carry out `writes` in order under one feed lock. Returns each one's result, or its AppError."""
    take_revisions(device, 0)
    results: list[Any] = []
    for write in writes:
        try:
            with transaction.atomic():
                results.append(write())
        except AppError as error:
            results.append(error)
        except DatabaseError as error:
            refusal = as_app_error(error)
            if refusal.status >= AppError.status:  # busy, gone or our own mistake: no verdict on this row
                raise
            results.append(refusal)
    return results
