"""States: the tables of the models, and the refusal of what is not in them."""

from __future__ import annotations

from typing import Any

from devices.actors import Actor
from devices.services.owned import change_owned, lock_owned
from inventory.errors.counting import LineTransition, SheetTransition, StocktakeTransition
from inventory.models import CountSheet, Stocktake
from inventory.models.lines import NEXT_LINE
from inventory.models.sheets import NEXT_SHEET
from inventory.models.stocktakes import NEXT_STOCKTAKE


def next_stocktake_state(state: str, action: str) -> str:
    """Raises StocktakeTransition."""
    found = NEXT_STOCKTAKE.get((state, action))
    if found is None:
        raise StocktakeTransition(state, action)
    return str(found)


def next_sheet_state(state: str, action: str) -> str:
    """Raises SheetTransition."""
    found = NEXT_SHEET.get((state, action))
    if found is None:
        raise SheetTransition(state, action)
    return str(found)


def next_line_state(state: str, action: str) -> str:
    """Raises LineTransition."""
    found = NEXT_LINE.get((state, action))
    if found is None:
        raise LineTransition(state, action)
    return str(found)


def move_stocktake(
    stocktake: Stocktake,
    move: str,
    *,
    actor: Actor,
    action: str,
    expected_revision: int | None = None,
    **values: Any,
) -> Stocktake:
    """Take a stocktake along one arrow of its table. Raises StocktakeTransition, NotFound, RevisionMismatch."""
    current, revision = lock_owned(stocktake, expected_revision=expected_revision)
    changes = {"state": next_stocktake_state(current.state, move), **values}
    moved = change_owned(current, revision=revision, actor=actor, changes=changes, action=action)
    stocktake.state, stocktake.revision = moved.state, moved.revision
    return moved


def move_sheet(
    sheet: CountSheet, move: str, *, actor: Actor, action: str, expected_revision: int | None = None, **values: Any
) -> CountSheet:
    """Take a sheet along one arrow of its table. Raises SheetTransition, NotFound, RevisionMismatch."""
    current, revision = lock_owned(sheet, expected_revision=expected_revision)
    changes = {"state": next_sheet_state(current.state, move), **values}
    return change_owned(current, revision=revision, actor=actor, changes=changes, action=action)
