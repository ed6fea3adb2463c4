"""Imports files of sales, returns and adjustments into a device."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import CommandError, CommandParser

from devices.actors import Actor
from devices.models import Device
from inventory.formats.tables import Table
from inventory.management.imports import ImportCommand
from inventory.services.imports.movements import import_movements
from inventory.services.imports.runs import Advance, ImportReport


class Command(ImportCommand):
    """`manage.py import_movements FILE… --device ID`: safe to repeat, also after a crash in the middle."""

    help = (
        "Import delimited files of signed quantities as stock movements: positive leaves the shelf (issue), "
        "negative comes back (receipt), price 0 without a customer is an adjustment."
    )
    figures = ("created", "unchanged", "skipped", "errors", "products")

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--time-zone", default="UTC", help="of times that name none (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            options["time_zone"] = ZoneInfo(options["time_zone"])
        except (KeyError, ValueError, OSError):
            raise CommandError(f"Unknown time zone {options['time_zone']!r}; e.g. Europe/London.") from None
        super().handle(*args, **options)

    def import_table(
        self, table: Table, *, file: str, device: Device, actor: Actor, advance: Advance, options: dict[str, Any]
    ) -> ImportReport:
        return import_movements(
            device=device,
            actor=actor,
            table=table,
            file=file,
            time_zone=options["time_zone"],
            dry_run=options["dry_run"],
            advance=advance,
        )
