"""Rows of one device or, made by staff, of every device: the beats of owned rows for both.

A row of every device has no feed: its revision counts by itself, and server events tell of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from config.core.errors import NotFound
from devices.actors import Actor
from devices.errors import NotDeleted, RevisionMismatch
from devices.services.events import first_values, record_event
from devices.services.owned import change_owned, delete_owned, insert_owned, lock_owned, restore_owned
from devices.services.server_rows import record_server_event


@transaction.atomic
def insert_wide(row: Any, *, actor: Actor) -> None:
    """Insert a new row. Raises IdAlreadyUsed."""
    if row.device is None:
        row.revision = 1
        row.save(force_insert=True)
        record_server_event(row, actor=actor, action="created", changes=first_values(row))
    else:
        insert_owned(row, actor=actor)


def lock_wide(row: Any, *, expected_revision: int | None = None, deleted: bool = False) -> tuple[Any, int]:
    """The current row, locked, and its next revision. Raises NotFound, NotDeleted, RevisionMismatch."""
    if row.device is not None:
        return lock_owned(row, expected_revision=expected_revision, deleted=deleted)
    current = type(row).all_objects.select_for_update().get(pk=row.pk)
    if deleted and not current.is_deleted:
        raise NotDeleted
    if not deleted and current.is_deleted:
        raise NotFound
    if expected_revision is not None and current.revision != expected_revision:
        raise RevisionMismatch(current)
    return current, current.revision + 1


@transaction.atomic
def change_wide(row: Any, *, revision: int, actor: Actor, changes: Mapping[str, Any], action: str = "updated") -> Any:
    """Write the fields that differ. `row` comes from lock_wide()."""
    if row.device is not None:
        return change_owned(row, revision=revision, actor=actor, changes=changes, action=action)
    changed = {name: (getattr(row, name), value) for name, value in changes.items() if getattr(row, name) != value}
    if changed:
        for name, (_, value) in changed.items():
            setattr(row, name, value)
        touch_wide(row, revision=revision, actor=actor, action=action, changes=changed)
    return row


def touch_wide(row: Any, *, revision: int, actor: Actor, action: str, changes: Mapping[str, Any] | None = None) -> None:
    """Stamp a row whose `changes` are set already, or that stays as it is, and record it."""
    row.revision = revision
    row.save(update_fields=[*(changes or ()), "revision", "updated_at"])
    record = record_server_event if row.device is None else record_event
    record(row, actor=actor, action=action, changes=changes)


@transaction.atomic
def delete_wide(row: Any, *, revision: int, actor: Actor) -> Any:
    """Make a tombstone of it."""
    if row.device is not None:
        return delete_owned(row, revision=revision, actor=actor)
    row.deleted_at = timezone.now()
    return _marked(row, revision=revision, actor=actor, action="deleted")


@transaction.atomic
def restore_wide(row: Any, *, revision: int, actor: Actor) -> Any:
    """Bring it back."""
    if row.device is not None:
        return restore_owned(row, revision=revision, actor=actor)
    row.deleted_at = None
    return _marked(row, revision=revision, actor=actor, action="restored")


def _marked(row: Any, *, revision: int, actor: Actor, action: str) -> Any:
    row.save(update_fields=["deleted_at"])
    touch_wide(row, revision=revision, actor=actor, action=action)
    return row
