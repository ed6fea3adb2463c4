"""Where a movement stands to a count: every branch of the rule as a table of plain facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from inventory.services.causality import Fact, judge, place
from tests.inventory.counting.desk import NOON, after

SERVER = after(hours=1)  # when the pushes arrive
COUNT = Fact(50, 1, 10, told_at=NOON, at=NOON, online=False, base=20)


def moved(revision: int, at: datetime, *, who: int | None = 2, sequence: int | None = None, skew: int = 0) -> Fact:
    return Fact(revision, who, sequence, told_at=at + timedelta(seconds=skew), at=at, online=False)


def online(revision: int, at: datetime, *, who: int | None = None) -> Fact:
    return Fact(revision, who, None, told_at=at, at=at, online=True)


@pytest.mark.parametrize(
    ("movement", "count", "before", "doubt", "why"),
    [
        # what had been pulled, whatever the clocks say
        (moved(20, after(hours=3)), COUNT, True, False, "known"),
        (moved(20, after(hours=3), who=1, sequence=99), COUNT, True, False, "known"),
        # the same installation: its own order, not its clock
        (moved(49, after(minutes=1), who=1, sequence=9), COUNT, True, False, "own_earlier"),
        (moved(60, after(minutes=-90), who=1, sequence=9), COUNT, True, False, "own_earlier"),
        (moved(51, after(seconds=1), who=1, sequence=11), COUNT, False, False, "own_later"),
        (moved(51, NOON, who=1, sequence=11), COUNT, False, False, "own_later"),
        (moved(51, after(seconds=-1), who=1, sequence=11), COUNT, False, True, "logging_lag"),
        # … or without numbers its own clock, as it told it
        (moved(49, after(seconds=-1), who=1), COUNT, True, False, "own_earlier"),
        (moved(51, after(seconds=1), who=1), COUNT, False, False, "own_later"),
        (moved(51, NOON, who=1), COUNT, False, True, "clock_close"),
        (moved(51, after(seconds=1), who=1), replace(COUNT, sequence=None), False, False, "own_later"),
        # … which cannot be compared with the server's
        (online(49, after(minutes=-3), who=1), COUNT, True, False, "clock_earlier"),
        (online(49, after(minutes=-1), who=1), COUNT, False, True, "clock_close"),
        (online(51, after(minutes=-3), who=1), COUNT, False, False, "after_receipt"),
        (moved(60, after(minutes=-1), who=1, sequence=9), replace(COUNT, sequence=None, online=True), False, True,
         "clock_close"),
        # others: what happened online is after what had arrived by then
        (online(51, after(minutes=-3)), COUNT, False, False, "after_receipt"),
        (online(49, after(minutes=-3)), COUNT, True, False, "clock_earlier"),
        # … else the corrected clocks, where they are not too close
        (moved(60, after(seconds=-121)), COUNT, True, False, "clock_earlier"),
        (moved(60, after(seconds=-120)), COUNT, False, True, "clock_close"),
        (moved(60, after(seconds=120)), COUNT, False, True, "clock_close"),
        (moved(60, after(seconds=121)), COUNT, False, False, "clock_later"),
        (moved(60, after(seconds=-121), who=None), COUNT, True, False, "clock_earlier"),
        # what the push says it had pulled is a hint
        (moved(30, after(seconds=-121)), replace(COUNT, pushed_base=40), True, False, "known"),
        (moved(30, after(seconds=-60)), replace(COUNT, pushed_base=40), True, True, "pulled_close"),
        (moved(30, after(seconds=121)), replace(COUNT, pushed_base=40), False, True, "pulled_later"),
        (moved(41, after(seconds=-60)), replace(COUNT, pushed_base=40), False, True, "clock_close"),
        # a count without a time lies between the opening and its receipt
        (moved(60, after(minutes=30)), replace(COUNT, told_at=None, at=SERVER, since=NOON), False, True, "untimed"),
        (moved(60, after(minutes=-3)), replace(COUNT, told_at=None, at=SERVER, since=NOON), True, False,
         "clock_earlier"),
        (moved(60, after(minutes=63)), replace(COUNT, told_at=None, at=SERVER, since=NOON), False, False,
         "clock_later"),
        (moved(30, after(minutes=30)), replace(COUNT, told_at=None, at=SERVER, since=NOON, pushed_base=40), True, True,
         "pulled_close"),
        (moved(60, after(minutes=30), who=1), replace(COUNT, told_at=None, at=SERVER, since=NOON), False, True,
         "untimed"),
    ],
)  # fmt: skip
def test_where_a_movement_stands(movement: Fact, count: Fact, *, before: bool, doubt: bool, why: str) -> None:
    found = place(movement, count)
    assert (found.before, found.doubt, found.why) == (before, doubt, why)


def stored(at: datetime, *, reverses: object = None) -> SimpleNamespace:
    """A movement of somebody else, as the ledger has it."""
    return SimpleNamespace(
        reverses=reverses, revision=60, installation_id=2, sequence=None, occurred_at=at, corrected_at=at,
        received_at=SERVER,
    )  # fmt: skip


def test_a_movement_between_the_counts_of_a_total_is_in_doubt() -> None:
    later = replace(COUNT, sequence=12, told_at=after(minutes=30), at=after(minutes=30))
    early, between, close, late = (stored(after(minutes=minutes)) for minutes in (-5, 15, 31, 40))
    found = judge([(row, Decimal(1)) for row in (early, between, close, late)], [COUNT, later])
    assert [(one.before, one.doubt, one.why) for one in found] == [
        (True, False, "clock_earlier"),
        (True, True, "while_counting"),
        (False, True, "clock_close"),
        (False, False, "clock_later"),
    ]
    assert [one.movement for one in found] == [early, between, close, late]


def test_a_reversal_stands_where_that_stands_which_never_happened() -> None:
    wrong = stored(after(minutes=-30))
    undone = stored(after(minutes=50), reverses=wrong)
    assert [one.before for one in judge([(wrong, Decimal(3)), (undone, Decimal(-3))], [COUNT])] == [True, True]
