"""Rows: created and updated ones are written through the services; whether a row exists decides which it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from devices.services.replay import rows_forgotten
from inventory.services.sync.batches import Entry, create_batch
from inventory.services.sync.tables import Values
from inventory.services.sync.watermelon.changes import Row
from inventory.services.sync.watermelon.columns import Layout, milliseconds, read_id
from inventory.services.sync.watermelon.mending import Mended, cannot_be_stored, mend_row, name_the_nameless
from inventory.services.sync.watermelon.order import tree_levels
from inventory.services.sync.watermelon.parents import Parents, bury, find_parents, is_placeholder, settle_parents
from inventory.services.sync.watermelon.run import FACTS_STAY, FLOWS_DOWN, Run, chunks

OWN_TIMES = ("created_at", "updated_at")  # both sides keep their own; a difference means nothing


def write_rows(run: Run, layout: Layout, rows: dict[UUID, Row]) -> None:
    """All created and updated rows of one table, parents before children."""

    def parent(row: Row) -> UUID | None:
        above = row.raw.get(layout.tree)
        return read_id(above) if isinstance(above, str) else None

    for level in tree_levels(rows, parent):
        for chunk in chunks(level):
            _write_chunk(run, layout, [row for row in chunk if not run.was_deleted(layout.table.name, row.id)])


def _write_chunk(run: Run, layout: Layout, rows: Sequence[Row]) -> None:
    stored = run.stored(layout, [row.id for row in rows])
    mended = {row.id: mend_row(layout, row.raw, device=run.device) for row in rows}
    fresh = [row for row in rows if row.id not in stored]
    for row in fresh:
        name_the_nameless(layout, mended[row.id], row.id)
    parents = find_parents(run, layout, mended.values())
    for row in rows:
        if row.id in stored:
            _Update(run, layout, row, stored[row.id], mended[row.id], parents).carry_out()
    if layout.table.create is None:
        for row in fresh:
            run.flag(layout, row.id, [FLOWS_DOWN], row.raw)
        return
    gone = {} if layout.table.fact else rows_forgotten(run.device, layout.table.model, [row.id for row in fresh])
    for row in fresh:
        if row.id in gone:
            _bury_again(run, layout, row, mended[row.id], parents)
    ready = [row for row in fresh if row.id not in gone and _prepare(run, layout, row, mended[row.id], parents)]
    _insert(run, layout, ready, mended)


# --- new rows ---
def _prepare(run: Run, layout: Layout, row: Row, mended: Mended, parents: Parents) -> bool:
    """Whether a row can be created as an ordinary one; if not, it is dealt with here."""
    if cannot_be_stored(layout, mended.values):
        run.flag(layout, row.id, [*mended.reasons, "it cannot be stored"], row.raw)
        return False
    dead = settle_parents(run, layout, mended, parents)
    if dead is None:
        return True
    bury(run, layout, row.id, mended.values, parents=parents, deleted_at=dead.deleted_at)
    run.flag(layout, row.id, mended.reasons, row.raw)
    return False


def _bury_again(run: Run, layout: Layout, row: Row, mended: Mended, parents: Parents) -> None:
    """A row that was deleted so long ago that its tombstone is gone: it gets one again, the next pull shows it."""
    required = (name for name in layout.targets if not layout.columns[name].field.null)
    if all((name, mended.values[name]) in parents for name in required):
        dead = settle_parents(run, layout, mended, parents)
        deleted_at = dead.deleted_at if dead is not None else timezone.now()
        bury(run, layout, row.id, mended.values, parents=parents, deleted_at=deleted_at)
    run.flag(layout, row.id, [*mended.reasons, "it was deleted long ago"], row.raw)


def _insert(run: Run, layout: Layout, rows: Sequence[Row], mended: dict[UUID, Mended]) -> None:
    """All at once; where that is refused, each half by itself: one odd row costs log n tries."""
    if not rows:
        return
    if len(rows) == 1:
        _insert_one(run, layout, rows[0], mended[rows[0].id])
        return

    def insert(*, actor: Any) -> None:
        entries = [Entry(actor, row.id, mended[row.id].values, run.position) for row in rows]
        create_batch(table=layout.table, device=run.device, installation=run.installation, entries=entries)

    if run.attempt(insert) is None:
        for row in rows:
            run.flag(layout, row.id, mended[row.id].reasons, row.raw)
        return
    half = len(rows) // 2
    _insert(run, layout, rows[:half], mended)
    _insert(run, layout, rows[half:], mended)


def _insert_one(run: Run, layout: Layout, row: Row, mended: Mended) -> None:
    def create() -> Any:
        service: Any = layout.table.create
        who = {"device": run.device, "installation": run.installation, "position": run.position}
        return run.attempt(service, **who, id=row.id, **mended.values)

    refusal = create()
    if refusal is not None and not layout.table.fact and mended.values.get(layout.tree) is not None:
        mended.drop(layout.tree, refusal.internal_code)
        refusal = create()
    lost = [] if refusal is None else [f"it cannot be stored: {refusal.internal_code}"]
    run.flag(layout, row.id, [*mended.reasons, *lost], row.raw)


# --- known rows ---
@dataclass(slots=True)
class _Update:
    """A pushed row meets the one that is stored."""

    run: Run
    layout: Layout
    row: Row
    current: Any
    mended: Mended
    parents: Parents

    def carry_out(self) -> None:
        """Write what differs. What the client holds and the server does not take comes back with the next pull."""
        table = self.layout.table
        if table.fact:
            self._compare_fact()
        elif table.update is None:
            if not self._echoes():
                self.run.refuse(self.layout, self.current, [FLOWS_DOWN], self.row.raw)
        elif self.current.is_deleted:  # by this push, together with its parent: the next pull shows it
            self.run.flag(self.layout, self.row.id, ["deleted by the same push"], self.row.raw)
        else:
            self._write()

    def _compare_fact(self) -> None:
        """A replay says nothing new: what it leaves open or what was mended is as it was the first time."""
        settle_parents(self.run, self.layout, self.mended, self.parents)
        differs = _different(self.layout, self.current, self.mended.values)
        if any(value is not None for value in differs.values()):
            self.run.refuse(self.layout, self.current, [FACTS_STAY], self.row.raw)

    def _write(self) -> None:
        run, layout, mended = self.run, self.layout, self.mended
        mended.values = _different(layout, self.current, mended.values)
        if settle_parents(run, layout, mended, self.parents) is not None:
            mended.values = {name: value for name, value in mended.values.items() if name not in layout.targets}
        changes = _different(layout, self.current, mended.values)
        refused = _change(run, layout, self.current, changes)
        reasons = [*mended.reasons, *refused]
        if len(refused) < len(changes):
            if run.changed_since(layout.table.name, self.row.id) and not self._takes_its_place():
                run.conflicts.append((layout.table.name, self.row.id))
            run.flag(layout, self.row.id, reasons, self.row.raw)
        elif reasons:
            run.refuse(layout, self.current, reasons, self.row.raw)
        elif not self._echoes():
            run.once_more(layout, self.current)

    def _takes_its_place(self) -> bool:
        """The real row comes where a placeholder was made up."""
        return self.row.fresh and is_placeholder(self.current)

    def _echoes(self) -> bool:
        """Whether the client holds what the server has."""
        return all(
            column.same(self.row.raw[name], self.layout.table.value(self.current, name))
            for name, column in self.layout.columns.items()
            if name in self.row.raw and name not in OWN_TIMES
        )


def _change(run: Run, layout: Layout, current: Any, changes: Values) -> list[str]:
    """Update all columns at once, or else those that can be. Returns what was refused."""
    service: Any = layout.table.update
    refusal = run.attempt(service, current, changes=changes) if changes else None
    if refusal is None:
        return []
    if len(changes) == 1:
        return [f"{next(iter(changes))}: {refusal.internal_code}"]
    return [reason for name in changes for reason in _change(run, layout, current, {name: changes[name]})]


def _different(layout: Layout, current: Any, values: Values) -> Values:
    found: Values = {}
    for name, value in values.items():
        known = layout.table.value(current, name)
        if isinstance(known, datetime) and isinstance(value, datetime):  # JavaScript knows no microseconds
            same = milliseconds(known) == milliseconds(value)
        else:
            same = not layout.table.differs(current, name, value)
        if not same:
            found[name] = value
    return found
