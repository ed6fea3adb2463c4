"""What an installation keeps: the server's rows as pulled, its queue, its cursor; on disk, and in memory since."""

from __future__ import annotations

from dataclasses import dataclass, field

from inventory.management.fleet.specs import SPECS, Row

Synced = dict[str, dict[str, Row]]


@dataclass(slots=True)
class State:
    """All that survives a crash once it was kept. Rows and operations are replaced, never changed in place."""

    synced: Synced = field(default_factory=lambda: {name: {} for name in SPECS})
    outbox: list[Row] = field(default_factory=list)
    sequence: int = 1
    cursor: str | None = None

    def copy(self) -> State:
        """Another state with the same rows."""
        synced = {name: dict(rows) for name, rows in self.synced.items()}
        return State(synced, list(self.outbox), self.sequence, self.cursor)


class Store:
    """The replica of one installation. `local` is what its people see: server rows with the queue on top.

    `seen` holds, during a full pull, the ids that came: what did not come is dropped at its end. Until then
    the cursor is not kept, so that a crash in the middle starts the full pull again.
    """

    def __init__(self) -> None:
        self.memory = State()
        self.disk = State()
        self.local: Synced = {name: {} for name in SPECS}
        self.seen: set[tuple[str, str]] | None = None

    # --- crashes ---
    def keep(self) -> None:
        """Everything so far is on disk."""
        self.disk = self.memory.copy()
        if self.seen is not None:
            self.disk.cursor = None

    def crash(self) -> None:
        """Memory is lost; the disk is what is left."""
        self.memory = self.disk.copy()
        self.seen = None
        self.local = {name: {} for name in SPECS}
        for table, rows in self.memory.synced.items():
            self.local[table] = dict(rows)
        for op in self.memory.outbox:
            self.show(op["table"], op["id"])

    # --- the queue ---
    def enqueue(self, op: Row) -> Row:
        """Add an operation with the next sequence; kept at once, as an app must."""
        numbered = {**op, "sequence": self.memory.sequence}
        self.memory.sequence += 1
        self.memory.outbox.append(numbered)
        self.disk.outbox.append(numbered)
        self.disk.sequence = self.memory.sequence
        self.show(op["table"], op["id"])
        return numbered

    def settle(self, op: Row) -> None:
        """The operation has its final verdict."""
        self.memory.outbox = [other for other in self.memory.outbox if other["op_id"] != op["op_id"]]
        self.show(op["table"], op["id"])

    def show(self, table: str, id: str) -> None:
        """Compute the local row anew: the server's with what is queued for it on top."""
        row: Row | None = self.memory.synced[table].get(id)
        for op in self.memory.outbox:
            if op["id"] != id or op["table"] != table:
                continue
            if op["op"] == "create":
                row = row or {**SPECS[table].defaults, **op["data"], "id": id}
            elif op["op"] == "update":
                row = {**row, **op["data"]} if row else None
            else:
                row = None
        if row is None:
            self.local[table].pop(id, None)
        else:
            self.local[table][id] = row

    # --- the server's rows ---
    def take_row(self, table: str, id: str, row: Row | None) -> None:
        """A row as the server has it now; None or a row with deleted_at is a tombstone."""
        known = self.memory.synced[table].get(id)
        if row is None or row["deleted_at"] is not None:
            self.memory.synced[table].pop(id, None)
        elif known is None or row["revision"] >= known["revision"]:
            self.memory.synced[table][id] = row
        self.show(table, id)

    def start_full_pull(self) -> None:
        """Forget the cursor: everything comes again, what does not come is gone."""
        self.memory.cursor = None
        self.seen = set()

    def finish_full_pull(self) -> None:
        """Drop the rows that did not come."""
        if self.seen is None:
            return
        for table, rows in self.memory.synced.items():
            for id in [id for id in rows if (table, id) not in self.seen]:
                self.take_row(table, id, None)
        self.seen = None

    def queued(self) -> list[Row]:
        """The operations that wait, in order."""
        return self.memory.outbox
