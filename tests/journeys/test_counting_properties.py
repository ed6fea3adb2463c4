"""Any history of a warehouse that is counted while it moves: what is posted is what lies there, or it is flagged.

What this rests on (docs/counting.md says it to people):

1. A corrected clock is wrong by at most 60 seconds, all the time between a fact and its push.
2. An installation numbers what it does in the order it did it, or its own clock tells that order; what is entered
   later tells when it was.
3. A `base_revision` of an entry is true: all up to there had been pulled when it was counted.
4. What comes without a time happened as it came.
5. A reversal says that a movement never happened; it is no return of goods.
6. Every zone of a bucket is counted, or none.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.models import Case, CountSheet, StockLevel, Stocktake, StocktakeLine
from inventory.services.counting.decisions import decide_lines
from inventory.services.counting.late import absorb_movement, keep_movement
from inventory.services.counting.posting import reverse_line
from inventory.services.counting.sheets import abandon_sheet, create_sheet
from inventory.services.counting.stocktakes import (
    approve_stocktake,
    close_stocktake,
    create_stocktake,
    open_stocktake,
    post_stocktake,
    start_recount,
)
from inventory.services.ledger import prove_ledger
from tests.journeys.counting_world import BOSS, CLOCK_ERROR, Setup, World

DAY = 86_400
GAPS = st.sampled_from([1.0, 7.0, 40.0, 65.0, 110.0, 119.0, 121.0, 130.0, 241.0, 900.0, 5_000.0])
SETUPS = st.builds(
    Setup,
    skew=st.one_of(st.integers(-60, 60), st.sampled_from([-2 * DAY, -3600, 3600, DAY])).map(float),
    error=st.sampled_from([-60.0, -31.5, 0.0, 12.0, 60.0]),
    numbered=st.booleans(),
    basing=st.sampled_from(["entry", "push", "none"]),
)
MOVES = ("move", "slip", "phantom", "theft", "staff_moves", "staff_notes", "client_moves_online")
OTHERS = (
    *("move", "count", "count", "count_in_parts", "push", "push_some", "push_lost", "pull", "repeat", "crash"),
    *("enter_slips", "record_notes", "undo_phantoms", "finish", "recount", "post", "reverse"),
)
STEPS = st.tuples(st.sampled_from([*MOVES, *OTHERS]), st.integers(0, 2), st.integers(0, 3), st.integers(-4, 5), GAPS)
Step = tuple[str, int, int, int, float]


class Warehouse(World):
    """A world whose stock is counted again and again."""

    def __init__(self, setups: list[Setup], *, tally: Counter[str]) -> None:
        super().__init__(setups, seed=len(setups))
        self.tally = tally
        self.stocktake: Stocktake | None = None
        self.sheets: list[CountSheet] = []
        self.counted: set[tuple[UUID, int]] = set()
        self.counted_at: dict[tuple[int, UUID], dict[int, datetime]] = {}  # (stocktake, product) → zone → true time
        self.partly: set[tuple[int, UUID]] = set()
        self.open()

    def play(self, steps: list[Step]) -> None:
        for name, who, product, amount, gap in steps:
            self.pass_time(gap)
            self.step(name, who % len(self.clients), self.id_of(product), amount)
        self.pass_time(60)
        self.finish()
        self.post()
        self.pass_time(60)
        self.flush()

    def step(self, name: str, who: int, product: UUID, amount: int) -> None:
        if name in (*MOVES, "count", "reverse"):
            getattr(self, name)(who, product, amount)
        elif name == "count_in_parts":
            self.count(who, product, amount, in_parts=True)
        elif name == "push_some":
            self.push(who, most=1 + abs(amount))
        elif name == "push_lost":
            self.push(who, lost=True)
        elif name == "repeat":
            self.repeat(who, abs(amount))
        elif name in ("push", "pull"):
            getattr(self, name)(who)
        elif name == "finish":
            self.finish(abandoning=who if amount < -2 else None)
        elif name != "crash":  # what a client keeps survives a crash; what it had sent is sent again, above
            getattr(self, name)()

    # --- a stocktake ---
    def open(self) -> None:
        policy = {"recount": "optional", "passes": 9}
        made = create_stocktake(device=self.device, actor=BOSS, name="S", policy=policy)
        self.stocktake = open_stocktake(made, actor=BOSS)
        self.sheets = [
            create_sheet(device=self.device, actor=BOSS, stocktake_id=made.uuid, name=f"Zone {zone}")
            for zone in range(len(self.clients))
        ]
        self.counted = set()

    def count(self, who: int, product: UUID, amount: int, *, in_parts: bool = False) -> None:
        """The client of the zone counts it; in parts: by a scan or two after a first number."""
        if self.state not in ("open", "counting"):
            return
        zones = self.zones[product]
        zone = who if who in zones else zones[who % len(zones)]
        if self.current.pass_number > 1:  # a recount is of all zones, on one sheet
            zone, there = who, self.total(product)
        else:
            there = self.shelf[product][zone]
        first = there // 2 if in_parts else there
        self.enter(zone, product, "set", first)
        if in_parts:
            self.pass_time(1)
            self.enter(zone, product, "add", there - first)
        again = self.current.pass_number > 1
        times = self.counted_at.setdefault((self.current.pk, product), {})
        times |= dict.fromkeys(zones if again else [zone], self.now)
        self.counted.add((product, -1 if again else zone))

    def enter(self, zone: int, product: UUID, mode: str, quantity: Decimal) -> None:
        client, sheet = self.clients[zone], self.sheets[zone if self.current.pass_number == 1 else 0]
        data: dict[str, Any] = {
            "sheet_id": str(sheet.uuid),
            "product_id": str(product),
            "location_id": str(self.place.uuid),
            "mode": mode,
            "quantity": str(quantity),
            "counted_at": client.told(self.now).isoformat(),
        }
        if client.basing == "entry":
            data["base_revision"] = client.pulled
        self.enqueue(client, "count_entries", data)

    @property
    def current(self) -> Stocktake:
        assert self.stocktake is not None
        found: Stocktake = Stocktake.objects.select_related("device").get(pk=self.stocktake.pk)
        return found

    @property
    def state(self) -> str:
        return str(self.current.state)

    def finish(self, *, abandoning: int | None = None) -> None:
        """What is begun is counted to its end, the sheets come in, and the figures are looked at."""
        if self.state not in ("open", "counting"):
            return
        if self.current.pass_number == 1:
            for product in dict.fromkeys(product for product, _ in sorted(self.counted)):
                for zone in self.zones[product]:
                    if (product, zone) not in self.counted:
                        self.pass_time(1)
                        self.count(zone, product, 0)
        for zone, sheet in enumerate(self.sheets):
            sheet.refresh_from_db()
            if zone == abandoning:
                abandon_sheet(sheet, actor=BOSS)
                self.partly |= {(self.current.pk, product) for product, where in self.counted if where in (zone, -1)}
            else:
                self.submit(zone, sheet)
        close_stocktake(self.current, actor=BOSS)
        if self.state == "closing":  # somebody's product is not there yet: what waits for it comes late
            for sheet in CountSheet.objects.filter(stocktake=self.current, state__in=["in_progress", "submitted"]):
                abandon_sheet(sheet, actor=BOSS)
        assert self.state == "review"

    def submit(self, zone: int, sheet: CountSheet) -> None:
        holder = next((n for n, one in enumerate(self.clients) if one.installation.uuid == sheet.held_by), zone)
        client = self.clients[holder]
        data = {"state": "submitted"}
        if client.numbered:
            data["final_sequence"] = client.sequence
        for who in range(len(self.clients)):
            self.push(who)
        self.enqueue(client, "count_sheets", data, id=sheet.uuid, op="update")
        self.push(holder)

    def recount(self) -> None:
        """Lines that vary are counted again by whoever is asked."""
        if self.state != "review":
            return
        lines = list(StocktakeLine.objects.filter(stocktake=self.current, state="variance"))
        if lines and self.current.pass_number < 3:
            decide_lines(self.current, lines, action="recount", actor=BOSS)
            self.sheets = [start_recount(self.current, actor=BOSS)]
            self.counted = set()

    def post(self) -> None:
        """Everything is accepted, whatever it is, until nothing changes any more; then the next one begins."""
        if self.state != "review":
            return
        while self.state == "review":
            lines = list(StocktakeLine.objects.filter(stocktake=self.current, state="variance"))
            decide_lines(self.current, lines, action="accept", actor=BOSS, reason="other")
            lines = list(StocktakeLine.objects.filter(stocktake=self.current, state="recount"))
            decide_lines(self.current, lines, action="excuse", actor=BOSS)
            post_stocktake(approve_stocktake(self.current, actor=BOSS), actor=BOSS)
        assert self.state == "posted"
        self.open()

    def reverse(self, who: int, product: UUID, amount: int) -> None:
        """The last count of the product is taken back: the one before it is the last again."""
        line = self.last_line(product)
        if line is not None:
            reverse_line(line, actor=BOSS)
            self.tally["reversed"] += 1

    # --- what it is all for ---
    def judge(self) -> None:
        assert prove_ledger(self.device).drifts == []
        for product in self.shelf:
            line = self.last_line(product)
            if line is None:
                continue
            self.tally["lines"] += 1
            cases = list(self.cases_of(line))
            if not line.flags and not cases:
                assert self.level(product) == self.wanted(line), f"wrong and not flagged: {line}"
                self.tally["right"] += 1
                continue
            right = self.level(product) == self.wanted(line)
            self.tally["flagged_right" if right else "flagged_wrong"] += 1
            if not line.flags and self.decide(line, cases):
                assert self.level(product) == self.wanted(line), f"wrong after its cases were decided: {line}"
                self.tally["decided"] += 1

    def wanted(self, line: StocktakeLine) -> Decimal:
        """What lies there, less what went or came unrecorded since its zone was counted: no count can know that."""
        product = line.product.uuid
        times = self.counted_at[line.stocktake_id, product]
        since = [delta for when, what, zone, delta in self.thefts if what == product and when > times[zone]]
        return self.total(product) - sum(since, Decimal(0))

    def last_line(self, product: UUID) -> StocktakeLine | None:
        """The last count of the product that was posted, unless a part of it was given up."""
        rows = StocktakeLine.objects.filter(device=self.device, product__uuid=product, state="posted")
        rows = rows.select_related("device")
        line: StocktakeLine | None = rows.exclude(counted=None).order_by("counted_at", "pk").last()
        if line is None or (line.stocktake_id, product) in self.partly or (line.variance and not line.movement_id):
            return None
        return line

    def cases_of(self, line: StocktakeLine) -> Any:
        return Case.objects.filter(device=self.device, state="open", evidence__line_id=str(line.uuid)).order_by("pk")

    def decide(self, line: StocktakeLine, cases: list[Case]) -> bool:
        """Staff who saw what happened decide the late movements; False where there is other trouble."""
        times = self.counted_at[line.stocktake_id, line.product.uuid].values()
        if any(case.kind != Case.Kind.LATE_MOVEMENT for case in cases):
            return False
        for case in cases:
            then = self.happened[UUID(case.evidence["movement_id"])]
            if min(times) < then < max(times):
                return False
            (absorb_movement if then < min(times) else keep_movement)(case, actor=BOSS)
        return True

    def level(self, product: UUID) -> Decimal:
        found = StockLevel.objects.filter(device=self.device, product__uuid=product)
        return sum(found.values_list("quantity", flat=True), Decimal(0))


def run(setups: list[Setup], steps: list[Step], tally: Counter[str]) -> None:
    """One history, of which nothing is left."""
    with transaction.atomic():
        world = Warehouse(setups, tally=tally)
        try:
            world.play(steps)
            world.judge()
        finally:
            world.close()
            transaction.set_rollback(True)


# COUNTING_EXAMPLES=10000 looks for new histories; without it the same ones are tried each time.
EXAMPLES = os.environ.get("COUNTING_EXAMPLES")


@pytest.mark.slow
@pytest.mark.django_db
def test_what_is_posted_is_what_lies_there_or_it_is_flagged() -> None:
    assert CLOCK_ERROR == 60
    tally: Counter[str] = Counter()

    @settings(
        max_examples=int(EXAMPLES or 60),
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(SETUPS, min_size=2, max_size=3), st.lists(STEPS, min_size=20, max_size=40))
    def any_history(setups: list[Setup], steps: list[Step]) -> None:
        tally["histories"] += 1
        run(setups, steps, tally)

    any_history()
    print(dict(tally))  # noqa: T201  # what a long run reports
    assert tally["right"] > tally["lines"] // 4
    assert tally["flagged_wrong"]
    assert tally["decided"]
