"""Any history of two or three replicas and the staff, step by step against the model: they always converge."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from devices.services.enrollment import Wish, create_enrollment_code, register_device
from inventory.api.tables import TABLES
from inventory.management.fleet.faults import Crash, Line, Lost, Rates
from inventory.management.fleet.handset import Handset
from inventory.management.fleet.model import Model
from inventory.management.fleet.referee import Referee
from inventory.management.fleet.specs import SPECS, Row
from inventory.management.fleet.staff import BOSS, ServiceStaff
from inventory.management.fleet.work import EDITS
from inventory.services.ledger import prove_ledger
from inventory.services.sync.horizon import purge_horizon
from tests import factories
from tests.conftest import client_with

NAMES = st.sampled_from(["A", "B", "C"])
CODES = st.sampled_from(["X-1", "X-2"])
PICKS = st.integers(0, 30)
WHO = st.integers(0, 2)
ROOTS = st.sampled_from(["categories", "products", "locations", "tasks"])
BASES = st.sampled_from(["both", "base", "revision", ""])
FAULTS = st.sampled_from(["lost_request", "lost_answer", "duplicate", "reorder", "stale", "crash", "resync"])
MOMENT = "2026-03-01T12:00:00Z"


def wire(token: str) -> Any:
    """The test client as a line to the server."""
    api = client_with(token)

    def send(method: str, path: str, body: Row | None = None) -> tuple[int, Row]:
        response = api.generic(method, path) if body is None else api.post(path, body, format="json")
        return response.status_code, response.json()

    return send


class Replicas(RuleBasedStateMachine):
    """The referee compares every answer with the model; at the end every replica equals it."""

    @initialize(count=st.integers(2, 3), policies=st.lists(st.booleans(), min_size=3, max_size=3))
    def enrol(self, count: int, policies: list[bool]) -> None:
        cache.clear()  # counts are kept per device, and a device of an example before had the same number
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        self.model, self.tally = Model(), Counter[str]()
        enrolled = [factories.enrol()]
        self.device = enrolled[0].installation.device
        _, code = create_enrollment_code(actor=BOSS, device=self.device, max_uses=count)
        enrolled += [register_device(Wish(enrollment_code=code)) for _ in range(count - 1)]
        self.staff = ServiceStaff(str(self.device.uuid))
        self.handsets = []
        for number, one in enumerate(enrolled):
            random = Random(number)  # noqa: S311  # only for ids; hypothesis decides all else
            referee = Referee(wire(one.token), replica=str(number), model=self.model, tally=self.tally)
            line = Line(referee.send, random=random, rates=Rates(*[0.0] * 7), tally=self.tally)
            line.is_quiet = True
            skew = timedelta(minutes=-7 * number)
            self.handsets.append(
                Handset(str(number), line=line, random=random, skew=skew, server_wins=policies[number])
            )
        self.handsets[0].sync()
        self.begin()

    def begin(self) -> None:
        """Some of everything, known to all."""
        first = self.handsets[0]
        for table in ("categories", "locations", "tasks", "products", "products"):
            self.queue(first, op="create", table=table, data={"title" if table == "tasks" else "name": "First"})
        for number in range(2):
            product = self.pick(first, "products", number)
            for table in ("barcodes", "lots"):
                self.queue(first, op="create", table=table, data={"product_id": product, SPECS[table].code: "X-1"})
            self.move(who=0, kind="receipt", quantity="1", n=number, m=number, with_lot=True)
        for handset in self.handsets:
            handset.sync()

    def handset(self, who: int) -> Handset:
        return self.handsets[who % len(self.handsets)]

    def pick(self, handset: Handset, table: str, number: int) -> str | None:
        """The row number `number` of what this replica shows."""
        rows = sorted(handset.store.local[table])
        return rows[number % len(rows)] if rows else None

    def queue(self, handset: Handset, **op: Any) -> str:
        id = op.pop("id", None) or handset.new_id()
        handset.store.enqueue({"op_id": handset.new_id(), "id": id, **op})
        return str(id)

    # --- offline work ---
    @rule(
        who=WHO,
        table=st.sampled_from(["categories", "products", "locations", "tasks"]),
        name=NAMES,
        code=CODES,
        n=PICKS,
    )
    def create(self, who: int, table: str, name: str, code: str, n: int) -> None:
        handset = self.handset(who)
        data: Row = {"title" if table == "tasks" else "name": name}
        if SPECS[table].code:
            data[SPECS[table].code] = code
        for reference, target in SPECS[table].references.items():
            data[reference] = self.pick(handset, target, n) if n % 2 else None
        self.queue(handset, op="create", table=table, data=data)

    @rule(who=WHO, table=st.sampled_from(["barcodes", "lots"]), code=CODES, n=PICKS)
    def create_part(self, who: int, table: str, code: str, n: int) -> None:
        handset = self.handset(who)
        product = self.pick(handset, "products", n)
        if product is not None:
            self.queue(handset, op="create", table=table, data={"product_id": product, SPECS[table].code: code})

    @rule(
        who=WHO,
        kind=st.sampled_from(["receipt", "issue", "transfer", "adjustment"]),
        quantity=st.sampled_from(["1", "2.5", "0.000001"]),
        n=PICKS,
        m=PICKS,
        with_lot=st.booleans(),
    )
    def move(self, *, who: int, kind: str, quantity: str, n: int, m: int, with_lot: bool) -> None:
        handset = self.handset(who)
        product, lot = self.pick(handset, "products", n), self.pick(handset, "lots", m)
        places = [self.pick(handset, "locations", n), self.pick(handset, "locations", m)]
        if product is None or None in places or (kind == "transfer" and places[0] == places[1]):
            return
        data = {"product_id": product, "kind": kind, "quantity": quantity, "occurred_at": MOMENT}
        if kind in ("issue", "transfer"):
            data["from_location_id"] = str(places[0])
        if kind in ("receipt", "transfer", "adjustment"):
            data["to_location_id"] = str(places[1])
        if with_lot and lot is not None:
            data["lot_id"] = lot
        self.queue(handset, op="create", table="stock_movements", data=data)

    @rule(
        who=WHO,
        table=st.sampled_from(sorted(EDITS)),
        n=PICKS,
        value=PICKS,
        base=st.sampled_from(["both", "base", "revision", ""]),
    )
    def edit(self, who: int, table: str, n: int, value: int, base: str) -> None:
        handset = self.handset(who)
        id = self.pick(handset, table, n)
        if id is None:
            return
        name = sorted(EDITS[table])[value % len(EDITS[table])]
        choices = EDITS[table][name]
        new: Any = f"{name} {value}"
        if isinstance(choices, str):
            new = self.pick(handset, choices, value)
        elif choices:
            new = choices[value % len(choices)]
        if new == id:
            return
        row = handset.store.local[table][id]
        members: Row = {}
        if base in ("both", "base"):
            members["base"] = {name: row[name]}
        if base in ("both", "revision") and "revision" in row:
            members["base_revision"] = row["revision"]
        self.queue(handset, op="update", table=table, id=id, data={name: new}, **members)

    @rule(table=st.sampled_from(["products", "tasks", "categories"]), n=PICKS, bases=st.tuples(BASES, BASES))
    def two_edit_the_same(self, table: str, n: int, bases: tuple[str, str]) -> None:
        """The same column of the same row, on two replicas that know the same of it."""
        first, second = self.handsets[:2]
        shared = sorted(first.store.local[table].keys() & second.store.local[table].keys())
        if not shared:
            return
        id, column = shared[n % len(shared)], "title" if table == "tasks" else "name"
        for handset, base in zip((first, second), bases, strict=True):
            row = handset.store.local[table][id]
            members: Row = {"base": {column: row[column]}} if base in ("both", "base") else {}
            if base in ("both", "revision") and "revision" in row:
                members["base_revision"] = row["revision"]
            data = {column: f"by {handset.name} at {n}"}
            self.queue(handset, op="update", table=table, id=id, data=data, **members)

    @rule(who=WHO, table=st.sampled_from(sorted(EDITS)), n=PICKS, careful=st.booleans())
    def delete(self, who: int, table: str, n: int, careful: bool) -> None:
        handset = self.handset(who)
        id = self.pick(handset, table, n)
        if id is None:
            return
        row = handset.store.local[table][id]
        base = {"base_revision": row["revision"]} if careful and "revision" in row else {}
        self.queue(handset, op="delete", table=table, id=id, **base)

    # --- the network ---
    @rule(who=WHO)
    def sync(self, who: int) -> None:
        self.handset(who).sync()

    @rule(who=WHO)
    def pull(self, who: int) -> None:
        self.handset(who).pull()

    @rule(who=WHO, fault=FAULTS, n=st.integers(0, 3))
    def sync_badly(self, who: int, fault: str, n: int) -> None:
        """One fault, at the n-th chance."""
        handset, chances = self.handset(who), iter(range(1000))
        hits = handset.line.hits
        handset.line.hits = lambda name: name == fault and next(chances) == n  # type: ignore[method-assign]
        try:
            handset.sync()
        except Lost:
            pass
        except Crash:
            handset.store.crash()
        finally:
            handset.line.hits = hits  # type: ignore[method-assign]

    @rule(who=WHO)
    def crash(self, who: int) -> None:
        self.handset(who).store.crash()

    @rule(who=WHO, n=PICKS)
    def replay_an_old_push(self, who: int, n: int) -> None:
        line = self.handset(who).line
        if line.delivered:
            line.deliver("POST", "/v1/sync/push", line.delivered[n % len(line.delivered)])

    # --- the server's side ---
    @rule(table=st.sampled_from(["products", "tasks"]), n=PICKS, remove=st.booleans())
    def staff_edit(self, table: str, n: int, remove: bool) -> None:
        ids = sorted(self.model.live(table))
        if not ids:
            return
        op: Row = {"op": "delete", "table": table, "id": ids[n % len(ids)]}
        if not remove:
            op |= {"op": "update", "data": {"notes" if table == "products" else "description": f"staff {n}"}}
        assert self.model.carry_out(op).status == "applied"
        self.staff.write(op)

    @precondition(lambda self: self.tally["pulls"] > 6)
    @rule()
    def retention(self) -> None:
        """Every tombstone that can go goes; whoever had not seen one must start again."""
        while purge_horizon(device=self.device, before=datetime.now(UTC) + timedelta(days=1)):
            pass
        self.forget_what_retention_removed()

    def forget_what_retention_removed(self) -> None:
        for name, rows in self.model.rows.items():
            left = {
                str(id) for id in TABLES[name].model.all_objects.for_device(self.device).values_list("uuid", flat=True)
            }
            for id in [id for id in rows if id not in left]:
                assert rows[id].deleted
                del rows[id]
                self.model.graves.add((name, id))
        self.model.operations.clear()

    # --- always ---
    @invariant()
    def levels_are_the_sum_of_the_movements(self) -> None:
        if hasattr(self, "device"):
            assert prove_ledger(self.device).drifts == []

    def teardown(self) -> None:
        if not hasattr(self, "savepoint"):
            return
        try:
            self.all_end_equal()
        finally:
            transaction.set_rollback(True)
            self.savepoint.__exit__(None, None, None)

    def all_end_equal(self) -> None:
        for _ in range(12):
            waiting = any(handset.store.queued() for handset in self.handsets)
            for handset in self.handsets:
                handset.sync()
            if not waiting:
                break
        for handset in self.handsets:
            assert handset.store.queued() == []
            assert handset.store.memory.sequence == self.model.sequences.get(handset.name, 1)
            for table in SPECS:
                shown = handset.store.local[table]
                assert shown == self.handsets[0].store.local[table]
                if table != "stock_levels":
                    live = self.model.live(table)
                    assert shown.keys() == live.keys()
                    assert all(shown[id][name] == value for id in live for name, value in live[id].items())
            assert len(handset.store.local["stock_levels"]) == len(self.model.live_levels())


# SYNC_EXAMPLES=500 looks for new histories; without it the same ones are tried each time.
EXAMPLES = os.environ.get("SYNC_EXAMPLES")


@pytest.mark.slow
@pytest.mark.django_db
def test_any_history_converges() -> None:
    run_state_machine_as_test(
        Replicas,
        settings=settings(
            max_examples=int(EXAMPLES or 20),
            stateful_step_count=40,
            derandomize=not EXAMPLES,
            database=None,
            deadline=None,
        ),
    )
