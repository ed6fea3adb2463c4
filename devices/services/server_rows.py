"""The beats that every write of a row of the server (of no device) shares: lock → check → write → record the event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import tzinfo
from typing import Any, TypeVar

from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from config.core.constraints import violated
from config.core.errors import AppError, FieldProblem, Invalid, NotFound, PreconditionFailed
from devices.actors import Actor
from devices.models import ServerEvent, key_of
from devices.services.events import plain_value

Row = TypeVar("Row", bound=models.Model)
Taken = tuple[str, type[AppError]]  # a unique column, and what to say where its value is taken


def record_server_event(
    row: models.Model, *, actor: Actor, action: str, changes: Mapping[str, Any] | None = None
) -> ServerEvent:
    """Write the event of one change of one row that belongs to no device."""
    event = ServerEvent(
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name[:200],
        action=action,
        table=row._meta.db_table,
        object_id=key_of(row),
        object_name=str(row)[:200],
        changes={key: [plain_value(old), plain_value(new)] for key, (old, new) in (changes or {}).items()},
        request_id=actor.request_id,
    )
    event.save(force_insert=True)
    return event


def last_event(row: models.Model) -> int:
    """The number of the row's last event, which serves as its revision; 0 where nothing was recorded yet."""
    return ServerEvent.objects.about(row).values_list("id", flat=True).first() or 0


def lock_row(row: Row, *, expected_revision: int | None = None) -> Row:
    """The row, locked and read afresh. Raises NotFound, or PreconditionFailed if it is not at expected_revision."""
    manager: Any = row._meta.default_manager
    current: Row | None = manager.select_for_update().filter(pk=row.pk).first()
    if current is None:
        raise NotFound
    if expected_revision is not None and last_event(current) != expected_revision:
        raise PreconditionFailed
    return current


def insert_row(
    row: Row, *, actor: Actor, fields: Iterable[str], many: Mapping[str, Any] | None = None, taken: Taken | None = None
) -> Row:
    """Check, insert and record a new row; `fields` are told in the event, `many` are its relations to many rows."""
    with _checked(taken):
        row.clean_fields()
        row.save(force_insert=True)
    told = {name: getattr(row, name) for name in fields}
    for name, rows in (many or {}).items():
        getattr(row, name).set(rows)
        told[name] = rows
    first = {name: (None, _shown(value)) for name, value in told.items() if value not in (None, "", [], {})}
    record_server_event(row, actor=actor, action="created", changes=first)
    return row


def change_row(
    row: Row, *, actor: Actor, changes: Mapping[str, Any], taken: Taken | None = None, also: Iterable[str] = ()
) -> Row:
    """Write the fields that differ (and those that `also` move with them), and record. `row` comes from lock_row()."""
    told: dict[str, tuple[Any, Any]] = {}
    for name, value in changes.items():
        if row._meta.get_field(name).many_to_many:
            before = list(getattr(row, name).all())
            if set(before) != set(value):
                told[name] = (_shown(before), _shown(value))
                getattr(row, name).set(value)
        elif getattr(row, name) != value:
            told[name] = (_shown(getattr(row, name)), _shown(value))
            setattr(row, name, value)
    if not told:
        return row
    columns = [name for name in told if not row._meta.get_field(name).many_to_many]
    with _checked(taken):
        row.clean_fields()
        row.save(update_fields=[*columns, *also] if columns else ())
    record_server_event(row, actor=actor, action="updated", changes=told)
    return row


def delete_row(row: models.Model, *, actor: Actor, changes: Mapping[str, Any] | None = None) -> None:
    """Record and remove a row for good; `changes` tell what goes with it."""
    record_server_event(row, actor=actor, action="deleted", changes=changes)
    row.delete()


@contextmanager
def _checked(taken: Taken | None) -> Iterator[None]:
    """What a row's own validators and its unique column refuse, as our errors."""
    try:
        with transaction.atomic():
            yield
    except ValidationError as error:
        named = error.message_dict if hasattr(error, "error_dict") else {}
        problems = [FieldProblem(name, "invalid", " ".join(said)) for name, said in named.items() if name != "__all__"]
        raise Invalid(" ".join(error.messages), errors=problems) from None
    except IntegrityError as error:
        if taken is None or taken[0] not in violated(error):
            raise
        column, refused = taken
        raise refused(errors=[FieldProblem(column, refused.internal_code, refused.title)]) from None


def _shown(value: Any) -> Any:
    """A value as events tell it: rows without an id of their own by name."""
    if isinstance(value, list):
        return sorted(_shown(each) for each in value)
    if isinstance(value, Permission):
        return f"{value.content_type.app_label}.{value.codename}"
    is_named = isinstance(value, tzinfo) or (isinstance(value, models.Model) and not hasattr(value, "uuid"))
    return str(value) if is_named else value
