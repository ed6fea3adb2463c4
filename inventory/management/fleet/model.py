"""What the server must do, in memory: every verdict of PROTOCOL §4 is predicted, every row known in the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from inventory.management.fleet.specs import SPECS, Row, Spec

Bucket = tuple[str, str, str | None]  # product, location, lot


@dataclass(slots=True)
class Record:
    """One row. `revision` is None while nobody has seen the current one."""

    data: Row
    deleted: bool = False
    twin: bool = False
    revision: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an operation must be answered."""

    status: str
    code: str = ""
    fields: frozenset[str] = frozenset()
    first: str = ""

    @property
    def retryable(self) -> bool:
        """Such a verdict is not stored."""
        return self.code == "reference_not_found"


def reject(code: str) -> Verdict:
    return Verdict("rejected", code)


APPLIED = Verdict("applied")
CONFLICT = "sync_conflict"


@dataclass(slots=True)
class Model:
    """One device's inventory as the protocol wants it, fed with every request that reaches the server."""

    rows: dict[str, dict[str, Record]] = field(default_factory=lambda: {name: {} for name in SPECS})
    levels: dict[Bucket, Decimal] = field(default_factory=dict)
    operations: dict[str, tuple[Row, Verdict]] = field(default_factory=dict)
    effects: set[str] = field(default_factory=set)  # operations that changed something: remembered for good
    graves: set[tuple[str, str]] = field(default_factory=set)  # rows whose tombstones are past the horizon
    sequences: dict[str, int] = field(default_factory=dict)
    expected: int = 1  # when the push began
    default_location: str = ""

    def open_push(self, replica: str, ops: list[Row]) -> int | None:
        """Move on in the installation's order. Returns the sequence that is expected where there is a gap."""
        start = end = self.sequences.get(replica, 1)
        for op in ops:
            sequence = op.get("sequence")
            if sequence is not None and sequence > end:
                return start
            if sequence == end:
                end += 1
        self.expected, self.sequences[replica] = start, end
        return None

    def push(self, op: Row) -> Verdict:
        """The verdict on one operation of a push, which has its effect once."""
        content = {name: value for name, value in op.items() if name not in ("op_id", "sequence")}
        if op["op_id"] in self.operations:
            known, first = self.operations[op["op_id"]]
            again = Verdict("duplicate", first.code, first=first.status)
            return again if known == content else reject("sync_op_id_reused")
        if op["op_id"] in self.effects and op.get("sequence", self.expected) < self.expected:
            return Verdict("duplicate", first="applied")
        before = self._state(op)
        verdict = self.carry_out(op)
        if verdict == APPLIED and self._state(op) != before:
            self.effects.add(op["op_id"])
        if not verdict.retryable:
            self.operations[op["op_id"]] = (content, verdict)
        return verdict

    def _state(self, op: Row) -> tuple[bool, Row] | None:
        record = self.rows.get(op["table"], {}).get(op["id"])
        return None if record is None else (record.deleted, record.data)

    def carry_out(self, op: Row) -> Verdict:
        """The verdict on one operation, and its effect."""
        spec = SPECS.get(op["table"])
        if spec is None:
            return reject("sync_unknown_table")
        write = {"create": self._create, "update": self._update, "delete": self._delete}[op["op"]]
        return write(spec, op)

    def learn(self, table: str, id: str, revision: int) -> None:
        """Somebody has seen this revision of a row just now."""
        record = self.rows[table].get(id)
        if record is not None:
            record.revision = revision

    def live(self, table: str) -> dict[str, Row]:
        """Rows that are not deleted."""
        return {id: record.data for id, record in self.rows[table].items() if not record.deleted}

    def live_levels(self) -> dict[Bucket, Decimal]:
        """The sum of every bucket whose product, location and lot are alive."""
        return {bucket: quantity for bucket, quantity in self.levels.items() if not self._is_gone(bucket)}

    def _is_gone(self, bucket: Bucket) -> bool:
        named = zip(("products", "locations", "lots"), bucket, strict=True)
        return any(id and self.rows[table][id].deleted for table, id in named)

    # --- create ---
    def _create(self, spec: Spec, op: Row) -> Verdict:
        if spec.read_only:
            return reject("sync_read_only")
        data = op["data"]
        if self._is_malformed(spec, data):
            return reject("validation_failed")
        known = self.rows[spec.name].get(op["id"])
        if known is not None:
            different = frozenset(name for name in data if known.data[name] != data[name])
            return Verdict("conflict", CONFLICT, different) if known.deleted or different else Verdict("duplicate")
        if (spec.name, op["id"]) in self.graves:
            return Verdict("duplicate") if op.get("op_id") in self.effects else Verdict("conflict", CONFLICT)
        if not self._resolves(spec, data):
            return reject("reference_not_found")
        row = {**spec.defaults, **data}
        if spec.fact:
            self._move(row)
        self.rows[spec.name][op["id"]] = Record(row, twin=self._is_taken(spec, row, op["id"]))
        return APPLIED

    def _is_malformed(self, spec: Spec, data: Row) -> bool:
        known = {*spec.defaults, *spec.references}
        return any(name not in known and name.startswith("x_") for name in data)

    def _resolves(self, spec: Spec, data: Row) -> bool:
        for name, table in spec.references.items():
            id = data.get(name)
            record = self.rows[table].get(id) if id else None
            if id and (record is None or (record.deleted and not spec.fact)):
                return False
        return True

    def _is_taken(self, spec: Spec, row: Row, id: str) -> bool:
        code = row.get(spec.code)
        if not code:
            return False
        return any(
            other != id
            and not (record.deleted or record.twin)
            and record.data[spec.code] == code
            and (not spec.within or record.data[spec.within] == row[spec.within])
            for other, record in self.rows[spec.name].items()
        )

    def _move(self, row: Row) -> None:
        """Fill in the default location and move the levels."""
        if row["kind"] == "receipt" and not row["to_location_id"]:
            row["to_location_id"] = self.default_location
        if row["kind"] == "issue" and not row["from_location_id"]:
            row["from_location_id"] = self.default_location
        for name, sign in (("from_location_id", -1), ("to_location_id", 1)):
            if row[name]:
                bucket = (row["product_id"], row[name], row["lot_id"])
                self.levels[bucket] = self.levels.get(bucket, Decimal(0)) + sign * Decimal(row["quantity"])

    # --- update ---
    def _update(self, spec: Spec, op: Row) -> Verdict:
        if spec.fact or spec.read_only:
            return reject("sync_immutable" if spec.fact else "sync_read_only")
        record = self.rows[spec.name].get(op["id"])
        if record is None:
            return reject("not_found")
        if record.deleted:
            return Verdict("conflict", CONFLICT)
        data = op["data"]
        if self._is_malformed(spec, data):
            return reject("validation_failed")
        changed = {name: value for name, value in data.items() if record.data[name] != value}
        clashing = self._clashing(record, op, changed)
        if clashing:
            return Verdict("conflict", CONFLICT, clashing)
        return self._change(spec, op["id"], record, changed) if changed else APPLIED

    def _clashing(self, record: Record, op: Row, changed: Row) -> frozenset[str]:
        base, revision = op.get("base"), op.get("base_revision")
        if base is None and revision is None:
            return frozenset()
        if revision is not None and revision == record.revision:
            return frozenset()
        if base is None:
            return frozenset(changed)
        return frozenset(name for name in changed if name not in base or base[name] != record.data[name])

    def _change(self, spec: Spec, id: str, record: Record, changed: Row) -> Verdict:
        if not self._resolves(spec, changed):
            return reject("reference_not_found")
        if changed.get("parent_id") and self._loops(spec, id, changed["parent_id"]):
            return reject("tree_has_a_loop")
        record.data = {**record.data, **changed}
        record.revision = None
        if spec.code in changed:
            record.twin = self._is_taken(spec, record.data, id)
        return APPLIED

    def _loops(self, spec: Spec, id: str, parent: str | None) -> bool:
        while parent is not None:
            if parent == id:
                return True
            parent = self.rows[spec.name][parent].data["parent_id"]
        return False

    # --- delete ---
    def _delete(self, spec: Spec, op: Row) -> Verdict:
        if spec.fact or spec.read_only:
            return reject("sync_immutable" if spec.fact else "sync_read_only")
        record = self.rows[spec.name].get(op["id"])
        if record is None or record.deleted:
            return APPLIED
        revision = op.get("base_revision")
        if revision is not None and revision != record.revision:
            return Verdict("conflict", CONFLICT)
        if spec.name == "locations":
            return self._delete_location(op["id"])
        if spec.name == "categories":
            self._unlink("products", "category_id", {op["id"]})
            self._unlink("categories", "parent_id", {op["id"]})
        if spec.name == "products":
            for child in ("barcodes", "lots"):
                self._bury(child, {id for id, data in self.live(child).items() if data["product_id"] == op["id"]})
        self._bury(spec.name, {op["id"]})
        return APPLIED

    def _bury(self, table: str, ids: set[str]) -> None:
        for id in ids:
            record = self.rows[table][id]
            record.deleted, record.revision = True, None

    def _unlink(self, table: str, name: str, ids: set[str]) -> None:
        for record in self.rows[table].values():
            if record.data[name] in ids:
                record.data, record.revision = {**record.data, name: None}, None

    def _delete_location(self, id: str) -> Verdict:
        branch = [id]
        for place in branch:
            children = self.live("locations").items()
            branch += [child for child, data in children if data["parent_id"] == place and child not in branch]
        if self.default_location in branch:
            return reject("default_location")
        if any(quantity for (_, place, _), quantity in self.live_levels().items() if place in branch):
            return reject("location_not_empty")
        self._unlink("tasks", "location_id", set(branch))
        self._bury("locations", set(branch))
        return APPLIED
