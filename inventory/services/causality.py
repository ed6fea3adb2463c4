"""Causality: whether a movement came before or after a count, by what each of them knew (COUNTING.md).

A count is compared with the ledger at its own causal position. What its installation had done or pulled before
is surely before it; of anybody else's later rows only the clocks tell, and where they are closer than two minutes
nobody knows: such a movement is in doubt, left out of the expected quantity, and the line is flagged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

CLOSE = timedelta(minutes=2)  # what two corrected clocks may still be apart


@dataclass(frozen=True, slots=True)
class Fact:
    """A movement or a count entry, as far as order is concerned.

    `told_at` is the installation's own clock (None: not told), `at` the same by the server's clock. `online`: the
    server's clock set the time as the fact arrived. `base` = the feed position that its installation had pulled
    when it counted, `pushed_base` when it pushed, which may be later. `since`: where a count does not tell its
    time, when at the earliest it can have been made.
    """

    revision: int
    installation_id: int | None
    sequence: int | None
    told_at: datetime | None
    at: datetime
    online: bool
    base: int = 0
    pushed_base: int = 0
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a movement stands to a count: before it or not, in doubt or not, and why."""

    before: bool
    doubt: bool
    why: str


KNOWN = Place(True, False, "known")  # pulled by the counter, or on the server when it counted online
OWN_EARLIER = Place(True, False, "own_earlier")
OWN_LATER = Place(False, False, "own_later")
OWN_LAG = Place(False, True, "logging_lag")  # later in its own order, yet said to have happened before
CLOCK_EARLIER = Place(True, False, "clock_earlier")
CLOCK_LATER = Place(False, False, "clock_later")
CLOCK_CLOSE = Place(False, True, "clock_close")
UNTIMED = Place(False, True, "untimed")  # the count does not say when it was made
PULLED_CLOSE = Place(True, True, "pulled_close")  # pulled before the push: before the count or shortly after it
PULLED_LATER = Place(False, True, "pulled_later")  # pulled before the push, yet after the count by the clocks
AFTER_RECEIPT = Place(False, False, "after_receipt")  # happened on the server when the count was there already


def fact_of_movement(movement: Any) -> Fact:
    """A StockMovement as a Fact. A reversal says that something never happened: it stands where that stood."""
    movement = movement.reverses or movement
    return Fact(
        revision=movement.revision,
        installation_id=movement.installation_id,
        sequence=movement.sequence,
        told_at=movement.occurred_at,
        at=movement.corrected_at,
        online=movement.occurred_at == movement.received_at,
    )


def fact_of_count(entry: Any) -> Fact:
    """A CountEntry as a Fact."""
    online = entry.counted_at is not None and entry.counted_at == entry.received_at
    told = entry.base_revision or 0
    return Fact(
        revision=entry.revision,
        installation_id=entry.installation_id,
        sequence=entry.sequence,
        told_at=entry.counted_at,
        at=entry.corrected_at,
        online=online,
        base=entry.revision - 1 if online else told if told < entry.revision else 0,  # it cannot have pulled that
        pushed_base=min(entry.pushed_base or 0, entry.revision - 1),
        since=entry.sheet.stocktake.opened_at if entry.counted_at is None else None,
    )


def place(movement: Fact, count: Fact) -> Place:
    """Where one movement stands to one count."""
    if movement.revision <= count.base:
        return KNOWN
    if movement.installation_id is not None and movement.installation_id == count.installation_id:
        own = _own(movement, count)
        if own is not None:
            return own
    if movement.online and movement.revision > count.revision:
        return AFTER_RECEIPT
    if movement.revision <= count.pushed_base:
        return IF_PULLED[_by_clock(movement, count)]
    return _by_clock(movement, count)


def _by_clock(movement: Fact, count: Fact) -> Place:
    """Nothing but the corrected clocks tells; closer than two minutes they do not."""
    if movement.at < (count.since or count.at) - CLOSE:
        return CLOCK_EARLIER
    if movement.at > count.at + CLOSE:
        return CLOCK_LATER
    return UNTIMED if count.told_at is None else CLOCK_CLOSE


# Who pulls before every push had not seen all of it when counting: the push's base is a hint, never a proof.
IF_PULLED = {CLOCK_EARLIER: KNOWN, CLOCK_CLOSE: PULLED_CLOSE, UNTIMED: PULLED_CLOSE, CLOCK_LATER: PULLED_LATER}


def _own(movement: Fact, count: Fact) -> Place | None:
    """The same installation: its own order decides, and where that is not told its own clock.

    None where neither does: what happened online has the server's time, which its own cannot be compared with.
    """
    between = _on_one_clock(movement, count)
    said_before = between is not None and between > timedelta(0)
    if movement.sequence is not None and count.sequence is not None:
        if movement.sequence < count.sequence:
            return OWN_EARLIER
        return OWN_LAG if said_before else OWN_LATER
    if not between:
        return None
    return OWN_EARLIER if said_before else OWN_LATER


def _on_one_clock(movement: Fact, count: Fact) -> timedelta | None:
    """From movement to count by the clock that told both; None where one was not told, or by the server's."""
    if movement.told_at is None or count.told_at is None or movement.online or count.online:
        return None
    return count.told_at - movement.told_at


@dataclass(frozen=True, slots=True)
class Judged:
    """A movement against all the counts that make up one total."""

    movement: Any
    delta: Decimal
    before: bool
    doubt: bool
    why: str


def judge(movements: Iterable[tuple[Any, Decimal]], counts: Sequence[Fact]) -> list[Judged]:
    """Each movement (with what it added to the bucket) against every count of a total, in counting order.

    Before all: expected. After all: not. Between them, or in doubt with one: it is in doubt; whether the counters
    saw it nobody can tell, and the last count decides how it is booked.
    """
    found = []
    for movement, delta in movements:
        fact = fact_of_movement(movement)
        places = [place(fact, count) for count in counts]
        last = places[-1]
        if any(p.before != last.before for p in places):
            found.append(Judged(movement, delta, last.before, True, "while_counting"))
        else:
            doubtful = next((p for p in places if p.doubt), last)
            found.append(Judged(movement, delta, last.before, doubtful.doubt, doubtful.why))
    return found
