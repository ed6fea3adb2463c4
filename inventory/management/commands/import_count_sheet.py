"""Imports a count sheet as a stocktake of a device: `import_file` with the kind `counts`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rich.console import Console

from inventory.management.commands.import_file import Command as ImportFile
from inventory.models import ImportSession
from inventory.services.imports.count_sheets import sheet_of

PROFILES = {"zl": "zl_counts", "openboxes": "openboxes_counts", "csv": ""}


class Command(ImportFile):
    """`manage.py import_count_sheet FILE --device ID --format zl|openboxes|csv`: safe to repeat."""

    name = "import_count_sheet"
    help = "Import a count sheet: missing products, lots and bins are made, each counted line becomes a count entry."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--device", required=True, metavar="ID", help="the device whose inventory was counted")
        parser.add_argument("--location", default="", help="where: code, path or name of a location (default: its own)")
        parser.add_argument("--format", choices=PROFILES, default="csv", help="how the sheet is written")

    def handle(self, *args: Any, **options: Any) -> None:
        given = {
            **options,
            "kind": "counts",
            "profile": PROFILES[options["format"]],
            "option": [f"location={options['location']}"],
            "encoding": "",
            "delimiter": "",
            "dry_run": False,
        }
        super().handle(*args, **given)

    def tell(self, console: Console, session: ImportSession) -> None:
        """And what is to be done with the stocktake."""
        super().tell(console, session)
        summary = session.summary or {}
        if summary["error"] and not summary["created"] + summary["unchanged"]:
            raise CommandError(f"{session.file_name}: no line could be imported.")
        sheet = sheet_of(session)
        if sheet is not None:
            console.print(f"Stocktake {sheet.stocktake.uuid}: close it, decide its lines, approve and post it.")
