"""Late movements: what arrives after a count was posted, but happened before it, was counted already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Q

from config.core.quantities import plain
from devices.models import Device, Installation
from inventory.models import Case, CountEntry, StockMovement, StocktakeLine
from inventory.models.lines import Line
from inventory.services.cases import Trouble
from inventory.services.causality import CLOSE, Fact, Judged, fact_of_count, fact_of_movement, judge
from inventory.services.levels import Bucket


def late_troubles(device: Device, movements: Sequence[StockMovement]) -> list[Trouble]:
    """A case for each posted count that a movement should have been part of, or may have been; constant queries.

    A movement that happened as the server heard of it is after every posted count, so most cost none. Of several
    counts of a bucket the last one decides: that one corrected what the earlier ones had left.
    """
    facts = [fact_of_movement(movement) for movement in movements]
    overtaken = _overtaken(facts)
    told = [m for m, fact in zip(movements, facts, strict=True) if not fact.online or overtaken]
    if not told:
        return []
    since = min(fact_of_movement(movement).at for movement in told) - CLOSE
    lines = StocktakeLine.objects.filter(
        Q(movement__isnull=False) | Q(variance=0),  # where the book was kept, the ledger decides as ever
        Q(counted_at__gte=since) | overtaken,
        device=device,
        state=Line.POSTED,
        product__in={movement.product_id for movement in told},
    ).order_by("-counted_at", "-pk")
    found: dict[Any, list[StocktakeLine]] = {}
    for line in lines.select_related("product", "location", "lot", "stocktake"):
        found.setdefault((line.product_id, line.location_id, line.lot_id), []).append(line)
    if not found:
        return []
    entries = _entries([line for some in found.values() for line in some])
    return [
        trouble
        for movement in told
        for location in (movement.from_location_id, movement.to_location_id)
        for trouble in _late(movement, found.get((movement.product_id, location, movement.lot_id), ()), entries)
    ]


def _late(
    movement: StockMovement, lines: Sequence[StocktakeLine], entries: Mapping[int, Sequence[CountEntry]]
) -> Iterator[Trouble]:
    """About the last count that the movement should have been part of, if any; `lines`: the last one first."""
    for line in lines:
        verdict = _verdict(movement, line, entries.get(line.pk, ()))
        if verdict is not None:
            yield _trouble(movement, line, verdict)
            return


def line_reference(line: StocktakeLine) -> str:
    """The reference of what was booked on a line after it was posted: that is part of its count, never late to it."""
    return f"line:{line.uuid}"


def _overtaken(facts: Sequence[Fact]) -> Q:
    """Lines of counts that an operation overtook: it was refused for a while and comes after later ones of its own
    installation.
    """
    first: dict[int, int] = {}
    for fact in facts:
        if fact.installation_id is not None and fact.sequence is not None:
            first[fact.installation_id] = min(fact.sequence, first.get(fact.installation_id, fact.sequence))
    if not first:
        return Q()
    found = Q()
    reached = Installation.objects.filter(pk__in=first).values_list("pk", "next_sequence")
    for installation, _ in [(key, number) for key, number in reached if first[key] < number]:
        counts = CountEntry.objects.on_time().filter(installation=installation, sequence__gt=first[installation])
        counts = counts.filter(sheet__stocktake=OuterRef("stocktake"), product=OuterRef("product"))
        found |= Q(Exists(counts))
    return found


def _entries(lines: Sequence[StocktakeLine]) -> dict[int, list[CountEntry]]:
    """The counts of each line, by the line's key."""
    by_key = {(line.stocktake_id, line.product_id, line.location_id, line.lot_id): line.pk for line in lines}
    rows = CountEntry.objects.on_time().filter(
        sheet__stocktake__in={line.stocktake_id for line in lines}, product__in={line.product_id for line in lines}
    )
    found: dict[int, list[CountEntry]] = {}
    for entry in rows.select_related("sheet__stocktake").order_by("revision"):
        key = by_key.get((entry.sheet.stocktake_id, entry.product_id, entry.location_id, entry.lot_id))
        if key is not None:
            found.setdefault(key, []).append(entry)
    return found


def _verdict(movement: StockMovement, line: StocktakeLine, entries: Sequence[CountEntry]) -> Judged | None:
    """Where the movement stands to the last pass of the line; None where it is surely after it, or undoes it.

    A line without entries of its own was counted by the word that its place is empty, or assumed to be nothing:
    then its time alone is known.
    """
    if movement.reverses_id is not None and movement.reverses_id == line.movement_id:
        return None
    if movement.reference == line_reference(line):
        return None
    last = max((entry.sheet.pass_number for entry in entries), default=0)
    counts = [fact_of_count(entry) for entry in entries if entry.sheet.pass_number == last] or [_time_of(line)]
    found = judge([(movement, movement.quantity)], sorted(counts, key=lambda count: (count.at, count.revision)))[0]
    return found if found.before or found.doubt else None


def _time_of(line: StocktakeLine) -> Fact:
    assert line.counted_at is not None  # it was found by it
    return Fact(line.revision, None, None, line.counted_at, line.counted_at, online=False)


def _trouble(movement: StockMovement, line: StocktakeLine, verdict: Judged) -> Trouble:
    here = Bucket(line.product, line.location, line.lot)
    sign = 1 if movement.to_location_id == line.location_id else -1
    told = f"{'+' if sign > 0 else '−'}{plain(movement.quantity)} {line.product.unit}"
    surely = "may have happened" if verdict.doubt else "happened"
    return Trouble(
        kind=Case.Kind.LATE_MOVEMENT,
        key=f"line:{line.uuid}:{movement.uuid}",
        summary=f"{line.product} at {line.location}: {told} {surely} before the count of {line.stocktake}, "
        "and arrived after it was posted",
        evidence={
            "movement_id": movement.uuid,
            "line_id": line.uuid,
            "stocktake_id": line.stocktake.uuid,
            "level_id": here.uuid,
            "quantity": plain(sign * movement.quantity),
            "why": verdict.why,
            "happened_at": movement.corrected_at,
            "counted_at": line.counted_at,
        },
    )
