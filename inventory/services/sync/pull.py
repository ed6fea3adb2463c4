"""Pull: every row that changed since a cursor, in commit order, none skipped, none twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any

from django.core.cache import cache
from django.db.models import Func, IntegerField, Subquery

from config.core.snapshots import snapshot
from devices.models import Device, DeviceOwnedModel, Feed
from inventory.services.sync.cursors import Cursor, head_cursor, read_cursor
from inventory.services.sync.tables import Table

COUNTS_KEPT = 3600  # seconds; the key holds the head, so a count is never stale


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the feed: rows in revision order, and where the client stands after it."""

    rows: list[tuple[Table, DeviceOwnedModel]]
    cursor: Cursor
    has_more: bool
    head: int
    counts: dict[str, int] | None


def pull_changes(*, device: Device, cursor: str | None, limit: int, tables: Iterable[Table]) -> Page:
    """The next `limit` rows; the last page with counts of live rows, exact for the head that it reports.

    Raises SyncBadCursor, SyncResyncRequired.
    """
    wanted = list(tables)
    if read_cursor(cursor, device, device.feed).seq == device.feed.head:
        known = _known_counts(device.feed, wanted)
        if len(known) == len(wanted):
            return Page([], head_cursor(device, device.feed), False, device.feed.head, known)
    with snapshot():  # rows, head, floor and counts of one moment, however many write meanwhile
        feed = Feed.objects.get(pk=device.pk)
        start = read_cursor(cursor, device, feed)
        found = _rows(device, wanted, start.seq, feed.head, limit) if start.seq < feed.head else []
        if len(found) > limit:
            rows = found[:limit]
            return Page(rows, start.at(rows[-1][1].revision), True, feed.head, None)
        return Page(found, head_cursor(device, feed), False, feed.head, live_counts(device, feed, wanted))


def _rows(device: Device, tables: list[Table], since: int, head: int, limit: int) -> list[tuple[Table, Any]]:
    """Up to limit + 1 rows with since < revision ≤ head, merged over the tables in revision order.

    Most tables have nothing new: one query tells which have, by the last entry of each index.
    """
    newest = Feed.objects.filter(pk=device.pk).values_list(*(_newest(table, device) for table in tables)).get()
    streams = []
    for table, last in zip(tables, newest, strict=True):
        if last is None or last <= since:
            continue
        rows = table.rows(device).filter(revision__gt=since, revision__lte=head).order_by("revision")
        streams.append([(row.revision, table, row) for row in rows[: limit + 1]])
    return [(table, row) for _, table, row in islice(merge(*streams, key=lambda entry: entry[0]), limit + 1)]


def live_counts(device: Device, feed: Feed, tables: list[Table]) -> dict[str, int]:
    """Live rows per table at the feed's head, so that a client can notice divergence; counted once per head.

    In one query. `feed` is of the snapshot that it is called in.
    """
    known = _known_counts(feed, tables)
    missing = [table for table in tables if table.name not in known]
    if missing:
        counts = Feed.objects.filter(pk=device.pk).values_list(*(_count(table, device) for table in missing)).get()
        known |= {table.name: count for table, count in zip(missing, counts, strict=True)}
        cache.set_many({_key(feed, table): known[table.name] for table in missing}, COUNTS_KEPT)
    return {table.name: known[table.name] for table in tables}


def _newest(table: Table, device: Device) -> Subquery:
    return Subquery(table.model.all_objects.for_device(device).order_by("-revision").values("revision")[:1])


def _count(table: Table, device: Device) -> Subquery:
    count = Func(template="COUNT(*)", output_field=IntegerField())  # Count() would group
    rows = table.plain_rows(device) if table.leaves_out else table.model.objects.for_device(device)
    return Subquery(rows.alive().order_by().values_list(count))


def _known_counts(feed: Feed, tables: list[Table]) -> dict[str, int]:
    kept = cache.get_many(_key(feed, table) for table in tables)
    return {table.name: kept[key] for table in tables if (key := _key(feed, table)) in kept}


def _key(feed: Feed, table: Table) -> str:
    name = table.name if table.counter is None else f"{table.name}:{table.counter}"
    return f"counts:{feed.pk}:{feed.epoch}:{feed.head}:{name}"
