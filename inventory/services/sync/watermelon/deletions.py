"""Deletions: last and children first, but for those whose code another pushed row takes over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from config.core.errors import NotFound
from inventory.services.sync.watermelon.changes import Changes
from inventory.services.sync.watermelon.columns import Layout, read_id
from inventory.services.sync.watermelon.order import flat, tree_levels
from inventory.services.sync.watermelon.run import FACTS_STAY, FLOWS_DOWN, Run


def free_codes(run: Run, changes: Changes) -> None:
    """Delete the rows whose SKU, barcode or code a pushed row takes over: else that one would become a twin.

    Not those that other pushed rows refer to: a movement out of a place comes before the place goes.
    """
    named: set[UUID] | None = None
    for name, layout in run.layouts.items():
        raws = [row.raw for row in changes.rows.get(name, {}).values()]
        claimed = {raw[layout.code] for raw in raws if isinstance(raw.get(layout.code), str) and raw[layout.code]}
        ids = changes.deleted.get(name, [])
        if not claimed or not ids:
            continue
        named = _referred_to(changes) if named is None else named
        for row in run.stored(layout, [id for id in ids if id not in named]).values():
            if getattr(row, layout.code) in claimed and not row.is_deleted:
                _delete(run, layout, row, last=False)


def delete_rows(run: Run, layout: Layout, ids: Iterable[UUID]) -> None:
    """Children before parents; unknown rows and tombstones are passed over."""
    stored = run.stored(layout, ids)
    above = layout.tree.removesuffix("_id")
    levels = tree_levels(stored, lambda row: getattr(getattr(row, above), "uuid", None) if above else None)
    for row in reversed(flat(levels)):
        if not row.is_deleted:
            _delete(run, layout, row, last=True)


def _delete(run: Run, layout: Layout, current: Any, *, last: bool) -> None:
    table = layout.table
    if table.delete is None:
        run.refuse(layout, current, [FACTS_STAY if table.fact else FLOWS_DOWN], {"deleted": True})
        return
    refusal = run.attempt(table.delete, current)
    if refusal is None and run.changed_since(table.name, current.uuid):
        run.conflicts.append((table.name, current.uuid))
    elif refusal is not None and last and not isinstance(refusal, NotFound):  # NotFound: gone with its parent
        run.refuse(layout, current, [f"not deleted: {refusal.internal_code}"], {"deleted": True})


def _referred_to(changes: Changes) -> set[UUID]:
    return {
        id
        for rows in changes.rows.values()
        for row in rows.values()
        for name, value in row.raw.items()
        if name.endswith("_id") and isinstance(value, str) and (id := read_id(value)) is not None
    }
