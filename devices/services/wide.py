"""Rows of one device or, made by staff, of every device: the beats of owned rows for both.

A row of every device has no feed: its revision counts by itself, and no event tells of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from config.core.errors import NotFound
from devices.actors import Actor
from devices.errors import NotDeleted, RevisionMismatch
from devices.services.owned import change_owned, delete_owned, insert_owned, lock_owned, restore_owned


@transaction.atomic
def insert_wide(row: Any, *, actor: Actor) -> None:
    """Insert a new row. Raises IdAlreadyUsed."""
    if row.device is None:
        row.revision = 1
        row.save(force_insert=True)
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
    changed = {name: value for name, value in changes.items() if getattr(row, name) != value}
    if changed:
        for name, value in changed.items():
            setattr(row, name, value)
        row.revision = revision
        row.save(update_fields=[*changed, "revision", "updated_at"])
    return row


@transaction.atomic
def delete_wide(row: Any, *, revision: int, actor: Actor) -> Any:
    """Make a tombstone of it."""
    if row.device is not None:
        return delete_owned(row, revision=revision, actor=actor)
    return change_wide(row, revision=revision, actor=actor, changes={"deleted_at": timezone.now()})


@transaction.atomic
def restore_wide(row: Any, *, revision: int, actor: Actor) -> Any:
    """Bring it back."""
    if row.device is not None:
        return restore_owned(row, revision=revision, actor=actor)
    return change_wide(row, revision=revision, actor=actor, changes={"deleted_at": None})
