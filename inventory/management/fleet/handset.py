"""The client of the sync protocol: push the queue, pull the feed, settle conflicts (PROTOCOL §3, §4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from urllib.parse import urlencode
from uuid import UUID

from inventory.management.fleet.faults import Line
from inventory.management.fleet.specs import SPECS, TABLES, Divergence, Row
from inventory.management.fleet.store import Store

OK, GAP, GONE = 200, 409, 410
LIMITS = (3, 20, 100, 500)
BATCHES = (1, 7, 50, 500)
ROUNDS = 50


class Handset:
    """One installation: its store, its line, its clock (`skew` off the server's), its way with conflicts."""

    def __init__(self, name: str, *, line: Line, random: Random, skew: timedelta, server_wins: bool) -> None:
        self.name, self.line, self.random = name, line, random
        self.skew, self.server_wins = skew, server_wins
        self.store = Store()
        self.stuck: set[str] = set()  # op_ids that were told to try again later

    def new_id(self) -> str:
        """A fresh UUID from the seed."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def sync(self) -> None:
        """Push everything, then pull everything. Raises Lost, Crash, Divergence."""
        self.push()
        self.pull()
        self.mend()

    # --- push ---
    def push(self) -> None:
        """Send the queue in order, until nothing is left that the server would take now."""
        tried: set[str] = set()
        while waiting := [op for op in self.store.queued() if op["op_id"] not in tried]:
            batch = waiting[: self.random.choice(BATCHES)]
            if len(waiting) > len(batch) and self.line.hits("reorder"):
                self._push_too_early(waiting[len(batch) :][:500])
            self._push_batch(batch)
            tried |= {op["op_id"] for op in batch}

    def _push_too_early(self, later: list[Row]) -> None:
        """The network turns two pushes round: the second must be refused whole."""
        status, answer = self.line.send("POST", "/v1/sync/push", self._body(later))
        if status == GAP and answer["expected"] >= later[0]["sequence"]:
            raise Divergence(f"{self.name}: a push from {later[0]['sequence']} was answered {status} {answer}")

    def _push_batch(self, batch: list[Row]) -> None:
        status, answer = self.line.send("POST", "/v1/sync/push", self._body(batch))
        if status == GAP and answer.get("internal_code") == "sync_sequence_gap":
            raise Divergence(f"{self.name}: the server expects {answer['expected']}, the queue starts later: lost")
        if status != OK or len(answer["results"]) != len(batch):
            raise Divergence(f"{self.name}: a push was answered {status} {answer}")
        for op, result in zip(batch, answer["results"], strict=True):
            if result["op_id"] != op["op_id"]:
                raise Divergence(f"{self.name}: results are out of order: {op['op_id']} got {result}")
            self._settle(op, result)
        self.line.step()
        self.store.keep()

    def _body(self, ops: list[Row]) -> Row:
        clock = datetime.now(UTC) + self.skew
        return {"client_time": clock.isoformat(), "base": self.store.memory.cursor, "ops": ops}

    def _settle(self, op: Row, result: Row) -> None:
        verdict = result.get("verdict", result["status"])
        if result["status"] == "rejected" and result["retryable"]:
            self.stuck.add(op["op_id"])
            return
        self.stuck.discard(op["op_id"])
        if result.get("row") is not None:
            self.store.take_row(op["table"], op["id"], result["row"])
        self.store.settle(op)
        if verdict == "conflict" and not self.server_wins:
            self._merge(op, result.get("row"))
        if result["status"] == "applied":
            self._prove(op, result.get("row"))

    def _prove(self, op: Row, row: Row | None) -> None:
        wrong = [name for name, value in op.get("data", {}).items() if row is None or row[name] != value]
        # A receipt or issue may leave its side to the server.
        wrong = [name for name in wrong if op["data"][name] is not None or not SPECS[op["table"]].fact]
        if wrong and op["op"] != "delete":
            raise Divergence(f"{self.name}: {op} was applied, but the answer shows {row}")

    def _merge(self, op: Row, row: Row | None) -> None:
        """Send the change again, on top of the server's row."""
        if row is None or row["deleted_at"] is not None or op["op"] == "create":
            return
        again = {"op_id": self.new_id(), "op": op["op"], "table": op["table"], "id": op["id"]}
        if op["op"] == "update":
            base = {name: row[name] for name in op["data"]}
            again |= {"data": op["data"], "base": base}
        self.store.enqueue({**again, "base_revision": row["revision"]})

    # --- pull ---
    def pull(self) -> None:
        """Follow the feed to its end."""
        if self.line.hits("resync"):
            self._damage_cursor()
        if self.store.memory.cursor is None:
            self.store.start_full_pull()
        for _ in range(100_000):
            if not self._pull_page():
                return
        raise Divergence(f"{self.name}: the feed never ends")

    def _damage_cursor(self) -> None:
        """As after a restore of the server from an old backup: the cursor is of another life."""
        parts = (self.store.memory.cursor or "1.1.0.0").split(".")
        self.store.memory.cursor = f"1.{int(parts[1]) + 1}.{parts[2]}.{parts[3]}"

    def _pull_page(self) -> bool:
        query = {"limit": str(self.random.choice(LIMITS)), "tables": TABLES}  # those it knows
        if self.store.memory.cursor is not None:
            query["cursor"] = self.store.memory.cursor
        status, page = self.line.send("GET", f"/v1/sync/changes?{urlencode(query)}")
        if status == GONE and page["internal_code"] == "sync_resync_required":
            self.store.start_full_pull()
            return True
        if status != OK:
            raise Divergence(f"{self.name}: a pull was answered {status} {page}")
        for change in page["changes"]:
            self.store.take_row(change["table"], change["id"], change["data"])
            if self.store.seen is not None:
                self.store.seen.add((change["table"], change["id"]))
        self.store.memory.cursor = page["cursor"]
        if not page["has_more"]:
            self.store.finish_full_pull()
            self._check_counts(page["counts"])
        self.line.step()
        self.store.keep()
        return bool(page["has_more"])

    def _check_counts(self, counts: dict[str, int]) -> None:
        mine = {table: len(self.store.memory.synced[table]) for table in counts}
        if counts != mine:
            raise Divergence(f"{self.name}: the server counts {counts}, the replica {mine}")

    # --- what waits for a row that will never come ---
    def mend(self) -> None:
        """Operations told to try again: drop or empty the references that are gone for good."""
        for op in [op for op in self.store.queued() if op["op_id"] in self.stuck]:
            spec = SPECS[op["table"]]
            named = {name: table for name, table in spec.references.items() if op.get("data", {}).get(name)}
            gone = {name for name, table in named.items() if op["data"][name] not in self.store.local[table]}
            if spec.fact:
                gone &= {"lot_id"}  # a fact may name what is deleted, not what never was
            if not gone:
                continue
            self.stuck.discard(op["op_id"])
            self.store.settle(op)
            if gone & spec.required:
                continue
            data = {name: value for name, value in op["data"].items() if name not in gone}
            if data:
                self.store.enqueue({**op, "op_id": self.new_id(), "data": data})
        self.store.keep()
