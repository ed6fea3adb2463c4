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
    "undecided": "causal, late movements not decided yet",
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
        console = Console(file=cast("IO[str]", self.stdout), width=110)
        console.print(as_table(calm, rough, title=f"{lines:,} lines, 8 hours, seed {seed}: lines that end wrong"))


def as_table(calm: dict[str, Score], rough: dict[str, Score], *, title: str) -> Table:
    """The comparison for people."""
    table = Table(title=title)
    table.add_column("strategy")
    table.add_column("own movements only", justify="right")
    table.add_column("+ others, bad clocks, late data", justify="right")
    for name, label in ROWS.items():
        table.add_row(label, _told(calm[name]), _told(rough[name]))
    return table


def _told(score: Score) -> str:
    if score.refused:
        return f"{score.refused:.1f} % refused, {score.wrong:.2f} % wrong"
    if score.flagged or not score.wrong:
        return f"{score.wrong:.2f} % wrong, {score.silent:.2f} % silent, {score.flagged:.2f} % flagged"
    return f"{score.wrong:.2f} % wrong"
