"""Trees by `parent`: no branch may hold itself."""

from __future__ import annotations

from typing import Any

from inventory.errors import TreeHasALoop

MAX_DEPTH = 64


def refuse_loop(row: Any, parent: Any | None) -> None:
    """Raise TreeHasALoop if `parent` is the row itself or lies below it, or the branch is deeper than 64."""
    seen = 0
    while parent is not None:
        seen += 1
        if parent.pk == row.pk or seen > MAX_DEPTH:
            raise TreeHasALoop
        parent = parent.parent


def branch(row: Any) -> list[Any]:
    """The live rows below `row`, level by level (one query a level)."""
    found: list[Any] = []
    level = [row]
    while level:
        level = list(type(row).objects.for_device(row.device).filter(parent__in=level))
        found += level
    return found
