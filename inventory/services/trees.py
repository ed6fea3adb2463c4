"""Trees by `parent`: no branch may hold itself, or grow without end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from inventory.errors import TreeHasALoop, TreeTooDeep

MAX_DEPTH = 64


def refuse_depth(parent: Any | None, *, height: int = 1) -> None:
    """Raise TreeTooDeep if a branch of `height` levels under `parent` would reach below level 64."""
    if len(_upwards(parent)) + height > MAX_DEPTH:
        raise TreeTooDeep


def refuse_loop(row: Any, parent: Any | None) -> None:
    """Raise TreeHasALoop if `parent` is the row itself or lies below it, TreeTooDeep as refuse_depth()."""
    if parent is None:
        return
    if row.pk in {above.pk for above in _upwards(parent)}:
        raise TreeHasALoop
    refuse_depth(parent, height=1 + len(_levels(row)))


def branch(row: Any) -> list[Any]:
    """The live rows below `row`, level by level (one query a level)."""
    return [below for level in _levels(row) for below in level]


def ancestors(rows: Iterable[Any]) -> dict[int, frozenset[int]]:
    """The keys of everything above each row, tombstones included, by the row's key; one query a level for all rows."""
    found = {row.pk: row for row in rows}
    parents: dict[int, int | None] = {key: row.parent_id for key, row in found.items()}
    while wanted := {key for key in parents.values() if key is not None} - parents.keys():
        model: Any = type(next(iter(found.values())))
        parents |= dict(model.all_objects.filter(pk__in=wanted).values_list("pk", "parent_id"))
    return {key: frozenset(_line_up(key, parents)) for key in found}


def _line_up(key: int, parents: Mapping[int, int | None]) -> Iterator[int]:
    above = parents[key]
    while above is not None:
        yield above
        above = parents[above]


def _upwards(row: Any | None) -> list[Any]:
    found: list[Any] = []
    while row is not None and len(found) < MAX_DEPTH:
        found.append(row)
        row = row.parent
    return found


def _levels(row: Any) -> list[list[Any]]:
    found: list[list[Any]] = []
    level = [row]
    while level := list(type(row).objects.for_device(row.device).filter(parent__in=level)):
        found.append(level)
    return found
