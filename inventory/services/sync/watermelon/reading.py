"""Reading: everything that changed since a timestamp, in one complete answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models

from config.core.errors import BadRequest
from devices.models import Device, Feed
from inventory.errors import SyncUnknownTable
from inventory.services.sync.watermelon.changes import Layouts
from inventory.services.sync.watermelon.columns import Layout, show_id
from inventory.services.sync.watermelon.timestamps import position, timestamp

CHUNK = 2000
Raw = dict[str, Any]


@dataclass(slots=True)
class Pulled:
    """`updated` and `deleted` of each table; `replacement`: the client drops what is not in it."""

    updated: dict[str, list[Any]]
    deleted: dict[str, list[str]]
    timestamp: int
    replacement: bool


def pull_tables(
    *, device: Device, layouts: Layouts, last: int | None, added: frozenset[str] = frozenset(), pack: Any = dict
) -> Pulled:
    """All live rows and tombstones that changed since `last`, and all live rows of the tables `added`.

    `device.feed` was read before any row is, and rows have no upper bound: one that changes meanwhile is not
    missed, it only comes again next time. `pack` is applied to each raw record as it is read.
    """
    feed = device.feed
    since = position(last, feed)
    pulled = _pull(device, layouts, since, added, pack)
    if since is not None and position(last, Feed.objects.get(pk=device.pk)) is None:
        since = None  # retention moved the floor while the rows were read: a tombstone may be missing
        pulled = _pull(device, layouts, since, added, pack)
    updated, deleted = pulled
    return Pulled(updated, deleted, timestamp(feed), replacement=last is not None and since is None)


def _pull(
    device: Device, layouts: Layouts, since: int | None, added: frozenset[str], pack: Any
) -> tuple[dict[str, list[Any]], dict[str, list[str]]]:
    updated: dict[str, list[Any]] = {}
    deleted: dict[str, list[str]] = {}
    for name, layout in layouts.items():
        updated[name], deleted[name] = [], []
        for id, raw in _rows(device, layout, since, whole=name in added):
            if raw is None:
                deleted[name].append(id)
            else:
                updated[name].append(pack(raw))
    return updated, deleted


def _rows(device: Device, layout: Layout, since: int | None, *, whole: bool) -> Iterator[tuple[str, Raw | None]]:
    """(id, raw record) of live rows, (id, None) of tombstones; each row once, from a single query."""
    columns = list(layout.columns.values())
    rows = layout.table.plain_rows(device)
    if layout.table.viewer is not None:  # hidden rows wait: the library would read null as 0
        rows = rows.filter(models.Q(is_hidden=False) | models.Q(deleted_at__isnull=False))
    if since is None:
        rows = rows.alive()
    elif whole:
        rows = rows.filter(models.Q(deleted_at__isnull=True) | models.Q(revision__gt=since))
    else:
        rows = rows.filter(revision__gt=since)
    paths = ["uuid", "deleted_at", *(column.path for column in columns)]
    for uuid, deleted_at, *values in rows.order_by("revision").values_list(*paths).iterator(chunk_size=CHUNK):
        id = show_id(uuid)
        if deleted_at is not None:
            yield id, None
        else:
            shown = zip(columns, values, strict=True)
            yield id, {"id": id} | {column.name: column.show(value) for column, value in shown}


def tables_added(migration: Any, layouts: Layouts) -> frozenset[str]:
    """The tables that a schema migration of the client created or widened, all of whose rows it needs.

    Raises SyncUnknownTable for a table or column that is not synced, BadRequest where it is no migration.
    """
    if migration is None:
        return frozenset()
    if not isinstance(migration, dict):
        raise BadRequest("`migration` takes an object or null.")
    tables = _strings(migration.get("tables"))
    widened = migration.get("columns")
    for entry in [] if widened is None else widened if isinstance(widened, list) else [None]:
        if not isinstance(entry, dict) or not isinstance(entry.get("table"), str):
            raise BadRequest("`migration.columns` takes a list of tables with their columns.")
        tables.append(entry["table"])
        _refuse_unknown_columns(entry, layouts)
    unknown = sorted(set(tables) - set(layouts))
    if unknown:
        raise SyncUnknownTable(f"`{unknown[0][:80]}` is no table. Known: {', '.join(layouts)}.")
    return frozenset(tables)


def _refuse_unknown_columns(entry: Mapping[str, Any], layouts: Layouts) -> None:
    layout = layouts.get(entry["table"])
    unknown = sorted(set(_strings(entry.get("columns"))) - set(layout.columns)) if layout else []
    if unknown:
        raise SyncUnknownTable(f"`{entry['table']}` has no column `{unknown[0][:80]}`.")


def _strings(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise BadRequest("`migration` takes lists of names.")
    return list(value)
