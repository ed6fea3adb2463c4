"""Exports what one device holds, or all of them, into a ZIP."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from config.core.errors import AppError
from devices.management.lookup import find_device
from inventory.formats.table_files import FORMATS
from inventory.management.imports import progress_bar
from inventory.services.exports.files import check_export, write_export
from inventory.services.exports.tables import tables


class Command(BaseCommand):
    """`manage.py export_data FILE.zip --device ID | --all`: one file for each table."""

    help = "Export what one device holds, or all of them, as a ZIP with one file for each table."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.zip")
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--device", metavar="ID", help="the device whose inventory it is")
        which.add_argument("--all", action="store_true", help="every device; each row names its own")
        parser.add_argument("--format", choices=FORMATS, default="csv")
        parser.add_argument("--tables", nargs="+", default=[], metavar="TABLE", help=f"of: {', '.join(tables())}")
        parser.add_argument("--deleted", action="store_true", help="tombstones too")

    def handle(self, *args: Any, **options: Any) -> None:
        device = find_device(options["device"]) if options["device"] else None
        console = Console(file=options.get("stdout") or sys.stdout, soft_wrap=True, highlight=False)
        try:
            names = check_export(device, {"tables": options["tables"]})["tables"]
            with progress_bar(console) as progress, options["file"].open("wb") as file:
                bars = {name: progress.add_task(name, total=None) for name in names}
                counts = write_export(
                    file,
                    device=device,
                    names=names,
                    format=options["format"],
                    filters={},
                    deleted=options["deleted"],
                    advance=lambda name, rows: progress.update(bars[name], completed=rows, total=rows),
                )
        except AppError as error:
            raise CommandError(error.detail) from error
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from error
        grid = Table(title=str(device or "All devices"), title_justify="left", box=SIMPLE)
        grid.add_column("table")
        grid.add_column("rows", justify="right")
        for name, count in counts.items():
            grid.add_row(name, f"{count:,}")
        console.print(grid)
