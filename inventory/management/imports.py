"""What the import commands share: their arguments, the progress bar and the summary."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid
from rich.text import Text
from uuid_utils.compat import uuid7

from devices.actors import system
from devices.management.lookup import find_device
from devices.models import Device
from inventory.formats.files import Reading, open_file
from inventory.formats.tables import FormatError, Table
from inventory.services.imports.guesses import guess_mapping
from inventory.services.imports.kinds import missing_fields
from inventory.services.imports.options import Options
from inventory.services.imports.registry import find_import_kind
from inventory.services.imports.results import Outcome, RowResult, Summary
from inventory.services.imports.runs import ImportRun

SHOWN_PROBLEMS, KEPT_PROBLEMS = 20, 100
LEFT_OUT = (Outcome.ERROR, Outcome.SKIPPED)


class Rate(ProgressColumn):
    """Lines a second, over the whole run."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.completed / task.elapsed:,.0f} lines/s" if task.elapsed else "")


@dataclass(slots=True)
class FileReport:
    """What became of one file; `problems` = the first of what was left out, as (line, sentence)."""

    file: str
    summary: Summary = field(default_factory=Summary)
    problems: list[tuple[int | None, str]] = field(default_factory=list)
    broken: int = 0  # the file could not be read (to its end)

    def note(self, results: Iterable[RowResult]) -> None:
        """Keep what people should read."""
        for result in results:
            if result.outcome in LEFT_OUT and len(self.problems) < KEPT_PROBLEMS:
                self.problems.append((result.number, result.detail))

    def break_off(self, line: int | None, sentence: str) -> None:
        """The file could not be read, or not to its end."""
        self.broken = 1
        self.problems.append((line, sentence))

    def figure(self, name: str) -> int:
        """One figure of the summary."""
        if name == "errors":
            return self.summary.counts[Outcome.ERROR.value] + self.broken
        if name == "lines":
            return self.summary.lines + self.broken
        if name == "products":
            return self.summary.made["products"]
        return self.summary.differing if name == "differing" else self.summary.counts[name]


class ImportCommand(BaseCommand):
    """Imports files of one kind into one device; a subclass names the kind and its options."""

    kind: str
    figures: tuple[str, ...] = ("created", "updated", "unchanged", "skipped", "errors")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--device", required=True, metavar="ID", help="the device whose inventory it is")
        parser.add_argument("--encoding", default="", help="where guessing is wrong, e.g. cp1252")
        parser.add_argument("--delimiter", default="", help="where guessing is wrong; TAB for a tab")
        parser.add_argument("--dry-run", action="store_true", help="read, check and count, but write nothing")

    def options(self, given: dict[str, Any]) -> Options:
        """How this kind is imported."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        device = find_device(options["device"])
        console = Console(file=options.get("stdout") or sys.stdout, soft_wrap=True, highlight=False)
        gc.freeze()  # what is loaded by now stays: the collector need not walk through it again and again
        reports = list(self._import_files(console, device, options))
        self._summary(console, device, reports, dry_run=options["dry_run"])
        print_problems(console, reports)
        if not any(report.figure("lines") > report.figure("errors") for report in reports):
            raise CommandError("Nothing could be imported.")

    def _import_files(self, console: Console, device: Device, given: dict[str, Any]) -> Iterator[FileReport]:
        actor = system(self.__module__.rpartition(".")[2]).during(uuid7())
        with progress_bar(console) as progress:
            bar = progress.add_task("Lines", total=sum(count_lines(path) for path in given["files"]))
            for path in given["files"]:
                progress.update(bar, description=path.name)
                report = FileReport(path.name)
                try:
                    with open_file(path, Reading(given["encoding"], tab(given["delimiter"]))) as table:
                        run = self._run(table, path.name, given, report, device=device, actor=actor)
                        for rows in run.chunks(table):
                            report.note(run.work(rows))
                            progress.advance(bar, len(rows))
                except FormatError as error:
                    report.break_off(error.line, error.message)
                except OSError as error:
                    report.break_off(None, error.strerror or str(error))
                yield report
            progress.update(bar, description="Done")

    def _run(self, table: Table, source: str, given: dict[str, Any], report: FileReport, **who: Any) -> ImportRun:
        kind = find_import_kind(self.kind)
        mapping = guess_mapping(kind, table.names, ())
        for group in missing_fields(kind, mapping, match="code"):
            names = " or the ".join(NAMES.get(name, name) for name in group if not name.endswith("id"))
            shown = ", ".join(repr(name[:40]) for name in table.names[:12])
            raise FormatError(f"No column for the {names}; the header is {shown}.")
        return ImportRun(
            kind=kind,
            mapping=mapping,
            options=self.options(given),
            source=source,
            dry_run=given["dry_run"],
            summary=report.summary,
            **who,
        )

    def _summary(self, console: Console, device: Device, reports: Sequence[FileReport], *, dry_run: bool) -> None:
        names = ("lines", *self.figures)
        totals = {name: sum(report.figure(name) for report in reports) for name in names}
        title = f"{device}: dry run, nothing was written" if dry_run else str(device)
        grid = Grid(title=title, title_justify="left", box=SIMPLE)
        grid.add_column("file", overflow="fold")
        for name in names:
            grid.add_column(name, justify="right")
        if len(reports) <= SHOWN_PROBLEMS:
            for report in reports:
                grid.add_row(report.file, *(f"{report.figure(name):,}" for name in names))
            grid.add_section()
        grid.add_row(f"{len(reports)} files", *(f"{total:,}" for total in totals.values()))
        console.print(grid)
        if not (totals["created"] or totals.get("updated")):
            console.print("Nothing has changed.")


NAMES = {"product": "code", "occurred_at": "date"}


def progress_bar(console: Console) -> Progress:
    """A bar with the rate and the time."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeElapsedColumn())
    return Progress(*columns, console=console)


def print_problems(console: Console, reports: Sequence[FileReport]) -> None:
    """The first lines that were left out, and how many more there are."""
    problems = [(report.file, *problem) for report in reports for problem in report.problems]
    for file, line, sentence in problems[:SHOWN_PROBLEMS]:
        console.print(f"{file}: {sentence}" if line is None else f"{file}:{line}: {sentence}", markup=False)
    total = sum(report.figure("errors") + report.figure("skipped") for report in reports)
    if total > SHOWN_PROBLEMS:
        console.print(f"… and {total - SHOWN_PROBLEMS:,} more.")


def tab(delimiter: str) -> str:
    """A tab as people can type it."""
    return "\t" if delimiter in ("TAB", "\\t") else delimiter


def count_lines(path: Path) -> int:
    """About how many lines: for the progress bar only."""
    try:
        with path.open("rb") as stream:
            return sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))
    except OSError:
        return 0
