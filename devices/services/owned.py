"""The beats that every write of an owned row shares: lock → check → write → record the event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from config.core.errors import FieldProblem, NotFound, ReferenceNotFound
from config.core.rows import insert_rows, update_rows
from devices.actors import Actor
from devices.errors import IdAlreadyUsed, NotDeleted, RevisionMismatch
from devices.models import Device, DeviceOwnedModel
from devices.services.events import build_event, first_values, record_event, record_events
from devices.services.feed import give_back, next_revision, take_revisions

Row = TypeVar("Row", bound=DeviceOwnedModel)


def find_reference(
    model: type[Row], *, device: Device, id: UUID | None, field: str, tombstones: bool = False
) -> Row | None:
    """The live row of this device that a body refers to; None for None. A fact may name `tombstones` too.

    Raises ReferenceNotFound alike for missing, deleted and foreign ids. Call it under the feed lock.
    """
    if id is None:
        return None
    manager: Any = model.all_objects if tombstones else model.objects
    found: Row | None = manager.by_uuid(device, id)
    return found if found is not None else refuse_reference(field)


def refuse_reference(field: str) -> NoReturn:
    """Raise ReferenceNotFound for a field of a body."""
    problem = FieldProblem(field, "reference_not_found", "This id does not exist.")
    raise ReferenceNotFound(f"`{field}` refers to a row that does not exist.", errors=[problem])


def lock_device(device: Device) -> None:
    """Take the device's feed lock, to commit, before anything is read that the write depends on."""
    take_revisions(device, 0)


def writable(changes: Mapping[str, Any], allowed: frozenset[str]) -> dict[str, Any]:
    """`changes` as a dict. A field outside the whitelist is a programming error: doors check shape."""
    unknown = set(changes) - allowed
    if unknown:
        raise ValueError(f"not writable: {sorted(unknown)}")
    return dict(changes)


def settle_twin(values: dict[str, Any], *, differs: bool) -> None:
    """A twin whose code changes is judged by the unique constraint again, unless it is said to be one still."""
    if differs:
        values.setdefault("is_duplicate", False)


@transaction.atomic
def insert_owned(row: Row, *, actor: Actor, action: str = "created") -> Row:
    """Stamp, insert and record a new row. Raises IdAlreadyUsed where its wire id exists on the device."""
    row.revision = next_revision(row.device)
    if type(row).all_objects.by_uuid(row.device, row.uuid) is not None:
        raise IdAlreadyUsed(f"The id {row.uuid} is used already.")
    row.save(force_insert=True)
    record_event(row, actor=actor, action=action, changes=first_values(row))
    return row


@transaction.atomic
def insert_many_owned(
    rows: Sequence[Row],
    *,
    device: Device,
    actor: Actor,
    action: str = "created",
    actors: Sequence[Actor] | None = None,
) -> None:
    """Stamp, insert and record new rows of one device, in order, with a constant number of queries.

    The caller made sure, under the feed lock, that ids and unique values are free. `actors`: one per row.
    """
    if not rows:
        return
    revisions = take_revisions(device, len(rows))
    for row, revision in zip(rows, revisions, strict=True):
        row.revision = revision
    insert_rows(rows)
    if rows[0].pk is None:
        stored = type(rows[0]).all_objects.filter(device=device, revision__range=(revisions[0], revisions[-1]))
        for row, pk in zip(rows, stored.order_by("revision").values_list("pk", flat=True), strict=True):
            row.pk = pk
            row._state.adding = False
    each = zip(rows, actors or [actor] * len(rows), strict=True)
    record_events([build_event(row, actor=by, action=action, changes=first_values(row)) for row, by in each])


def lock_owned(row: Row, *, expected_revision: int | None = None, deleted: bool = False) -> tuple[Row, int]:
    """Lock the device's feed, then read the row afresh: (the current row, its next revision).

    Raises NotFound if it is gone meanwhile (with `deleted`: NotDeleted if it is not a tombstone),
    RevisionMismatch if it is not at expected_revision.
    """
    revision = next_revision(row.device)
    current: Row = type(row).all_objects.select_related("device").get(pk=row.pk)
    if deleted and not current.is_deleted:
        raise NotDeleted
    if not deleted and current.is_deleted:
        raise NotFound
    if expected_revision is not None and current.revision != expected_revision:
        raise RevisionMismatch(current)
    return current, revision


@transaction.atomic
def change_owned(row: Row, *, revision: int, actor: Actor, changes: Mapping[str, Any], action: str = "updated") -> Row:
    """Write the fields that differ (only those columns), stamp and record. `row` comes from lock_owned()."""
    changed = {name: (getattr(row, name), value) for name, value in changes.items() if getattr(row, name) != value}
    if not changed:
        give_back(row.device, revision)
        return row
    for name, (_, value) in changed.items():
        setattr(row, name, value)
    row.revision = revision
    row.save(update_fields=[*changed, "revision", "updated_at"])
    record_event(row, actor=actor, action=action, changes=changed)
    return row


@transaction.atomic
def change_many_owned(
    changes: Sequence[tuple[Row, Mapping[str, Any]]], *, device: Device, actor: Actor, action: str = "updated"
) -> int:
    """Write to each row the fields that differ, with a revision and an event. Returns how many rows changed.

    Queries are constant. The rows were read under the feed lock that is still held.
    """
    differing = []
    for row, values in changes:
        changed = {name: (getattr(row, name), value) for name, value in values.items() if getattr(row, name) != value}
        if changed:
            differing.append((row, changed))
    if not differing:
        return 0
    events, names = [], {"revision", "updated_at"}
    for (row, changed), revision in zip(differing, take_revisions(device, len(differing)), strict=True):
        row.revision = revision
        for name, (_, value) in changed.items():
            setattr(row, name, value)
        names |= set(changed)
        events.append(build_event(row, actor=actor, action=action, changes=changed))
    update_rows([row for row, _ in differing], sorted(names))
    record_events(events)
    return len(differing)


@transaction.atomic
def delete_owned(row: Row, *, revision: int, actor: Actor, children: Iterable[Any] = ()) -> Row:
    """Make a tombstone of the row and of its live `children` (querysets), each with its own revision."""
    now = timezone.now()
    row.revision, row.deleted_at = revision, now
    row.save(update_fields=["deleted_at", "revision", "updated_at"])
    record_event(row, actor=actor, action="deleted")
    for queryset in children:
        restamp(queryset.alive(), device=row.device, actor=actor, action="deleted", deleted_at=now)
    return row


@transaction.atomic
def restore_owned(row: Row, *, revision: int, actor: Actor, children: Iterable[Any] = ()) -> Row:
    """Bring back the row and those of its `children` that were deleted together with it."""
    deleted_at = row.deleted_at
    row.revision, row.deleted_at = revision, None
    row.save(update_fields=["deleted_at", "revision", "updated_at"])
    record_event(row, actor=actor, action="restored")
    for queryset in children:
        restamp(
            queryset.filter(deleted_at=deleted_at), device=row.device, actor=actor, action="restored", deleted_at=None
        )
    return row


def restamp(rows: Any, *, device: Device, actor: Actor, action: str, **values: Any) -> int:
    """Set the same `values` on many rows of one device, each with a revision and an event. Returns how many.

    Queries are constant. Call it under the feed lock.
    """
    found = list(rows.order_by("id"))
    events = []
    for row, revision in zip(found, take_revisions(device, len(found)) if found else (), strict=True):
        changes = {name: (getattr(row, name), value) for name, value in values.items() if name != "deleted_at"}
        row.revision = revision
        for name, value in values.items():
            setattr(row, name, value)
        events.append(build_event(row, actor=actor, action=action, changes=changes))
    if found:
        update_rows(found, [*values, "revision", "updated_at"])
        record_events(events)
    return len(found)
