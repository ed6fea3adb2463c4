"""Order: parents before children, however a client lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID


def tree_levels(rows: Mapping[UUID, Any], parent: Callable[[Any], UUID | None]) -> list[list[Any]]:
    """The rows in levels: each one's parent is in an earlier level or not among them. A loop is cut somewhere."""
    depth: dict[UUID, int] = {}
    for start in rows:
        chain: dict[UUID, None] = {}
        node: UUID | None = start
        while node is not None and node in rows and node not in depth and node not in chain:
            chain[node] = None
            node = parent(rows[node])
        below = depth.get(node, -1) + 1 if node is not None else 0
        for offset, id in enumerate(reversed(chain)):
            depth[id] = below + offset
    levels: dict[int, list[Any]] = {}
    for id, row in rows.items():
        levels.setdefault(depth[id], []).append(row)
    return [levels[number] for number in sorted(levels)]


def flat(levels: Iterable[list[Any]]) -> list[Any]:
    """The rows of all levels, in order."""
    return [row for level in levels for row in level]
