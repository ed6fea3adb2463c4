"""A day on which stock is counted while it moves, and what four ways to post the counts make of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

from inventory.services.causality import Fact, Place, place

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
DAY = 8 * 3600.0  # seconds; everything is applied at its end
OWN = 1.4  # movements a line, on average, by the installation that counts it
VARIES = 0.08  # of the lines, the shelf differs from the book before anything moves
COUNTER, OTHERS = 1, 12  # the counting installation; how many others there are
PULLS = 900.0  # seconds between two pulls of the counter
SENDS = 600.0  # an installation sends what it queued within so many seconds


@dataclass(frozen=True, slots=True)
class Trouble:
    """What else goes on: `foreign` movements of others for each own one, clocks off by up to `clock` seconds after
    correction, and the share of the others' movements that is `late`: it comes after everything was posted.
    """

    foreign: float = 0
    clock: float = 0
    late: float = 0


CALM = Trouble()
ROUGH = Trouble(foreign=0.2, clock=60, late=0.1)


@dataclass(frozen=True, slots=True)
class Moved:
    """A movement: when it truly happened and what it added, as a fact, and when the server heard of it."""

    then: float
    delta: int
    fact: Fact
    heard: float


@dataclass(frozen=True, slots=True)
class CountedLine:
    """One line: the book at the start, the shelf at the end, and the count between."""

    book: int
    counted: int
    shelf: int
    moved: tuple[Moved, ...]
    count: Fact

    @property
    def known(self) -> list[Moved]:
        """What the server knows when the counts are applied."""
        return [moved for moved in self.moved if moved.heard <= DAY]

    @property
    def late(self) -> list[Moved]:
        return [moved for moved in self.moved if moved.heard > DAY]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a strategy makes of a line: the level when all is in; refused; flagged for people to look at."""

    level: int
    refused: bool = False
    flagged: bool = False


def a_day(*, lines: int, seed: int, trouble: Trouble) -> Iterator[CountedLine]:
    """The lines of a day; the same seed gives the same ones."""
    random = Random(seed)  # noqa: S311  # a simulation
    errors = {who: random.uniform(-trouble.clock, trouble.clock) for who in range(1, OTHERS + 2)}
    for _ in range(lines):
        yield _line(random, trouble, errors)


def _line(random: Random, trouble: Trouble, errors: dict[int, float]) -> CountedLine:
    book = random.randint(5, 60)
    shelf = book + (random.choice((-3, -2, -1, 1, 2)) if random.random() < VARIES else 0)
    then = random.uniform(0, DAY)
    pace = random.expovariate(1 / OWN)  # a few lines move all day, many hardly ever
    others = [random.randint(2, OTHERS + 1) for _ in range(_how_many(random, pace * trouble.foreign))]
    moved = [_moved(random, COUNTER, errors, late=0) for _ in range(_how_many(random, pace))]
    moved += [_moved(random, who, errors, late=trouble.late) for who in others]
    before = sum(each.delta for each in moved if each.then < then)
    heard = min(then + random.uniform(0, SENDS), DAY)
    fact = replace(_fact(COUNTER, then, heard, errors), base=_tick(then - then % PULLS))
    return CountedLine(book, shelf + before, shelf + sum(each.delta for each in moved), tuple(moved), fact)


def _how_many(random: Random, mean: float) -> int:
    """Poisson: as many as fit into a span of `mean`, one apart on average."""
    number, at = -1, 0.0
    while at <= mean:
        number, at = number + 1, at + random.expovariate(1)
    return number


def _moved(random: Random, who: int, errors: dict[int, float], *, late: float) -> Moved:
    then = random.uniform(0, DAY)
    heard = min(then + random.uniform(0, SENDS), DAY)
    if late and random.random() < late:
        heard = DAY + random.uniform(60, DAY)
    return Moved(then, random.choice((-3, -2, -1, -1, 1, 2, 6)), _fact(who, then, heard, errors), heard)


def _fact(who: int, then: float, heard: float, errors: dict[int, float]) -> Fact:
    """Revisions and sequences are only compared, so the moments themselves, in microseconds, serve as both."""
    told = START + timedelta(seconds=then + errors[who])
    at = min(told, START + timedelta(seconds=heard))
    return Fact(_tick(heard), who, _tick(then), told_at=told, at=at, online=False)


def _tick(moment: float) -> int:
    return round(moment * 1_000_000)


def overwrite(line: CountedLine) -> Outcome:
    """The count becomes the stock when it is applied."""
    return Outcome(line.counted + sum(moved.delta for moved in line.late))


def snapshot(line: CountedLine) -> Outcome:
    """The difference to the book as it was when the session opened is added to the stock."""
    return Outcome(line.counted + sum(moved.delta for moved in line.moved))


def refuse(line: CountedLine) -> Outcome:
    """As a snapshot, but refused where anything moved meanwhile."""
    return replace(snapshot(line), refused=bool(line.known))


def causal(line: CountedLine, *, decided: bool = True) -> Outcome:
    """As inventory/services/counting does it; `decided`: what came late and was surely before is absorbed."""
    places = [(moved, place(moved.fact, line.count)) for moved in line.known]
    after = [(moved, place(moved.fact, line.count)) for moved in line.late]
    expected = line.book + sum(moved.delta for moved, found in places if found.before)
    level = line.book + sum(moved.delta for moved in line.moved) + line.counted - expected
    flagged = any(found.doubt for _, found in places)
    for moved, found in after:
        flagged = flagged or found.before or found.doubt
        level -= moved.delta if decided and _sure(found) else 0
    return Outcome(level, flagged=flagged)


def _sure(found: Place) -> bool:
    return found.before and not found.doubt


@dataclass(frozen=True, slots=True)
class Score:
    """Percent of the lines of a day."""

    wrong: float
    silent: float
    refused: float
    flagged: float


STRATEGIES: dict[str, Callable[[CountedLine], Outcome]] = {
    "overwrite": overwrite,
    "snapshot": snapshot,
    "refuse": refuse,
    "causal": causal,
    "undecided": partial(causal, decided=False),
}


def compare(*, lines: int, seed: int, trouble: Trouble) -> dict[str, Score]:
    """What each strategy makes of the same day."""
    day = list(a_day(lines=lines, seed=seed, trouble=trouble))
    scores = {}
    for name, strategy in STRATEGIES.items():
        found = [(line, strategy(line)) for line in day]
        taken = [(line, outcome) for line, outcome in found if not outcome.refused]
        wrong = [outcome for line, outcome in taken if outcome.level != line.shelf]
        scores[name] = Score(
            wrong=100 * len(wrong) / lines,
            silent=100 * sum(not outcome.flagged for outcome in wrong) / lines,
            refused=100 * (lines - len(taken)) / lines,
            flagged=100 * sum(outcome.flagged for _, outcome in taken) / lines,
        )
    return scores
