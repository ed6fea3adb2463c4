"""Events: the record of every change, written in the change's own transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import models

from config.core.quantities import plain
from config.core.wire import wire_time
from devices.actors import Actor
from devices.models import Device, Event

BATCH = 500
SERVER_FIELDS = {"id", "uuid", "device", "revision", "created_at", "updated_at", "deleted_at"}


def build_event(row: models.Model, *, actor: Actor, action: str, changes: Mapping[str, Any] | None = None) -> Event:
    """An unsaved Event about one row, for bulk writes; `changes` = {field: [before, after]}."""
    device_id = row.pk if isinstance(row, Device) else row.device_id  # type: ignore[attr-defined]  # every owned row has it
    return Event(
        device_id=device_id,
        revision=row.revision,  # type: ignore[attr-defined]  # every recorded row has it
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name[:200],
        action=action,
        table=row._meta.db_table,
        object_id=row.uuid,  # type: ignore[attr-defined]
        changes={key: [plain_value(old), plain_value(new)] for key, (old, new) in (changes or {}).items()},
        request_id=actor.request_id,
        operation_id=actor.operation_id,
    )


def record_event(row: models.Model, *, actor: Actor, action: str, changes: Mapping[str, Any] | None = None) -> Event:
    """Write the Event of one change of one row."""
    event = build_event(row, actor=actor, action=action, changes=changes)
    event.save(force_insert=True)
    return event


def record_events(events: Iterable[Event]) -> None:
    """Write many events built by build_event()."""
    Event.objects.bulk_create(events, batch_size=BATCH)


def first_values(row: models.Model) -> dict[str, tuple[None, Any]]:
    """What a created row was given, as changes from nothing; empty values are left out."""
    found: dict[str, tuple[None, Any]] = {}
    for field in row._meta.concrete_fields:
        value = getattr(row, field.attname)
        if field.name not in SERVER_FIELDS and value not in (None, "", {}):
            found[field.name] = (None, _named(row, field, value))
    return found


def _named(row: models.Model, field: Any, value: Any) -> Any:
    """References appear in events by their wire id, never by the server's own number."""
    if field.is_relation and value is not None:
        return getattr(getattr(row, field.name), "uuid", value)
    return value


def plain_value(value: Any) -> Any:
    """A value as events keep it: JSON types, exact."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return wire_time(value)
    if isinstance(value, date | UUID):
        return str(value)
    if isinstance(value, models.Model):
        return str(getattr(value, "uuid", value.pk))
    return value
