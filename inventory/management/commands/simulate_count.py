"""Compares four ways to post counts of stock that keeps moving."""

from __future__ import annotations

from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from inventory.management.counting_day import CALM, ROUGH, Score, compare

MOST = 1_000_000
ROWS = {
    "overwrite": "the count overwrites stock when applied",
    "snapshot": "delta against the session's snapshot",
    "refuse": "refuse if stock moved",
    "causal": "causal",
    "undecided": "causal, late data not decided yet",
}


class Command(BaseCommand):
    """`manage.py simulate_count`: no database, only the rule."""

    help = (
        "Simulate a day of counting while stock moves and print how many lines each of four strategies gets wrong: "
        "with movements of the counter only, and with those of others, clocks off by up to 60 s and late data. "
        "The rates are invented; the ranking is the point. The same seed prints the same table."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--lines", type=int, default=20_000, help="lines that are counted, 1 to 1,000,000")
        parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same day")

    def handle(self, *args: Any, **options: Any) -> None:
        lines, seed = options["lines"], options["seed"]
        if not 1 <= lines <= MOST:
            raise CommandError(f"--lines takes 1 to {MOST}.")
        calm, rough = (compare(lines=lines, seed=seed, trouble=trouble) for trouble in (CALM, ROUGH))
        console = Console(file=cast("IO[str]", self.stdout), width=120)
        console.print(
            as_table(calm, rough, title=f"{lines:,} lines, 8 hours, seed {seed}: lines that end refused or wrong")
        )


def as_table(calm: dict[str, Score], rough: dict[str, Score], *, title: str) -> Table:
    """The comparison for people: percent of the lines."""
    table = Table(title=title, caption="+ others 20 %, clocks off by up to 60 s, 10 % of the others' movements late")
    table.add_column("strategy")
    for column in ("own only: refused", "wrong", "+ others: refused", "wrong", "of it silent", "flagged"):
        table.add_column(column, justify="right")
    for name, label in ROWS.items():
        one, other = calm[name], rough[name]
        figures = (one.refused, one.wrong, other.refused, other.wrong, other.silent, other.flagged)
        table.add_row(label, *(f"{figure:.2f} %" for figure in figures))
    return table
