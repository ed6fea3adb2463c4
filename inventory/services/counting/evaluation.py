"""Evaluation: expected, counted and variance of each line, at the count's own causal position (COUNTING.md).

expected = the level now, less the few movements that are not before the count. Nothing is frozen: what moves
meanwhile moves both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.db.models import Q

from config.core.quantities import plain
from config.core.wire import wire_time
from devices.models import Device
from inventory.models import CountEntry, StockLevel, StockMovement, Stocktake, StocktakeLine
from inventory.services.causality import CLOSE, Fact, Judged, judge
from inventory.services.counting.tally import Tally, tallies, zones_above
from inventory.services.late_movements import line_reference
from inventory.services.levels import Bucket

Key = tuple[int, int, int | None]  # product, location, lot
LOOK = ("clock_close", "untimed", "pulled_close", "pulled_later")  # whys that make an ambiguous_movement case


@dataclass(frozen=True, slots=True)
class Result:
    """What one pass says of a line. `judged` = every movement after its earliest count, with its verdict."""

    tally: Tally
    expected: Decimal
    judged: Sequence[Judged]

    @property
    def variance(self) -> Decimal:
        return self.tally.counted - self.expected

    @property
    def doubts(self) -> list[Judged]:
        """Movements whose order nobody can tell."""
        return [judged for judged in self.judged if judged.doubt]

    def as_json(self) -> dict[str, Any]:
        """As a line keeps it in `passes`."""
        return {
            "pass": self.tally.pass_number,
            "counted": plain(self.tally.counted),
            "expected": plain(self.expected),
            "variance": plain(self.variance),
            "counters": sorted(self.tally.counters),
            "counted_at": wire_time(self.tally.counted_at),
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """What all passes say of a line; no results: nobody counted it. `level` = the book now."""

    line: StocktakeLine
    level: Decimal
    results: Sequence[Result]
    flags: tuple[str, ...] = ()

    @property
    def last(self) -> Result | None:
        """The latest pass stands; the others are compared with it."""
        return self.results[-1] if self.results else None

    @property
    def doubts(self) -> list[Judged]:
        """Movements whose order to the last pass nobody can tell."""
        return self.last.doubts if self.last else []


def key_of(row: Any) -> Key:
    """The bucket of a line, a level or an entry, by server keys."""
    return row.product_id, row.location_id, row.lot_id


def find_results(stocktake: Stocktake, lines: Sequence[StocktakeLine]) -> list[Finding]:
    """Evaluate lines (with product, location, lot) in a constant number of queries. Reads only.

    Call it under the feed lock where its answer is written: level and movements must belong together.
    """
    counts = _entries(stocktake, lines)
    above = zones_above(entry for found in counts.values() for entry in found)
    totals = {line.pk: tallies(counts.get(key_of(line), ()), above=above, lot=line.lot) for line in lines}
    facts = [fact for found in totals.values() for tally in found for fact in tally.counts]
    levels = _levels(lines)
    moved = _movements(stocktake.device, lines, facts)
    movers = _movers(stocktake, lines, totals.values())
    findings = []
    for line in lines:
        level, deltas = levels.get(key_of(line), Decimal(0)), moved.get(key_of(line), [])
        results = [_result(line, tally, level, deltas) for tally in totals[line.pk]]
        findings.append(Finding(line, level, results, _flags(line, results, movers)))
    return findings


def _result(
    line: StocktakeLine, tally: Tally, level: Decimal, deltas: Sequence[tuple[StockMovement, Decimal]]
) -> Result:
    judged = [_told_apart(line, found) for found in judge(deltas, tally.counts)]
    not_before = sum((found.delta for found in judged if not found.before), Decimal(0))
    return Result(tally, level - not_before, judged)


def _told_apart(line: StocktakeLine, judged: Judged) -> Judged:
    """What was booked on this very line, or takes that back, stands at its count and yet is never in doubt."""
    made = judged.movement.reverses or judged.movement
    if made.pk == line.movement_id or made.reference == line_reference(line):
        return replace(judged, before=False, doubt=False, why="own_posting")
    return judged


def _flags(line: StocktakeLine, results: Sequence[Result], movers: set[tuple[Key, int]]) -> tuple[str, ...]:
    if not results:
        return ()
    last = results[-1]
    found = set(last.tally.flags)
    whys = {judged.why for judged in last.doubts}
    if whys & set(LOOK):
        found.add("ambiguous")
    found |= whys & {"logging_lag", "while_counting"}
    installations = {fact.installation_id for fact in last.tally.counts}
    if any((key_of(line), key) in movers for key in installations if key is not None):
        found.add("not_independent")
    return tuple(sorted(found))


def _entries(stocktake: Stocktake, lines: Sequence[StocktakeLine]) -> dict[Key, list[CountEntry]]:
    """The entries that count, by bucket; 'empty' of its location is the word of each sheet that has no other on it."""
    places, wanted = {line.location_id for line in lines}, {key_of(line) for line in lines}
    rows = CountEntry.objects.on_time().filter(sheet__stocktake=stocktake)
    rows = rows.filter(Q(product__in={key[0] for key in wanted}) | Q(product=None, location__in=places))
    found: dict[Key, list[CountEntry]] = {}
    empty: dict[int, list[CountEntry]] = {}
    # Shared by many entries: read once, not joined.
    few = ("sheet__stocktake", "sheet__location", "location", "installation")
    for entry in rows.select_related("scan").prefetch_related(*few).order_by("revision"):
        if entry.product_id is None:
            empty.setdefault(entry.location_id, []).append(entry)
        else:
            found.setdefault(key_of(entry), []).append(entry)
    for key in wanted:
        sheets = {entry.sheet_id for entry in found.get(key, ())}
        extra = [entry for entry in empty.get(key[1], ()) if entry.sheet_id not in sheets]
        if extra:
            found[key] = [*found.get(key, ()), *extra]
    return found


def _levels(lines: Sequence[StocktakeLine]) -> dict[Key, Decimal]:
    ids = [Bucket(line.product, line.location, line.lot).uuid for line in lines]
    rows = StockLevel.all_objects.filter(device=lines[0].device_id, uuid__in=ids) if lines else []
    return {key_of(level): level.quantity for level in rows}


def _movements(
    device: Device, lines: Sequence[StocktakeLine], counts: Sequence[Fact]
) -> dict[Key, list[tuple[StockMovement, Decimal]]]:
    """What was added to each bucket after the earliest base of its counts: only that may not be before them."""
    if not counts:
        return {}
    since = min(fact.base for fact in counts)
    rows = StockMovement.all_objects.filter(
        maybe_after(counts), device=device, product__in={line.product_id for line in lines}, revision__gt=since
    )
    found: dict[Key, list[tuple[StockMovement, Decimal]]] = {}
    for movement in rows.select_related("reverses").order_by("revision"):
        for location, sign in ((movement.from_location_id, -1), (movement.to_location_id, 1)):
            if location is not None:
                key = (movement.product_id, location, movement.lot_id)
                found.setdefault(key, []).append((movement, sign * movement.quantity))
    return found


def maybe_after(counts: Sequence[Fact]) -> Q:
    """What the server had long before a count is before it, whatever its base; unless its own order says later."""
    wanted = Q(received_at__gte=min(fact.since or fact.at for fact in counts) - CLOSE)
    first: dict[int, int] = {}
    for fact in counts:
        if fact.installation_id is not None:
            number = fact.sequence or 0
            first[fact.installation_id] = min(number, first.get(fact.installation_id, number))
    for installation, number in first.items():
        wanted |= Q(Q(sequence=None) | Q(sequence__gt=number), installation=installation)
    return wanted


def _movers(
    stocktake: Stocktake, lines: Sequence[StocktakeLine], totals: Iterable[Sequence[Tally]]
) -> set[tuple[Key, int]]:
    """Which counting installations ever moved which bucket: asked only where the policy wants others to count."""
    if not stocktake.rules.independent_counter:
        return set()
    installations = {fact.installation_id for found in totals for tally in found for fact in tally.counts}
    products = {line.product_id for line in lines}
    rows = StockMovement.all_objects.filter(
        device=stocktake.device, product__in=products, installation__in=installations - {None}
    )
    found: set[tuple[Key, int]] = set()
    for product, source, target, lot, mover in (
        rows.order_by()
        .distinct()
        .values_list("product_id", "from_location_id", "to_location_id", "lot_id", "installation_id")
    ):
        found |= {((product, place, lot), mover) for place in (source, target) if place is not None}
    return found


def counted_by_others(results: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those of a line's `passes` that none of the counters of its last pass had a hand in."""
    last = set(results[-1]["counters"]) if results else set()
    return [result for result in results[:-1] if last.isdisjoint(result["counters"])]


def agreeing(results: Sequence[Mapping[str, Any]], *, tolerance: Decimal) -> bool:
    """Whether the last of a line's `passes` found what another one, by other counters, found, within the tolerance."""
    return any(
        abs(Decimal(results[-1]["variance"]) - Decimal(other["variance"])) <= tolerance
        for other in counted_by_others(results)
    )
