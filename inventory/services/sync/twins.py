"""Offline twins: two replicas gave the same code to different rows; both are kept, staff decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db import IntegrityError, transaction

from config.core.constraints import error_for
from config.core.errors import AppError
from devices.actors import Actor
from devices.models import DeviceOwnedModel
from inventory.models import Case
from inventory.services.cases import open_case


def accepting_create(create: Callable[..., Any], *, taken: type[AppError], code: str) -> Callable[..., Any]:
    """A create that keeps a row whose `code` field is taken as a twin, and opens a case."""

    def write(*, actor: Actor, **values: Any) -> Any:
        try:
            with transaction.atomic():
                return create(actor=actor, **values)
        except IntegrityError as error:
            if error_for(error) is not taken:
                raise
        return _open_twin_case(create(actor=actor, **values, is_duplicate=True), actor, code)

    return write


def accepting_update(update: Callable[..., Any], *, taken: type[AppError], code: str) -> Callable[..., Any]:
    """An update that does likewise."""

    def write(row: Any, *, actor: Actor, changes: Mapping[str, Any]) -> Any:
        try:
            with transaction.atomic():
                return update(row, actor=actor, changes=changes)
        except IntegrityError as error:
            if error_for(error) is not taken:
                raise
        return _open_twin_case(update(row, actor=actor, changes={**changes, "is_duplicate": True}), actor, code)

    return write


def _open_twin_case(row: DeviceOwnedModel, actor: Actor, code: str) -> DeviceOwnedModel:
    value = getattr(row, code)
    table = row._meta.db_table
    twins = type(row).objects.for_device(row.device).filter(**{code: value}).values_list("uuid", flat=True)
    open_case(
        device=row.device,
        actor=actor,
        kind=Case.Kind.DUPLICATE_PRODUCT,
        key=f"{table}:{row.uuid}",
        summary=f"{code} {value} is used twice in {table}",
        evidence={"table": table, "field": code, "value": value, "ids": [str(uuid) for uuid in twins]},
    )
    return row
