"""docs/counting.md says what the code does: its tables are the code's, its example comes out as it is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from inventory.models import CountPolicy, CountSheet, Stocktake, StocktakeLine, VarianceReason
from inventory.models.lines import NEXT_LINE
from inventory.models.sheets import NEXT_SHEET
from inventory.models.stocktakes import NEXT_STOCKTAKE
from inventory.services.counting.late import absorb_movement
from tests.inventory.counting.desk import BOSS, Desk, after
from tests.rules.sources import ROOT

PAGE = (ROOT / "docs" / "counting.md").read_text(encoding="utf-8")


def table(title: str) -> dict[str, list[list[str]]]:
    """The rows of the table that begins with this column, by their first cell."""
    lines = PAGE[PAGE.index(f"| {title} |") :].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0].strip("`"): row[1:] for row in cells}  # type: ignore[misc]


@pytest.mark.parametrize(
    ("title", "states", "arrows"),
    [
        ("stocktake", Stocktake.State, NEXT_STOCKTAKE),
        ("sheet", CountSheet.State, NEXT_SHEET),
        ("line", StocktakeLine.State, NEXT_LINE),
    ],
)
def test_the_tables_of_states_are_those_of_the_code(title: str, states: Any, arrows: Mapping[Any, str]) -> None:
    found = table(title)
    assert set(found) == set(states.values)
    told = {(state, action): after for state, cells in found.items() for action, after in _arrows(cells[0])}
    assert told == {(str(state), action): str(after) for (state, action), after in arrows.items()}


def _arrows(cell: Any) -> list[tuple[str, str]]:
    return re.findall(r"(\w+) → `(\w+)`", cell)


def test_every_part_of_a_policy_and_every_reason_is_told() -> None:
    told = table("field")
    assert list(told) != []
    assert set(told) == {field.name for field in fields(CountPolicy)}
    shown = {"True": "true", "False": "false", "None": "none"}
    for field in fields(CountPolicy):
        default = str(getattr(CountPolicy(), field.name))
        assert str(told[field.name][0]).strip("`") == shown.get(default, default)
    assert {reason for reason in VarianceReason.values if f"`{reason}`" not in PAGE} == set()


@pytest.mark.django_db
def test_the_day_by_hand_comes_out_as_it_is_told() -> None:
    desk = Desk(recount="optional")
    desk.stock(40)
    desk.open()
    sheet, base = desk.sheet(), desk.head
    desk.push(desk.moves(-2, after(minutes=10)), who=1)
    desk.push(
        desk.moves(-3, after(minutes=5), sequence=1),
        desk.counts(sheet, 33, after(minutes=20), base=base, sequence=2),
        desk.moves(12, after(minutes=25), sequence=3),
    )
    desk.push(desk.moves(-4, after(minutes=30)), who=1)
    assert desk.level == 43
    desk.close()
    line = desk.line
    assert (line.expected, line.counted, line.variance, line.flags) == (35, 33, -2, [])
    assert "40 − 3 − 2 + 12 − 4 = 43" in PAGE
    assert "43 − (12 − 4) = 35, variance = 33 − 35 = −2" in PAGE
    desk.accept()
    desk.post()
    assert desk.level == 41
    assert "**41, and 41 lie there**" in PAGE
    assert (41 - 33, 43 + (33 - 40), 41 - 36) == (8, 36, 5)
    desk.push(desk.moves(-1, after(minutes=15)), who=1, offset=timedelta(0))
    assert desk.level == 40
    (case,) = desk.cases("late_movement")
    absorb_movement(case, actor=BOSS)
    assert desk.level == Decimal(41)


def test_the_page_stays_short() -> None:
    assert len(PAGE.splitlines()) <= 300
