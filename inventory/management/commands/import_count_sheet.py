"""Imports a count sheet as a stocktake of a device."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from config.core.errors import AppError
from devices.actors import system
from devices.management.lookup import find_device
from devices.models import Device
from inventory.formats.count_sheets import SHAPES, open_count_sheet
from inventory.formats.tables import FormatError
from inventory.models import Location
from inventory.services.imports.count_sheets import CountImport, import_count_sheet
from inventory.services.locations import default_location

SHOWN = 20


class Command(BaseCommand):
    """`manage.py import_count_sheet FILE --device ID --format zl|openboxes|csv`: safe to repeat."""

    help = "Import a count sheet: missing products, lots and bins are made, each counted line becomes a count entry."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--device", required=True, metavar="ID", help="the device whose inventory was counted")
        parser.add_argument("--location", default="", help="where: the code or name of a location (default: its own)")
        parser.add_argument("--format", choices=SHAPES, default="csv", help="how the sheet is written")

    def handle(self, *args: Any, **options: Any) -> None:
        device = find_device(options["device"])
        console = Console(file=options.get("stdout") or sys.stdout, soft_wrap=True, highlight=False)
        location = _find_location(device, options["location"])
        path: Path = options["file"]
        try:
            reading = open_count_sheet(path, shape=options["format"])
            found = import_count_sheet(
                device=device,
                actor=system("import_count_sheet"),
                reading=reading,
                source=path.name,
                location=location,
            )
        except FormatError as error:
            raise CommandError(f"{path.name}: {error}") from error
        except OSError as error:
            raise CommandError(f"{path.name}: {error.strerror}") from error
        except AppError as error:
            raise CommandError(error.detail) from error
        _tell(console, device, path.name, found)


def _find_location(device: Device, named: str) -> Location:
    if not named:
        return default_location(device)
    locations = Location.objects.for_device(device)
    found = list(locations.filter(code=named)) or list(locations.filter(name=named))
    if len(found) != 1:
        raise CommandError(f"{len(found) or 'No'} locations are called {named[:80]!r}.")
    place: Location = found[0]
    return place


def _tell(console: Console, device: Device, name: str, found: CountImport) -> None:
    grid = Table(title=f"{device}: {name}", title_justify="left", box=SIMPLE)
    figures = {
        "lines": found.lines,
        "entries": found.entries,
        "known": found.known,
        "not counted": found.blank,
        "left out": len(found.left_out),
        "products": found.products,
        "lots": found.lots,
        "bins": found.locations,
    }
    for title in figures:
        grid.add_column(title, justify="right")
    grid.add_row(*(f"{figure:,}" for figure in figures.values()))
    console.print(grid)
    for left in found.left_out[:SHOWN]:
        console.print(f"{name}:{left.line}: {left.reason}", markup=False)
    if len(found.left_out) > SHOWN:
        console.print(f"… and {len(found.left_out) - SHOWN:,} more.")
    console.print(f"Stocktake {found.stocktake.uuid}: close it, decide its lines, approve and post it.")
