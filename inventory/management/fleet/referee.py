"""Watches every request that reaches the server: each answer must be the one that the model predicts."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

from inventory.management.fleet.client import Answer
from inventory.management.fleet.faults import Send
from inventory.management.fleet.model import Model, Record, Verdict
from inventory.management.fleet.specs import SPECS, Divergence, Row

OK, GAP = 200, 409


class Referee:
    """Between one installation's line and the server."""

    def __init__(self, send: Send, *, replica: str, model: Model, tally: Counter[str]) -> None:
        self.deliver, self.replica, self.model, self.tally = send, replica, model, tally

    def send(self, method: str, path: str, body: Row | None = None) -> Answer:
        """Deliver and judge. Raises Divergence."""
        status, answer = self.deliver(method, path, body)
        if body is not None and path == "/v1/sync/push":
            self.tally["pushes"] += 1
            self._judge_push(body["ops"], status, answer)
        elif path.startswith("/v1/sync/changes"):
            self.tally["pulls"] += 1
            if status == OK:
                query = parse_qs(urlsplit(path).query)
                self._judge_page(query.get("cursor", [""])[0], int(query["limit"][0]), answer)
        return status, answer

    # --- pushes ---
    def _judge_push(self, ops: list[Row], status: int, answer: Row) -> None:
        expected = self.model.open_push(self.replica, ops)
        if expected is not None:
            if status != GAP or answer["internal_code"] != "sync_sequence_gap" or answer["expected"] != expected:
                self._fail(f"a push with a gap before {expected} was answered {status} {answer}")
            self.tally["gaps"] += 1
            return
        if status != OK or answer["next_sequence"] != self.model.sequences[self.replica]:
            self._fail(f"a push of {len(ops)} operations was answered {status} {answer}")
        for op, result in zip(ops, answer["results"], strict=True):
            self._judge_result(op, result, self.model.push(op), answer["head"])

    def _judge_result(self, op: Row, result: Row, verdict: Verdict, head: int) -> None:
        self.tally[f"op_{result['status']}"] += 1
        self.tally[f"first_{verdict.status}"] += 1
        got = (result["status"], result.get("internal_code", ""), frozenset(result.get("fields", ())))
        want = (verdict.status, verdict.code, verdict.fields)
        if got != want or (verdict.first and result.get("verdict") != verdict.first):
            self._fail(f"{op}\nwas answered {result}\nthe model says {verdict}")
        if result["status"] == "rejected":
            if result["retryable"] != verdict.retryable:
                self._fail(f"{op}\nwas rejected with {result}\nthe model says retryable={verdict.retryable}")
        elif result["row"] is not None:
            if result["row"]["revision"] > head:
                self._fail(f"{op}\nwas answered with a revision above the head {head}: {result}")
            self._judge_row(op["table"], op["id"], result["row"])
        elif op["table"] in SPECS and op["id"] in self.model.rows[op["table"]]:
            self._fail(f"{op}\nwas answered without the row: {result}")

    # --- pages ---
    def _judge_page(self, cursor: str, limit: int, page: Row) -> None:
        last = int(cursor.split(".")[2]) if cursor else 0
        if len(page["changes"]) > limit or (page["has_more"] and len(page["changes"]) < limit):
            self._fail(f"a page of {limit} has {len(page['changes'])} rows, has_more={page['has_more']}")
        for change in page["changes"]:
            if not last < change["revision"] <= page["head"]:
                self._fail(f"revision {change['revision']} came after {last} with head {page['head']}: {change}")
            last = change["revision"]
            if change["data"] is not None and change["data"]["revision"] != last:
                self._fail(f"a change and its row have two revisions: {change}")
            self.tally["rows"] += 1
            self._judge_row(change["table"], change["id"], change["data"])
        if not page["has_more"]:
            self._judge_counts(page.get("counts"))

    def _judge_counts(self, counts: dict[str, int] | None) -> None:
        expected = {name: len(self.model.live(name)) for name in SPECS}
        expected["stock_levels"] = len(self.model.live_levels())
        if counts != expected:
            self._fail(f"the server counts {counts}\nthe model {expected}")

    # --- rows ---
    def _judge_row(self, table: str, id: str, row: Row | None) -> None:
        """A row as the server just showed it; None is a tombstone."""
        if table == "stock_levels":
            self._judge_level(row)
            return
        record = self.model.rows[table].get(id) or self._first_location(table, id, row)
        shown = None if row is None or row["deleted_at"] is not None else row
        if record is None or record.deleted != (shown is None):
            self._fail(f"{table} {id} is {row}\nthe model says {record}")
        elif shown is not None:
            wrong = {name: value for name, value in record.data.items() if shown[name] != value}
            if wrong or shown.get("is_duplicate", record.twin) != record.twin:
                self._fail(f"{table} {id} is {row}\nthe model says {wrong or record}")
        if row is not None:
            self.model.learn(table, id, row["revision"])

    def _first_location(self, table: str, id: str, row: Row | None) -> Record | None:
        """The default location is the one row that the server makes by itself."""
        if table != "locations" or row is None or not row["is_default"] or self.model.default_location:
            return None
        spec = SPECS[table]
        record = Record({name: row[name] for name in (*spec.defaults, "name")})
        self.model.rows[table][id], self.model.default_location = record, id
        return record

    def _judge_level(self, row: Row | None) -> None:
        if row is None:
            return  # a tombstone names no bucket; the last comparison tells
        bucket = (row["product_id"], row["location_id"], row["lot_id"])
        quantity = self.model.live_levels().get(bucket)
        if quantity is None or Decimal(row["quantity"]) != quantity:
            self._fail(f"the level {row} should be {quantity}")

    def _fail(self, text: str) -> None:
        raise Divergence(f"installation {self.replica}: {text}")
