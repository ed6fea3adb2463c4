"""Imports a file of any kind into a device, in the foreground: looked at, tried, applied, and revertible."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from config.core.errors import AppError
from devices.actors import Actor, system
from devices.management.lookup import find_device
from inventory.management.imports import progress_bar, tab
from inventory.models import ImportRow, ImportSession
from inventory.services.imports.registry import KINDS
from inventory.services.imports.sessions import begin_here, create_import, refuse_gaps
from inventory.services.imports.steps import apply_import, dry_run_import
from inventory.services.uploads import save_upload

SHOWN = 20


class Foreground:
    """The steps of an import in this process: a transaction each, and a bar."""

    def __init__(self, actor: Actor, progress: Progress, bar: TaskID) -> None:
        self.actor, self.bars, self.bar = actor, progress, bar

    @contextmanager
    def effect(self, *, last: bool = False) -> Iterator[None]:
        with transaction.atomic():
            yield

    def progress(self, done: int | None = None, *, total: int | None = None, message: str | None = None) -> None:
        self.bars.update(self.bar, completed=done, total=total)


class Command(BaseCommand):
    """`manage.py import_file FILE --device ID --kind products [--profile NAME] [--dry-run]`."""

    name = "import_file"
    help = "Import a CSV, XLSX, XLS or JSON Lines file: dry run first, then apply; every run can be reverted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--device", required=True, metavar="ID", help="the device whose inventory it is")
        parser.add_argument("--kind", default="", choices=["", *KINDS], help="what the lines are")
        parser.add_argument("--profile", default="", help="a ready or saved mapping (docs/imports.md)")
        parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="e.g. existing=fill")
        parser.add_argument("--encoding", default="", help="where guessing is wrong, e.g. cp1252")
        parser.add_argument("--delimiter", default="", help="where guessing is wrong; TAB for a tab")
        parser.add_argument("--dry-run", action="store_true", help="judge every line, write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(file=options.get("stdout") or sys.stdout, soft_wrap=True, highlight=False)
        try:
            session = self._send(options)
            refuse_gaps(session)
            self._run(session, console, apply=not options["dry_run"])
        except AppError as error:
            raise CommandError(f"{options['file'].name}: {error.detail}") from error
        except OSError as error:
            raise CommandError(f"{options['file'].name}: {error.strerror}") from error
        self.tell(console, session)

    def _send(self, options: dict[str, Any]) -> ImportSession:
        device, path = find_device(options["device"]), options["file"]
        reading = {"encoding": options["encoding"], "delimiter": tab(options["delimiter"])}
        with path.open("rb") as file:
            upload = save_upload(device=device, name=path.name, media_type="", file=file)
        return create_import(
            device=device,
            actor=system(self.name),
            upload=upload,
            kind=options["kind"],
            profile=options["profile"],
            options=dict(_option(given) for given in options["option"]),
            reading={name: value for name, value in reading.items() if value},
        )

    def _run(self, session: ImportSession, console: Console, *, apply: bool) -> None:
        with progress_bar(console) as progress:
            bar = progress.add_task("Dry run", total=None)
            lines = dry_run_import(session, steps=Foreground(system(self.name), progress, bar)).lines
            progress.update(bar, completed=lines, total=lines)
            if apply:
                begin_here(session)
                bar = progress.add_task("Apply", total=lines)
                apply_import(session, steps=Foreground(system(self.name), progress, bar))

    def tell(self, console: Console, session: ImportSession) -> None:
        """Print what became of the lines."""
        summary = session.summary or {}
        done = "applied" if session.status == ImportSession.Status.APPLIED else "dry run, nothing was written"
        grid = Table(title=f"{session.file_name}: {session.kind}, {done}", title_justify="left", box=SIMPLE)
        names = ("lines", "created", "updated", "unchanged", "skipped", "error", "notes")
        for name in names:
            grid.add_column(name, justify="right")
        grid.add_row(*(f"{summary.get(name, 0):,}" for name in names))
        console.print(grid)
        told = ImportRow.objects.filter(session=session).exclude(internal_code="").order_by("number")
        for row in told[:SHOWN]:
            console.print(
                f"{session.file_name}:{row.number}: {row.outcome}: {row.detail} {row.hint}".rstrip(), markup=False
            )
        if (total := told.count()) > SHOWN:
            console.print(f"… and {total - SHOWN:,} more.")
        console.print(f"Import {session.uuid}")


def _option(given: str) -> tuple[str, Any]:
    name, _, value = given.partition("=")
    return name, {"true": True, "false": False}.get(value, value)
