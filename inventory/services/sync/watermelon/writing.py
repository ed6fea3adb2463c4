"""Writing: one change set in one transaction; what is odd is accepted and flagged, a conflict rolls all back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import transaction

from devices.actors import Actor
from devices.models import Device, Feed, Installation
from devices.services.feed import take_revisions
from devices.services.owned import restamp
from inventory.errors import SyncConflict
from inventory.services.sync.watermelon.changes import Changes, Layouts, open_flags
from inventory.services.sync.watermelon.columns import Layout, show_id
from inventory.services.sync.watermelon.deletions import delete_rows, free_codes
from inventory.services.sync.watermelon.rows import write_rows
from inventory.services.sync.watermelon.run import Run, chunks
from inventory.services.sync.watermelon.timestamps import last_position, position

MAX_CONFLICTS = 100  # named in one answer


@transaction.atomic
def push_changes(
    *,
    device: Device,
    actor: Actor,
    layouts: Layouts,
    changes: Changes,
    last: int | None,
    installation: Installation | None = None,
) -> int:
    """Carry out a change set that was made on what was pulled at `last`. Returns the feed's head.

    Raises SyncConflict where a row was changed after that, or is a tombstone: then nothing is written.
    """
    take_revisions(device, 0)
    feed = Feed.objects.get(pk=device.pk)
    since, stands = position(last, feed) or 0, last_position(installation)
    run = Run(device, actor, layouts, installation, since, stands, flags=list(changes.flags))
    _look_up(run, changes)
    free_codes(run, changes)
    for name in layouts:
        write_rows(run, layouts[name], changes.rows.get(name, {}))
    for name in reversed(list(layouts)):
        delete_rows(run, layouts[name], changes.deleted.get(name, []))
    if run.conflicts:
        raise _conflict(run.conflicts)
    _send_again(run)
    open_flags(run.flags, device=device, actor=actor)
    return take_revisions(device, 0).start - 1


def _look_up(run: Run, changes: Changes) -> None:
    """Note how every row stands. A change of a tombstone is a conflict."""
    for name, layout in run.layouts.items():
        rows = changes.rows.get(name, {})
        run.note_prior(name, [*rows, *changes.deleted.get(name, ())])
        if layout.table.update is not None:
            dead = [id for id in rows if run.was_deleted(name, id)]
            buried = _buried(run, layout, [id for id in dead if rows[id].fresh and run.changed_since(name, id)])
            run.conflicts += [(name, id) for id in dead if id not in buried]


def _buried(run: Run, layout: Layout, ids: Sequence[UUID]) -> set[UUID]:
    """New rows that became tombstones because a parent is one: this is a replay, the next pull shows them anyway."""
    required = [name.removesuffix("_id") for name in layout.targets if not layout.columns[name].field.null]
    rows = run.stored(layout, ids) if required and ids else {}
    return {id for id, row in rows.items() if any(getattr(row, name).is_deleted for name in required)}


def _conflict(conflicts: Sequence[tuple[str, UUID]]) -> SyncConflict:
    error = SyncConflict(None)
    error.extra["conflicts"] = [{"table": name, "id": show_id(id)} for name, id in conflicts[:MAX_CONFLICTS]]
    return error


def _send_again(run: Run) -> None:
    """New revisions where the client holds another content and this push did not write the row anyway."""
    for name, ids in run.again.items():
        _restamp(run.device, run.actor, run.layouts, name, ids, revision__lte=run.since)


@transaction.atomic
def show_tombstones(*, device: Device, actor: Actor, layouts: Layouts, changes: Changes) -> None:
    """After a conflict: give the tombstones among the pushed rows a new revision, so that the next pull shows them."""
    take_revisions(device, 0)
    for name, rows in changes.rows.items():
        if layouts[name].table.update is not None:
            _restamp(device, actor, layouts, name, rows, deleted_at__isnull=False)


def _restamp(device: Device, actor: Actor, layouts: Layouts, name: str, ids: Iterable[UUID], **only: object) -> None:
    model = layouts[name].table.model
    for chunk in chunks(list(ids)):
        rows = model.all_objects.for_device(device).filter(uuid__in=chunk, **only)
        restamp(rows, device=device, actor=actor, action="sent_again")
