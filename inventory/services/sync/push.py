"""Push: a client's queued operations, each carried out once, through the services (PROTOCOL §4)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from uuid import UUID

from django.db import DatabaseError, transaction

from config.core.errors import AppError, Invalid, NotFound
from config.core.problems import as_app_error
from devices.actors import Actor
from devices.errors import IdAlreadyUsed
from devices.models import Device, Installation, Operation
from devices.services.feed import take_revisions
from devices.services.replay import had_effect, next_sequence, rows_forgotten, save_sequence, stored_operations
from inventory.errors import (
    SyncAtomicFailed,
    SyncConflict,
    SyncImmutable,
    SyncOpIdReused,
    SyncReadOnly,
    SyncSequenceGap,
    SyncUnknownTable,
)
from inventory.services.counting.sheets import seal_sheets
from inventory.services.positions import UNKNOWN, Position
from inventory.services.sync.batches import Entry, create_batch
from inventory.services.sync.ops import Op, Pushed, Result
from inventory.services.sync.tables import Table, Tables

logger = logging.getLogger(__name__)


@transaction.atomic
def push(
    *,
    device: Device,
    actor: Actor,
    tables: Tables,
    ops: Sequence[Op],
    installation: Installation | None = None,
    position: Position = UNKNOWN,
    atomic: bool = False,
    trusted: bool = False,
) -> Pushed:
    """Carry out operations in order under one feed lock, each on its own savepoint, each at most once.

    `position` = what the client had pulled and how far its clock is off; each fact adds its own sequence.
    `trusted`: staff release operations whose verdict was quarantine; the stored verdict does not count.

    Raises SyncSequenceGap (nothing is stored) and, with `atomic`, SyncAtomicFailed (nothing is applied).
    """
    take_revisions(device, 0)
    expected = next_sequence(installation, ops=[op.sequence for op in ops]) if installation else None
    if expected is not None and expected.gap:
        raise SyncSequenceGap(expected.start)
    stored = {} if trusted else stored_operations(device, [op.op_id for op in ops])
    replays = [op for op in ops if expected and expected.is_replay(op.sequence) and op.op_id not in stored]
    forgotten = had_effect(device, [(tables[op.table].model, op.id, op.op_id) for op in replays if op.table in tables])
    run = _Run(device, actor, tables, installation, position, stored, forgotten)
    results = run.carry_out_all(ops)
    if atomic and any(result.status in ("conflict", "rejected") for result in results):
        raise SyncAtomicFailed(results)
    if not trusted:
        Operation.objects.bulk_create(run.fresh)
    if installation and expected is not None:
        save_sequence(installation, expected.end)
        if expected.end > expected.start:
            seal_sheets(installation, actor=actor)
    head = take_revisions(device, 0).start - 1
    return Pushed(results, head, expected.end if expected else None)


def replay(op: Op, known: Operation, *, device: Device, tables: Tables) -> Result:
    """The answer to an operation whose verdict is kept: that verdict, with the row as it is now."""
    if known.fingerprint != op.fingerprint:
        return Result(op.op_id, "rejected", error=SyncOpIdReused())
    table = tables.get(op.table)
    row = table.rows(device).filter(uuid=op.id).first() if table else None
    return Result(op.op_id, "duplicate", table, row, verdict=known.status, code=known.internal_code)


@dataclass(slots=True)
class _Run:
    """One push under way: what is stored already, and what it adds."""

    device: Device
    actor: Actor
    tables: Tables
    installation: Installation | None
    position: Position
    stored: dict[UUID, Operation]
    forgotten: set[UUID]  # carried out so long ago that their verdicts are kept no more
    fresh: list[Operation] = field(default_factory=list)

    def carry_out_all(self, ops: Sequence[Op]) -> list[Result]:
        """The verdicts in order; runs of creates in one table are tried as one batch."""
        results: list[Result] = []
        while len(results) < len(ops):
            rest = ops[len(results) :]
            run = self._creates(rest)
            results += self._carry_out_batch(run) if len(run) > 1 else [self.carry_out(rest[0])]
        return results

    def _creates(self, ops: Sequence[Op]) -> Sequence[Op]:
        """The fresh creates that `ops` starts with, all of one table and of different rows."""
        ids: set[UUID] = set()
        seen: set[UUID] = set()
        for count, op in enumerate(ops):
            known = op.op_id in self.stored or op.op_id in self.forgotten
            fresh = op.op == "create" and op.error is None and not known
            if not fresh or op.table != ops[0].table or op.id in ids or op.op_id in seen:
                return ops[:count]
            ids.add(op.id)
            seen.add(op.op_id)
        table = self.tables.get(ops[0].table)
        return ops if table is not None and table.create is not None else ops[:1]

    def _carry_out_batch(self, ops: Sequence[Op]) -> list[Result]:
        """All of them at once; where that is refused, each half by itself: one bad row costs log n tries."""
        if len(ops) == 1:
            return [self.carry_out(ops[0])]
        table = self.tables[ops[0].table]
        try:
            with transaction.atomic():
                rows = self._create_all(table, ops)
        except (AppError, DatabaseError):
            half = len(ops) // 2
            return [*self._carry_out_batch(ops[:half]), *self._carry_out_batch(ops[half:])]
        results = [Result(op.op_id, "applied", table, row) for op, row in zip(ops, rows, strict=True)]
        for op, result in zip(ops, results, strict=True):
            self._keep(op, result)
        return results

    def _create_all(self, table: Table, ops: Sequence[Op]) -> list[Any]:
        ids = [op.id for op in ops]
        if table.rows(self.device).filter(uuid__in=ids).exists():
            raise IdAlreadyUsed
        if not table.fact and rows_forgotten(self.device, table.model, ids):
            raise IdAlreadyUsed
        read = partial(table.shape.read, device=self.device, partial=False)
        entries = [Entry(self.acting(op), op.id, read(op.data), self.standing(op)) for op in ops]
        return create_batch(table=table, device=self.device, installation=self.installation, entries=entries)

    def carry_out(self, op: Op) -> Result:
        """The verdict on one operation, stored unless it may be retried."""
        known = self.stored.get(op.op_id)
        if known is not None:
            return replay(op, known, device=self.device, tables=self.tables)
        if op.op_id in self.forgotten:
            table = self.tables[op.table]
            return Result(op.op_id, "duplicate", table, self.find(table, op), verdict="applied")
        result = self._attempt(op)
        if not result.retryable:
            self._keep(op, result)
        return result

    def _attempt(self, op: Op) -> Result:
        table = self.tables.get(op.table)
        try:
            if op.error is not None:
                raise op.error
            if table is None:
                raise SyncUnknownTable(f"`{op.table[:80]}` is not a synced table.")
            with transaction.atomic():
                row, fields = WRITES[op.op](self, table, op)
            status = "duplicate" if fields == DUPLICATE else "applied"
            return Result(op.op_id, status, table, row)
        except SyncConflict as conflict:
            return Result(op.op_id, "conflict", table, conflict.row, conflict, conflict.fields)
        except (AppError, DatabaseError) as error:
            refusal = as_app_error(error)
            if type(refusal) is AppError:
                logger.error("operation %s failed by a mistake of ours", op.op_id, exc_info=error)
            return Result(op.op_id, "rejected", table, error=refusal)

    def _keep(self, op: Op, result: Result) -> None:
        row = Operation(
            device=self.device,
            installation=self.installation,
            op_id=op.op_id,
            sequence=op.sequence,
            fingerprint=op.fingerprint,
            op=op.op[:10],
            table=op.table[:63],
            object_id=op.id,
            status=result.status,
            internal_code=result.error.internal_code if result.error else "",
        )
        self.fresh.append(row)
        self.stored[op.op_id] = row

    def acting(self, op: Op) -> Actor:
        """The actor, with the operation noted on the events it causes."""
        return self.actor.during(op.op_id)

    def standing(self, op: Op) -> Position:
        """Where a fact stands; a sequence means something in an installation's order only."""
        return replace(self.position, sequence=op.sequence if self.installation else None)

    def find(self, table: Table, op: Op) -> Any:
        """The row that an operation is about, or None."""
        return table.rows(self.device).filter(uuid=op.id).first()


DUPLICATE = ("duplicate",)
Written = tuple[Any, tuple[str, ...]]


def _create(run: _Run, table: Table, op: Op) -> Written:
    if table.create is None:
        raise SyncReadOnly(f"`{table.name}` flows from the server to devices only.")
    values = table.shape.read(op.data, device=run.device, partial=False)
    existing = run.find(table, op)
    if existing is not None:
        given = {name: value for name, value in values.items() if value is not None or name not in table.filled}
        different = _different(table, existing, given)
        if existing.is_deleted or different:
            raise SyncConflict(existing, different)
        return existing, DUPLICATE
    if not table.fact and (past := rows_forgotten(run.device, table.model, [op.id])):
        if op.op_id in past[op.id]:
            return None, DUPLICATE
        raise SyncConflict(None, ())
    row = table.create(
        device=run.device,
        actor=run.acting(op),
        installation=run.installation,
        id=op.id,
        position=run.standing(op),
        **values,
    )
    return run.find(table, op) or row, ()


def _update(run: _Run, table: Table, op: Op) -> Written:
    if table.fact:
        raise SyncImmutable
    if table.update is None:
        raise SyncReadOnly(f"`{table.name}` flows from the server to devices only.")
    current = run.find(table, op)
    if current is None:
        raise NotFound
    if current.is_deleted:
        raise SyncConflict(current, ())
    values = table.shape.read(op.data, device=run.device, partial=True)
    changed = _different(table, current, values)
    if not changed:
        return current, ()
    _refuse_conflict(run, table, op, current, changed)
    table.update(current, actor=run.acting(op), changes={name: values[name] for name in changed})
    return run.find(table, op), ()


def _refuse_conflict(run: _Run, table: Table, op: Op, current: Any, changed: tuple[str, ...]) -> None:
    """Compare-and-set per field: disjoint edits merge, edits of the same field are the client's to settle."""
    if op.base_revision == current.revision or (op.base is None and op.base_revision is None):
        return
    if op.base is None:
        raise SyncConflict(current, changed)
    known = {name: op.base[name] for name in changed if name in op.base}
    try:
        base = table.shape.read(known, device=run.device, partial=True)
    except Invalid:
        raise SyncConflict(current, changed) from None
    clashing = tuple(name for name in changed if name not in base or base[name] != table.value(current, name))
    if clashing:
        raise SyncConflict(current, clashing)


def _delete(run: _Run, table: Table, op: Op) -> Written:
    if table.fact:
        raise SyncImmutable
    if table.delete is None:
        raise SyncReadOnly(f"`{table.name}` flows from the server to devices only.")
    current = run.find(table, op)
    if current is None or current.is_deleted:
        return current, ()
    if op.base_revision is not None and op.base_revision != current.revision:
        raise SyncConflict(current, ())
    table.delete(current, actor=run.acting(op))
    return run.find(table, op), ()


def _different(table: Table, row: Any, values: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for name, value in values.items() if table.differs(row, name, value))


WRITES = {"create": _create, "update": _update, "delete": _delete}
