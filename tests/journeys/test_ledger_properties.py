"""Whatever is done, in any order: levels are the sum of the movements, and the past stays what it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from config.core.errors import NotFound, ReferenceNotFound
from devices.errors import NotDeleted
from devices.models import Device, Event, Feed
from inventory.errors import (
    DefaultLocation,
    LocationNotEmpty,
    LotOfAnotherProduct,
    MovementAlreadyReversed,
    MovementSides,
    ReversalOfReversal,
    SameLocation,
)
from inventory.models import Barcode, Category, Location, Lot, Product, StockLevel, StockMovement, Task
from inventory.models import Case as Trouble
from inventory.reports.stock import stock_of
from inventory.services.locations import default_location, delete_location, restore_location
from inventory.services.lots import delete_lot, restore_lot
from inventory.services.movements import record_movement, reverse_movement
from inventory.services.products import delete_product, restore_product
from tests import factories

BY = factories.TESTER
START = datetime(2026, 3, 1, tzinfo=UTC)
KINDS = ("receipt", "issue", "transfer", "adjustment")
NUMBERS = st.integers(min_value=1, max_value=5_000_000_000).map(lambda micro: Decimal(micro).scaleb(-6))
INDEX = st.integers(min_value=0, max_value=9)
MAYBE = st.none() | INDEX
HOURS = st.integers(min_value=-5, max_value=5)
Bucket = tuple[int, int, int | None]  # product, location, lot
DELETE = {Product: delete_product, Location: delete_location, Lot: delete_lot}
RESTORE = {Product: restore_product, Location: restore_location, Lot: restore_lot}


@contextmanager
def rolled_back() -> Iterator[None]:
    """A transaction that leaves nothing: the machine runs many times in one test."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Ledger(RuleBasedStateMachine):
    """Services on one side, plain dictionaries on the other."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = rolled_back()
        self.inside.__enter__()
        self.facts: list[StockMovement] = []
        self.reversed: set[int] = set()
        self.snapshots: list[tuple[int, dict[Bucket, Decimal]]] = []

    def teardown(self) -> None:
        self.inside.__exit__(None, None, None)

    @initialize(quantities=st.lists(NUMBERS, min_size=6, max_size=6))
    def set_up(self, quantities: list[Decimal]) -> None:
        self.device: Device = factories.make_device()
        self.products = [factories.make_product(self.device) for _ in range(3)]
        top = factories.make_location(self.device)
        below = factories.make_location(self.device, parent_id=top.uuid)
        self.places = [default_location(self.device), top, below]
        kinds = (("lot", 0), ("lot", 0), ("serial", 1))
        self.lots = [
            factories.make_lot(self.device, product_id=self.products[number].uuid, kind=kind) for kind, number in kinds
        ]

        for number, quantity in enumerate(quantities):
            product, kind = self.products[number % 3], ("receipt", "issue")[number % 2]
            lot = next((lot for lot in self.lots if number > 3 and lot.product_id == product.pk), None)
            self._record(kind, product, (None, self.places[1]) if kind == "receipt" else (self.places[2], None),
                         lot, quantity, number)  # fmt: skip

    # --- the model ---
    def sums(self, facts: list[StockMovement]) -> dict[Bucket, Decimal]:
        found: dict[Bucket, Decimal] = {}
        for fact in facts:
            for place, sign in ((fact.from_location_id, -1), (fact.to_location_id, 1)):
                if place is not None:
                    key = (fact.product_id, place, fact.lot_id)
                    found[key] = found.get(key, Decimal(0)) + sign * fact.quantity
        return {key: total for key, total in found.items() if total}

    def is_alive(self, row: Any) -> bool:
        return type(row).objects.filter(pk=row.pk).exists()

    def head(self) -> int:
        return Feed.objects.get(device=self.device).head

    # --- what people do ---
    @rule(kind=st.sampled_from(KINDS), product=INDEX, places=st.permutations([0, 1, 2]), lot=MAYBE, quantity=NUMBERS,
          hours=HOURS, comes=st.booleans())  # fmt: skip
    def move(self, **chosen: Any) -> None:
        """A movement as it should be; refused only where something of it is deleted."""
        kind, product = chosen["kind"], self.products[chosen["product"] % 3]
        own_lots = [lot for lot in self.lots if lot.product_id == product.pk]
        lot = own_lots[chosen["lot"] % len(own_lots)] if own_lots and chosen["lot"] is not None else None
        start, end = (self.places[number] for number in chosen["places"][:2])
        keeps = {"receipt": (None, end), "issue": (start, None), "transfer": (start, end)}
        sides = keeps.get(kind) or ((None, end) if chosen["comes"] else (start, None))
        self._record(kind, product, sides, lot, chosen["quantity"], chosen["hours"])

    @rule(kind=st.sampled_from(KINDS), product=INDEX, start=MAYBE, end=MAYBE, lot=MAYBE, quantity=NUMBERS, hours=HOURS)
    def move_somehow(self, **chosen: Any) -> None:
        """Anything, most of it wrong."""
        start, end, lot = (
            None if chosen[name] is None else rows[chosen[name] % len(rows)]
            for name, rows in (("start", self.places), ("end", self.places), ("lot", self.lots))
        )
        product = self.products[chosen["product"] % 3]
        self._record(chosen["kind"], product, (start, end), lot, chosen["quantity"], chosen["hours"])

    def _record(self, kind: str, product: Any, sides: Any, lot: Any, *more: Any) -> None:
        start, end = sides
        quantity, hours = more
        head, named = self.head(), [row for row in (product, start, end, lot) if row is not None]
        try:
            fact = record_movement(
                device=self.device, actor=BY, product_id=product.uuid, kind=kind, quantity=quantity,
                from_location_id=start and start.uuid, to_location_id=end and end.uuid,
                lot_id=lot and lot.uuid, occurred_at=START + timedelta(hours=hours),
            )  # fmt: skip
        except ReferenceNotFound:
            assert not all(self.is_alive(row) for row in named)
            assert self.head() == head
        except (MovementSides, SameLocation, LotOfAnotherProduct):
            assert self.head() == head
        else:
            assert all(self.is_alive(row) for row in named)
            self.facts.append(fact)

    @precondition(lambda self: self.facts)
    @rule(which=st.integers(min_value=0, max_value=10_000))
    def reverse(self, which: int) -> None:
        fact, head = self.facts[which % len(self.facts)], self.head()
        try:
            mirror = reverse_movement(fact, actor=BY)
        except MovementAlreadyReversed:
            assert fact.pk in self.reversed
            assert self.head() == head
        except ReversalOfReversal:
            assert fact.reverses_id is not None
            assert self.head() == head
        else:
            assert fact.pk not in self.reversed
            self.reversed.add(fact.pk)
            self.facts.append(mirror)

    @rule(what=st.sampled_from(["products", "places", "lots"]), which=INDEX)
    def delete_or_restore(self, what: str, which: int) -> None:
        rows = getattr(self, what)
        row, head = rows[which % len(rows)], self.head()
        was_alive = self.is_alive(row)
        right, wrong = (DELETE, RESTORE) if was_alive else (RESTORE, DELETE)
        with pytest.raises(NotDeleted if was_alive else NotFound):
            wrong[type(row)](row, actor=BY)
        assert self.head() == head
        try:
            right[type(row)](row, actor=BY)
        except (DefaultLocation, LocationNotEmpty, ReferenceNotFound) as error:
            assert isinstance(error, ReferenceNotFound) == (not was_alive)
            assert self.is_alive(row) == was_alive
            assert self.head() == head
        else:
            assert self.is_alive(row) != was_alive

    @rule()
    def remember(self) -> None:
        self.snapshots.append((self.head(), self.sums(self.facts)))

    # --- what always holds ---
    @invariant()
    def levels_are_the_sum_of_the_movements(self) -> None:
        levels = StockLevel.all_objects.for_device(self.device).select_related("product", "location", "lot")
        stored = {(row.product_id, row.location_id, row.lot_id): row.quantity for row in levels}
        assert {key: total for key, total in stored.items() if total} == self.sums(self.facts)
        for row in levels:
            dead = row.product.is_deleted or row.location.is_deleted or (row.lot is not None and row.lot.is_deleted)
            assert row.is_deleted == dead

    @invariant()
    def negative_buckets_have_one_open_case(self) -> None:
        open_ = Trouble.objects.for_device(self.device).filter(kind="negative_stock", state="open")
        keys = list(open_.values_list("key", flat=True))
        assert len(keys) == len(set(keys))
        below = StockLevel.all_objects.for_device(self.device).filter(quantity__lt=0)
        assert {str(uuid) for uuid in below.values_list("uuid", flat=True)} <= set(keys)

    @rule()
    def no_two_rows_share_a_revision(self) -> None:
        tables = (Product, Category, Barcode, Location, Lot, StockMovement, StockLevel, Task, Trouble)
        for model in tables:
            revisions = list(model.all_objects.for_device(self.device).values_list("revision", flat=True))
            assert len(revisions) == len(set(revisions))
            assert all(revision <= self.head() for revision in revisions)
        events = Event.objects.for_device(self.device).values_list("revision", flat=True)
        assert len(events) == len(set(events))

    @precondition(lambda self: self.facts)
    @rule(product=INDEX, hours=st.integers(min_value=-6, max_value=6))
    def ask_for_stock(self, product: int, hours: int) -> None:
        wanted, head = self.products[product % 3], self.head()
        own = [fact for fact in self.facts if fact.product_id == wanted.pk]
        moment = START + timedelta(hours=hours)
        asked: list[tuple[Any, dict[Bucket, Decimal]]] = [
            (None, self.sums(own)),
            (head, self.sums(own)),
            (moment, self.sums([fact for fact in own if fact.occurred_at <= moment])),
        ]
        asked += [
            (revision, {key: total for key, total in then.items() if key[0] == wanted.pk})
            for revision, then in self.snapshots
        ]
        names = {place.pk: place.uuid for place in self.places} | {lot.pk * -1: lot.uuid for lot in self.lots}
        for at, sums in asked:
            found = stock_of(wanted, head=head, at=at)
            assert {(line.location_id, line.lot_id): line.quantity for line in found.by_location} == {
                (names[place], None if lot is None else names[-lot]): total for (_, place, lot), total in sums.items()
            }
            assert found.on_hand == sum(sums.values())

    @rule()
    def ask_the_database(self) -> None:
        """The database's own sums are exact too."""
        total = StockLevel.all_objects.for_device(self.device).aggregate(sum=Sum("quantity"))["sum"]
        assert (total or 0) == sum(self.sums(self.facts).values())


@pytest.mark.django_db
def test_the_ledger_holds_whatever_is_done() -> None:
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=10,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        ),
    )
