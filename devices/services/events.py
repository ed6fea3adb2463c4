"""Events: the record of every change, written in the change's own transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, models, transaction
from django.utils.module_loading import import_string

from config.core.quantities import plain
from config.core.rows import insert_rows
from config.core.wire import wire_time
from devices.actors import Actor
from devices.models import Device, Event

SERVER_FIELDS = {
    "id", "uuid", "device", "revision", "created_at", "updated_at", "deleted_at", "sequence", "clock_offset_ms",
}  # fmt: skip
JSON_TYPES = frozenset({str, int, bool})


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
    tell_on_commit(event.device_id)
    return event


def record_events(events: Iterable[Event]) -> None:
    """Write many events built by build_event()."""
    written = list(events)
    insert_rows(written)
    for device_id in {event.device_id for event in written}:
        tell_on_commit(device_id)


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells every listener of settings.EVENT_LISTENERS that a device has new events."""

    device_id: int

    def __call__(self) -> None:
        for path in settings.EVENT_LISTENERS:
            import_string(path)(self.device_id)


def tell_on_commit(device_id: int) -> None:
    """Tell listeners once the transaction is committed, once per transaction; what they fail at harms nobody.

    They only hear that there is something to read: what is missed is found by their own sweeps.
    """
    telling = Telling(device_id)
    if not any(entry[1] == telling for entry in connection.run_on_commit):
        transaction.on_commit(telling, robust=True)


def first_values(row: models.Model) -> dict[str, tuple[None, Any]]:
    """What a created row was given, as changes from nothing; empty values are left out.

    References appear by their wire id, never by the server's own number.
    """
    found: dict[str, tuple[None, Any]] = {}
    for name, attname, is_relation in _told_fields(type(row)):
        value = getattr(row, attname)
        if value in (None, "", {}):
            continue
        found[name] = (None, getattr(getattr(row, name), "uuid", value) if is_relation else value)
    return found


@cache
def _told_fields(model: type[models.Model]) -> list[tuple[str, str, bool]]:
    fields = model._meta.concrete_fields
    return [(field.name, field.attname, field.is_relation) for field in fields if field.name not in SERVER_FIELDS]


def plain_value(value: Any) -> Any:
    """A value as events keep it: JSON types, exact."""
    if value is None or type(value) in JSON_TYPES:
        return value
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return wire_time(value)
    if isinstance(value, date | UUID):
        return str(value)
    if isinstance(value, models.Model):
        return str(getattr(value, "uuid", value.pk))
    return value
