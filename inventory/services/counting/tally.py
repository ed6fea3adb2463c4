"""Tally: what the entries of one pass say of one bucket. Zones add; a typed total replaces its sheet's earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import groupby

from inventory.models import CountEntry, Location, Lot
from inventory.services.causality import Fact, fact_of_count
from inventory.services.trees import ancestors

Mode = CountEntry.Mode
Zone = tuple[int | None, str]
Above = Mapping[int, frozenset[int]]  # what lies above each location, by server keys
ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Tally:
    """The total of one pass: `counts` = the entries it is made of, in counting order, as facts.

    `counters` = whoever counted in it, also where another count stands: theirs are no other eyes.
    """

    pass_number: int
    counted: Decimal
    entries: Sequence[CountEntry]
    counts: Sequence[Fact]
    counters: frozenset[str]
    counted_at: datetime
    flags: tuple[str, ...] = field(default=())


def tally_pass(pass_number: int, entries: Iterable[CountEntry], *, above: Above, serial: bool) -> Tally:
    """The total of one bucket in one pass from its entries (those that count; one at least).

    Zones add up. Of sheets whose zones overlap the one that was counted last stands, and it is flagged; 'empty' never
    stands against a count.
    """
    by_sheet: dict[int, list[CountEntry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.revision):
        by_sheet.setdefault(entry.sheet_id, []).append(entry)
    sheets = [_effective(in_own_order(found)) for found in by_sheet.values()]
    flags = set()
    standing: list[list[CountEntry]] = []
    for found in sorted(
        sheets, key=lambda found: (found[-1].product_id is not None, *_moment(found[-1])), reverse=True
    ):
        if any(_overlap(_zone(found[-1]), _zone(other[-1]), above) for other in standing):
            flags.add("overlap")
        else:
            standing.append(found)
    chosen = sorted((entry for found in standing for entry in found), key=_moment)
    counted = sum((entry.quantity for entry in chosen), Decimal(0))
    if serial and counted > ONE:
        counted = ONE
        flags.add("serial_again")
    return Tally(
        pass_number=pass_number,
        counted=counted,
        entries=chosen,
        counts=[fact_of_count(entry) for entry in chosen],
        counters=frozenset(key for found in by_sheet.values() for entry in found for key in entry.counters),
        counted_at=chosen[-1].corrected_at,
        flags=tuple(sorted(flags)),
    )


def zones_above(entries: Iterable[CountEntry]) -> Above:
    """What lies above the zones of these entries (with sheet and locations): at most one query a level."""
    zones = {place for entry in entries for place in (entry.sheet.location, _emptied(entry)) if place is not None}
    return ancestors(zones) if len(zones) > 1 else {}


def tallies(entries: Iterable[CountEntry], *, above: Above, lot: Lot | None) -> list[Tally]:
    """The total of each pass that counted this bucket, the first pass first."""
    serial = lot is not None and lot.kind == Lot.Kind.SERIAL
    ordered = sorted(entries, key=lambda entry: entry.sheet.pass_number)
    passes = groupby(ordered, key=lambda entry: entry.sheet.pass_number)
    return [tally_pass(number, some, above=above, serial=serial) for number, some in passes]


def in_own_order(entries: Sequence[CountEntry]) -> list[CountEntry]:
    """Entries in the order of their revisions, each installation's numbered ones in its own order.

    The two differ where an operation was refused for a while and came through later.
    """
    queues: dict[int | None, list[CountEntry]] = {}
    for entry in sorted((e for e in entries if e.sequence is not None), key=lambda e: e.sequence or 0, reverse=True):
        queues.setdefault(entry.installation_id, []).append(entry)
    return [entry if entry.sequence is None else queues[entry.installation_id].pop() for entry in entries]


def _effective(entries: Sequence[CountEntry]) -> list[CountEntry]:
    """The last typed total and what was added to it; 'empty' is a total of nothing."""
    start = max((n for n, entry in enumerate(entries) if entry.mode != Mode.ADD), default=0)
    return list(entries[start:])


def _emptied(entry: CountEntry) -> Location | None:
    """The place that an entry says is empty, where that is not what its sheet is about anyway."""
    place, about = entry.location, entry.sheet.location_id
    if entry.product_id is not None or place is None or place.pk == about or (about is None and place.is_default):
        return None
    return place


def _zone(entry: CountEntry) -> Zone:
    place = _emptied(entry)
    return entry.sheet.zone if place is None else (place.pk, "")


def _overlap(one: Zone, other: Zone, above: Above) -> bool:
    """Whether two zones coincide, or one holds the other: a location what lies below it, no location everything."""
    (here, name), (there, part) = one, other
    if here == there:
        return name == part or not name or not part
    if here is None or there is None:
        return True
    return here in above.get(there, ()) or there in above.get(here, ())


def _moment(entry: CountEntry) -> tuple[datetime, int]:
    return entry.corrected_at, entry.revision
