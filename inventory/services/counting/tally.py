"""Tally: what the entries of one pass say of one bucket. Zones add; a typed total replaces its sheet's earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from inventory.models import CountEntry, Lot
from inventory.services.causality import Fact, fact_of_count

Mode = CountEntry.Mode
ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Tally:
    """The total of one pass: `counts` = the entries it is made of, in counting order, as facts."""

    pass_number: int
    counted: Decimal
    entries: Sequence[CountEntry]
    counts: Sequence[Fact]
    counters: frozenset[str]
    counted_at: datetime
    flags: tuple[str, ...] = field(default=())


def tally_pass(pass_number: int, entries: Iterable[CountEntry], *, serial: bool) -> Tally:
    """The total of one bucket in one pass from its entries (those that count; one at least).

    Two sheets of the same zone are not added: the one that was counted last stands, and it is flagged.
    """
    by_sheet: dict[int, list[CountEntry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.revision):
        by_sheet.setdefault(entry.sheet_id, []).append(entry)
    sheets = [_effective(in_own_order(found)) for found in by_sheet.values()]
    flags = set()
    zones: dict[Any, list[CountEntry]] = {}
    for found in sorted(sheets, key=lambda found: found[-1].corrected_at):
        zone = found[-1].sheet.zone
        if zone in zones:
            flags.add("overlap")
        zones[zone] = found
    chosen = sorted((entry for found in zones.values() for entry in found), key=_moment)
    counted = sum((entry.quantity for entry in chosen), Decimal(0))
    if serial and counted > ONE:
        counted = ONE
        flags.add("serial_again")
    return Tally(
        pass_number=pass_number,
        counted=counted,
        entries=chosen,
        counts=[fact_of_count(entry) for entry in chosen],
        counters=frozenset(key for entry in chosen for key in counters_of(entry)),
        counted_at=chosen[-1].corrected_at,
        flags=tuple(sorted(flags)),
    )


def tallies(entries: Iterable[CountEntry], *, lot: Lot | None) -> list[Tally]:
    """The total of each pass that counted this bucket, the first pass first."""
    serial = lot is not None and lot.kind == Lot.Kind.SERIAL
    ordered = sorted(entries, key=lambda entry: entry.sheet.pass_number)
    passes = groupby(ordered, key=lambda entry: entry.sheet.pass_number)
    return [tally_pass(number, some, serial=serial) for number, some in passes]


def in_own_order(entries: Sequence[CountEntry]) -> list[CountEntry]:
    """Entries in the order of their revisions, each installation's numbered ones in its own order.

    The two differ where an operation was refused for a while and came through later.
    """
    queues: dict[int | None, list[CountEntry]] = {}
    for entry in sorted((e for e in entries if e.sequence is not None), key=lambda e: e.sequence or 0, reverse=True):
        queues.setdefault(entry.installation_id, []).append(entry)
    return [entry if entry.sequence is None else queues[entry.installation_id].pop() for entry in entries]


def counters_of(entry: CountEntry) -> Iterable[str]:
    """Who counted: the person or installation that acted, and the installation it was done on."""
    yield entry.counter
    if entry.installation is not None:
        yield f"installation:{entry.installation.uuid}"


def _effective(entries: Sequence[CountEntry]) -> list[CountEntry]:
    """The last typed total and what was added to it; 'empty' is a total of nothing."""
    start = max((n for n, entry in enumerate(entries) if entry.mode != Mode.ADD), default=0)
    return list(entries[start:])


def _moment(entry: CountEntry) -> tuple[datetime, int]:
    return entry.corrected_at, entry.revision
