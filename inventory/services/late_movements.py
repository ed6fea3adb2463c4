"""Late movements: what arrives after a count was posted, but happened before it, was counted already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q

from config.core.quantities import plain
from devices.models import Device, Installation
from inventory.models import Case, CountEntry, StockMovement, StocktakeLine
from inventory.models.lines import Line
from inventory.services.cases import Trouble
from inventory.services.causality import CLOSE, Fact, Judged, fact_of_count, fact_of_movement, judge
from inventory.services.levels import Bucket

Key = tuple[int, int | None, int | None]  # product, location, lot, by server keys
DAY = timedelta(days=1)
DAY_MS = DAY // timedelta(milliseconds=1)


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
    found = _posted(device, {movement.product_id for movement in told}, Q(counted_at__gte=since) | overtaken)
    entries = _entries([line for some in found.values() for line in some])
    return [_trouble(*one) for movement in told for one in _late(movement, found, entries)]


def missed_troubles(device: Device, lines: Sequence[StocktakeLine]) -> list[Trouble]:
    """A case for each movement that came late to these counts, which were reversed now, and to one before them.

    Only the later count had its case; with that gone, the earlier one is the last of its bucket and has to have it.
    What has had a case with that count, and what was taken back since, has none again. Constant queries.
    """
    buckets = {_key(line) for line in lines}
    posted = _posted(device, {line.product_id for line in lines}, Q())
    found = {key: some for key, some in posted.items() if key in buckets}
    standing = [line for some in found.values() for line in some]
    entries = _entries(standing)
    troubles = [
        _trouble(movement, line, verdict)
        for movement in _came_since(device, standing, entries)
        for _, line, verdict in _late(movement, found, entries)
        if movement.reverses is None or movement.reverses.revision <= (line.head or 0)
    ]
    cases = Case.all_objects.filter(device=device, kind=Case.Kind.LATE_MOVEMENT, key__in=[one.key for one in troubles])
    known = set(cases.values_list("key", flat=True))
    return [trouble for trouble in troubles if trouble.key not in known]


def _key(line: StocktakeLine) -> Key:
    return line.product_id, line.location_id, line.lot_id


def _posted(device: Device, products: set[int], wanted: Q) -> dict[Key, list[StocktakeLine]]:
    """The counts that were posted, by bucket, the last one first."""
    lines = StocktakeLine.objects.filter(
        Q(movement__isnull=False) | Q(variance=0),  # where the book was kept, the ledger decides as ever
        wanted,
        device=device,
        state=Line.POSTED,
        product__in=products,
    ).order_by("-counted_at", "-pk")
    found: dict[Key, list[StocktakeLine]] = {}
    for line in lines.select_related("product", "lot").prefetch_related("location", "stocktake"):
        found.setdefault(_key(line), []).append(line)
    return found


def _late(
    movement: StockMovement, found: Mapping[Key, Sequence[StocktakeLine]], entries: Mapping[int, Sequence[CountEntry]]
) -> Iterator[tuple[StockMovement, StocktakeLine, Judged]]:
    """In each of its places, the last count that the movement should have been part of, if any.

    A count that was posted with it in the book has put right what the earlier ones had left.
    """
    for location in (movement.from_location_id, movement.to_location_id):
        for line in found.get((movement.product_id, location, movement.lot_id), ()):
            if movement.revision <= (line.head or 0):
                break
            verdict = _verdict(movement, line, entries.get(line.pk, ()))
            if verdict is not None:
                yield movement, line, verdict
                break


def _came_since(
    device: Device, lines: Sequence[StocktakeLine], entries: Mapping[int, Sequence[CountEntry]]
) -> Iterable[StockMovement]:
    """What came after the first of these counts was posted, may be of before one of them, and was not taken back."""
    if not lines:
        return ()
    latest = max(line.counted_at for line in lines if line.counted_at is not None) + CLOSE
    wanted = Q(reverses__isnull=False) | (~Q(occurred_at=F("received_at")) & _not_after(latest))
    last: dict[int, int] = {}
    for entry in (entry for some in entries.values() for entry in some):
        if entry.installation_id is not None:
            last[entry.installation_id] = max(entry.sequence or 0, last.get(entry.installation_id, 0))
    for installation, number in last.items():
        wanted |= Q(installation=installation, sequence__lt=number)
    rows = StockMovement.all_objects.filter(
        wanted,
        device=device,
        product__in={line.product_id for line in lines},
        revision__gt=min(line.head or 0 for line in lines),
        reversed_by=None,
    ).exclude(pk__in={line.movement_id for line in lines} - {None})
    found: Iterable[StockMovement] = rows.select_related("reverses", "product").order_by("revision")
    return found


def _not_after(latest: datetime) -> Q:
    """Movements whose corrected time may be no later; those of clocks that are off by a day or more may all be."""
    close = Q(clock_offset_ms__range=(-DAY_MS, DAY_MS))
    return ~close | Q(occurred_at__lte=latest + DAY) | Q(received_at__lte=latest)


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
    for entry in rows.prefetch_related("sheet__stocktake").order_by("revision"):
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
        product=line.product,
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
