"""Pull: every row that changed since a cursor, in commit order, none skipped, none twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any

from django.core.cache import cache

from devices.models import Device, DeviceOwnedModel, Feed
from inventory.services.sync.cursors import Cursor, read_cursor, refuse_stale
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
    """The next `limit` rows. `device.feed` must have been read before any row is.

    Raises SyncBadCursor, SyncResyncRequired.
    """
    feed, wanted = device.feed, list(tables)
    start = read_cursor(cursor, feed)
    found = _rows(device, wanted, start.seq, feed.head, limit) if start.seq < feed.head else []
    if found:
        # Retention may have moved the floor while the rows were read: then a tombstone may be missing here.
        refuse_stale(start, Feed.objects.get(pk=device.pk))
    rows, has_more = found[:limit], len(found) > limit
    if has_more:
        return Page(rows, start.at(rows[-1][1].revision), True, feed.head, None)
    done = Cursor(feed.epoch, feed.head, feed.head)
    return Page(rows, done, False, feed.head, live_counts(device, feed, wanted))


def _rows(device: Device, tables: list[Table], since: int, head: int, limit: int) -> list[tuple[Table, Any]]:
    """Up to limit + 1 rows with since < revision ≤ head, merged over the tables in revision order."""
    streams = []
    for table in tables:
        rows = table.rows(device).filter(revision__gt=since, revision__lte=head).order_by("revision")
        streams.append([(row.revision, table, row) for row in rows[: limit + 1]])
    return [(table, row) for _, table, row in islice(merge(*streams, key=lambda entry: entry[0]), limit + 1)]


def live_counts(device: Device, feed: Feed, tables: list[Table]) -> dict[str, int] | None:
    """Live rows per table, so that a client can notice divergence; counted once per head.

    None where somebody wrote meanwhile: counts of a later head would look like divergence.
    """
    keys = {f"counts:{device.pk}:{feed.epoch}:{feed.head}:{table.name}": table for table in tables}
    known: dict[str, int] = cache.get_many(keys)
    fresh = {key: table.model.objects.for_device(device).count() for key, table in keys.items() if key not in known}
    if fresh:
        if not Feed.objects.filter(pk=device.pk, head=feed.head).exists():
            return None
        cache.set_many(fresh, COUNTS_KEPT)
    return {table.name: (known | fresh)[key] for key, table in keys.items()}
