"""simulate_count: what the four strategies make of the same day."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from inventory.management.commands.simulate_count import ROWS
from inventory.management.counting_day import CALM, ROUGH, a_day, causal, compare
from tests.rules.sources import ROOT


def printed(**options: Any) -> str:
    out = StringIO()
    call_command("simulate_count", stdout=out, **options)
    return out.getvalue()


def test_the_same_seed_prints_the_same_table() -> None:
    assert printed(lines=200, seed=3) == printed(lines=200, seed=3) != printed(lines=200, seed=4)


@pytest.mark.parametrize("lines", [0, -1, 1_000_001])
def test_it_takes_a_sensible_number_of_lines(lines: int) -> None:
    with pytest.raises(CommandError, match="--lines takes 1 to 1000000"):
        printed(lines=lines)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_causal_rule_is_never_silently_wrong_and_the_others_are(seed: int) -> None:
    calm, rough = (compare(lines=1500, seed=seed, trouble=trouble) for trouble in (CALM, ROUGH))
    assert (calm["causal"].wrong, calm["causal"].flagged, calm["causal"].refused) == (0, 0, 0)
    assert rough["causal"].silent == rough["undecided"].silent == 0
    assert rough["causal"].wrong <= rough["undecided"].wrong < 3
    for name in ("overwrite", "snapshot"):
        assert calm[name].wrong > 30
        assert rough[name].silent == rough[name].wrong > calm[name].wrong
    assert calm["refuse"].wrong == 0
    assert 50 < calm["refuse"].refused < rough["refuse"].refused


def test_late_movements_that_were_surely_before_are_put_right_once_they_are_decided() -> None:
    late = [line for line in a_day(lines=3000, seed=1, trouble=ROUGH) if line.late]
    wrong = [line for line in late if causal(line, decided=False).level != line.shelf]
    assert len(wrong) > 5
    assert all(causal(line, decided=False).flagged for line in wrong)
    assert sum(causal(line).level == line.shelf for line in wrong) >= len(wrong) - 1


@pytest.mark.slow
def test_the_docs_show_what_it_prints() -> None:
    page = (ROOT / "docs" / "counting.md").read_text(encoding="utf-8")
    assert "`manage.py simulate_count --lines 20000 --seed 7`" in page
    calm, rough = (compare(lines=20_000, seed=7, trouble=trouble) for trouble in (CALM, ROUGH))
    for name, label in ROWS.items():
        one, other = calm[name], rough[name]
        figures = (one.refused, one.wrong, other.refused, other.wrong, other.silent, other.flagged)
        assert f"| {label} | " + " | ".join(f"{figure:.2f} %" for figure in figures) + " |" in page
