"""What the import commands share: their arguments, the progress bar and the summary."""

from __future__ import annotations

import gc
import sys
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Table as Summary
from rich.text import Text

from devices.actors import Actor, system
from devices.management.lookup import find_device
from devices.models import Device
from inventory.formats.csv import open_table
from inventory.formats.tables import FormatError, Table
from inventory.services.imports.runs import Advance, ImportReport, Problem

SHOWN_PROBLEMS = 20


class Rate(ProgressColumn):
    """Lines a second, over the whole run."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.completed / task.elapsed:,.0f} lines/s" if task.elapsed else "")


class ImportCommand(BaseCommand):
    """Imports files into one device; a subclass says how one open table is imported."""

    figures: tuple[str, ...] = ("created", "updated", "unchanged", "skipped", "errors")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--device", required=True, metavar="ID", help="the device whose inventory it is")
        parser.add_argument("--encoding", help="where guessing is wrong, e.g. cp1252")
        parser.add_argument("--delimiter", help="where guessing is wrong; TAB for a tab")
        parser.add_argument("--dry-run", action="store_true", help="read, check and count, but write nothing")

    @abstractmethod
    def import_table(
        self, table: Table, *, file: str, device: Device, actor: Actor, advance: Advance, options: dict[str, Any]
    ) -> ImportReport:
        """Import one open table through its service."""

    def handle(self, *args: Any, **options: Any) -> None:
        device = find_device(options["device"])
        console = Console(file=options.get("stdout") or sys.stdout, soft_wrap=True, highlight=False)
        gc.freeze()  # what is loaded by now stays: the collector need not walk through it again and again
        reports, unread = self._import_files(console, device, options)
        self._summary(console, device, reports, dry_run=options["dry_run"])
        problems = [*unread, *(problem for report in reports for problem in report.problems)]
        _print_problems(
            console, problems, total=len(unread) + sum(report.skipped + report.errors for report in reports)
        )
        if not any(report.lines > report.errors for report in reports):
            raise CommandError("Nothing could be imported.")

    def _import_files(
        self, console: Console, device: Device, options: dict[str, Any]
    ) -> tuple[list[ImportReport], list[Problem]]:
        reports: list[ImportReport] = []
        unread: list[Problem] = []
        actor = system(self.__module__.rpartition(".")[2])
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeElapsedColumn())
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task("Lines", total=sum(_count_lines(path) for path in options["files"]))
            for path in options["files"]:
                progress.update(bar, description=path.name)
                try:
                    with open_table(path, encoding=options["encoding"], delimiter=_tab(options["delimiter"])) as table:
                        report = self.import_table(
                            table,
                            file=path.name,
                            device=device,
                            actor=actor,
                            advance=lambda count: progress.advance(bar, count),
                            options=options,
                        )
                    reports.append(report)
                except FormatError as error:
                    unread.append(Problem(path.name, error.line, error.message))
                except OSError as error:
                    unread.append(Problem(path.name, None, error.strerror or str(error)))
            progress.update(bar, description="Done", total=sum(report.lines for report in reports))
        return reports, unread

    def _summary(self, console: Console, device: Device, reports: list[ImportReport], *, dry_run: bool) -> None:
        totals = {name: sum(getattr(report, name) for report in reports) for name in ("lines", *self.figures)}
        title = f"{device}: dry run, nothing was written" if dry_run else str(device)
        table = Summary(title=title, title_justify="left", box=SIMPLE)
        table.add_column("file", overflow="fold")
        for name in totals:
            table.add_column(name, justify="right")
        if len(reports) <= SHOWN_PROBLEMS:
            for report in reports:
                table.add_row(report.file, *(f"{getattr(report, name):,}" for name in totals))
            table.add_section()
        table.add_row(f"{len(reports)} files", *(f"{total:,}" for total in totals.values()))
        console.print(table)
        if reports and not (totals["created"] or totals.get("updated")):
            console.print("Nothing has changed.")


def _print_problems(console: Console, problems: list[Problem], *, total: int) -> None:
    for problem in problems[:SHOWN_PROBLEMS]:
        where = problem.file if problem.line is None else f"{problem.file}:{problem.line}"
        console.print(f"{where}: {problem.message}", markup=False)
    if total > SHOWN_PROBLEMS:
        console.print(f"… and {total - SHOWN_PROBLEMS:,} more.")


def _tab(delimiter: str | None) -> str | None:
    return "\t" if delimiter in ("TAB", "\\t") else delimiter


def _count_lines(path: Path) -> int:
    """About how many lines: for the progress bar only."""
    try:
        with path.open("rb") as stream:
            return sum(block.count(b"\n") for block in _blocks(stream))
    except OSError:
        return 0


def _blocks(stream: Any) -> Iterable[bytes]:
    return iter(lambda: stream.read(1 << 20), b"")
