"""One virtual device: its installations live through a day, then everybody syncs until nothing moves any more."""

from __future__ import annotations

import heapq
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

from inventory.management.fleet.client import Connection
from inventory.management.fleet.faults import Crash, Line, Lost, Rates
from inventory.management.fleet.handset import Handset
from inventory.management.fleet.model import APPLIED, Model
from inventory.management.fleet.referee import Referee
from inventory.management.fleet.specs import Divergence, Row
from inventory.management.fleet.staff import RestStaff, ServiceStaff, Staff
from inventory.management.fleet.work import Person

MINUTE, HOUR = 60.0, 3600.0
ROUNDS = 30
BASES = ("both", "fields", "revision", "none")
SKEWS = (0, 0, 0, 45, -90, 900, -7200)  # seconds


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate, and against which server; `with_database`: this process has the server's database."""

    url: str
    devices: int = 50
    installations: int = 2
    hours: float = 8
    per_hour: float = 20  # actions of each installation
    seed: int = 1
    with_database: bool = False
    rates: Rates = field(default_factory=Rates)


@dataclass(slots=True)
class Member:
    """One installation with its person; offline until `offline_until` seconds of the day."""

    handset: Handset
    person: Person
    connection: Connection
    offline_until: float = 0.0


class VirtualDevice:
    """Deterministic by (seed, number): all its requests are made one after the other."""

    def __init__(self, plan: Plan, number: int) -> None:
        self.plan, self.number = plan, number
        # Seeded chance is the point here, no secret comes from it.
        self.random = Random(f"{plan.seed}:{number}")  # noqa: S311
        self.tally: Counter[str] = Counter()
        self.model = Model()
        self.members: list[Member] = []
        self.start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=plan.hours)
        self.desk = Connection(plan.url)
        self.staff: Staff
        self.rest_of_day: list[tuple[float, int, Callable[[float], None]]] = []

    def run(self) -> None:
        """The whole day, to quiescence. Raises Divergence naming the device."""
        try:
            self._enrol()
            self._live()
            self._quiesce()
        except Divergence as divergence:
            raise Divergence(f"device {self.number} (seed {self.plan.seed}): {divergence}") from divergence

    def close(self) -> None:
        """Give back connections."""
        for connection in (self.desk, *(member.connection for member in self.members)):
            connection.close()
        staff = getattr(self, "staff", None)
        if isinstance(staff, ServiceStaff):
            staff.leave()

    # --- morning ---
    def _enrol(self) -> None:
        device_id = str(uuid4())
        first = self._register({"device_id": device_id})
        self.desk.token = first["device_token"]
        self.staff = ServiceStaff(device_id) if self.plan.with_database else RestStaff(self.desk)
        answers = [first]
        if self.plan.installations > 1:
            if not isinstance(self.staff, ServiceStaff):
                raise Divergence("several installations need enrollment codes, and those need the server's database")
            code = self.staff.enrollment_code(self.plan.installations - 1)
            answers += [self._register({"enrollment_code": code}) for _ in range(self.plan.installations - 1)]
        for index, answer in enumerate(answers):
            self._join(index, answer)

    def _register(self, wish: Row) -> Row:
        """With a secret of its own, so that the request may be repeated after a lost answer."""
        body = {**wish, "secret": secrets.token_urlsafe(32), "name": f"Virtual {self.number}", "platform": "fleet"}
        status, answer = self.desk.send("POST", "/v1/devices/register", body)
        again, same = self.desk.send("POST", "/v1/devices/register", body)
        if (status, again) != (201, 200) or same["device_token"] != answer["device_token"]:
            raise Divergence(f"registering twice was answered {status} {answer} and {again} {same}")
        return answer

    def _join(self, index: int, answer: Row) -> None:
        name = f"{self.number}.{index}"
        random = Random(f"{self.plan.seed}:{name}")  # noqa: S311  # as above
        connection = Connection(self.plan.url, answer["device_token"])
        referee = Referee(connection.send, replica=name, model=self.model, tally=self.tally)
        line = Line(referee.send, random=random, rates=self.plan.rates, tally=self.tally)
        skew = timedelta(seconds=random.choice(SKEWS))
        handset = Handset(name, line=line, random=random, skew=skew, server_wins=random.choice((True, False)))
        person = Person(handset, random=random, start=self.start, bases=random.choice(BASES))
        member = Member(handset, person, connection)
        self.members.append(member)
        self._later(0.0, lambda moment: self._sync(member, moment))
        self._later(self._soon(HOUR / self.plan.per_hour), lambda moment: self._work(member, moment))
        if index == 0:
            self._later(self._soon(20 * MINUTE), self._edit_at_desk)

    # --- day ---
    def _later(self, moment: float, what: Callable[[float], None]) -> None:
        heapq.heappush(self.rest_of_day, (moment, len(self.rest_of_day) + self.tally["moments"], what))

    def _soon(self, mean: float) -> float:
        return self.random.expovariate(1 / mean)

    def _happens(self, chance: float) -> bool:
        return self.random.random() < chance

    def _live(self) -> None:
        while self.rest_of_day and self.rest_of_day[0][0] < self.plan.hours * HOUR:
            moment, _, what = heapq.heappop(self.rest_of_day)
            self.tally["moments"] += 1
            what(moment)

    def _work(self, member: Member, moment: float) -> None:
        member.person.act(moment)
        self._later(moment + self._soon(HOUR / self.plan.per_hour), lambda then: self._work(member, then))

    def _sync(self, member: Member, moment: float) -> None:
        if moment >= member.offline_until:
            self._try_sync(member)
            if self._happens(0.15):  # every seventh sync is the last for a while
                self.tally["offline"] += 1
                member.offline_until = moment + self.random.uniform(30, 180) * MINUTE
        self._later(moment + self._soon(10 * MINUTE), lambda then: self._sync(member, then))

    def _try_sync(self, member: Member) -> None:
        try:
            member.handset.sync()
        except Lost:
            pass  # at the next opportunity, with the same queue
        except Crash:
            member.handset.store.crash()

    # --- staff ---
    def _edit_at_desk(self, moment: float) -> None:
        self._later(moment + self._soon(20 * MINUTE), self._edit_at_desk)
        op = self._staff_edit(moment)
        if op is None:
            return
        self.tally["staff"] += 1
        if self.model.carry_out(op) != APPLIED:
            raise Divergence(f"the model refuses a staff edit: {op}")
        self.staff.write(op)

    def _staff_edit(self, moment: float) -> Row | None:
        table = self.random.choice(("products", "tasks", "stock_movements"))
        rows = self.model.live("products" if table == "stock_movements" else table)
        id = self.random.choice(list(rows)) if rows else None
        if id is None:
            return None
        data: dict[str, Any] = {"notes": f"seen by staff at {round(moment)}"}
        if table == "tasks":
            data = {"completed": not rows[id]["completed"]}
        if table == "stock_movements":
            if not self.model.default_location:
                return None  # nobody has pulled yet
            data = {"product_id": id, "kind": "receipt", "quantity": "2.5", "reference": f"staff-{round(moment)}"}
            data["occurred_at"] = self.start.isoformat().replace("+00:00", "Z")
            return {"op": "create", "table": table, "id": self.members[0].handset.new_id(), "data": data}
        if table == "tasks" and self._happens(0.2):  # every fifth
            return {"op": "delete", "table": table, "id": id}
        return {"op": "update", "table": table, "id": id, "data": data}

    # --- evening ---
    def _quiesce(self) -> None:
        """No faults any more: sync in turn until a whole round has nothing to push."""
        for member in self.members:
            member.handset.line.is_quiet = True
        for _ in range(ROUNDS):
            waiting = sum(len(member.handset.store.queued()) for member in self.members)
            for member in self.members:
                member.handset.sync()
            if not waiting and not any(member.handset.store.queued() for member in self.members):
                return
        raise Divergence(f"the queues never empty: {[member.handset.store.queued() for member in self.members]}")
