"""Imports files of sales, returns and adjustments into a device."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import CommandError, CommandParser

from inventory.management.imports import ImportCommand
from inventory.services.imports.options import Options


class Command(ImportCommand):
    """`manage.py import_movements FILE… --device ID`: safe to repeat, also after a crash in the middle."""

    help = (
        "Import delimited files of signed quantities as stock movements: positive leaves the shelf (issue), "
        "negative comes back (receipt), price 0 without a customer is an adjustment."
    )
    kind = "movements"
    figures = ("created", "unchanged", "skipped", "errors", "products")

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--time-zone", default="UTC", help="of times that name none (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            ZoneInfo(options["time_zone"])
        except (KeyError, ValueError, OSError):
            raise CommandError(f"Unknown time zone {options['time_zone']!r}; e.g. Europe/London.") from None
        super().handle(*args, **options)

    def options(self, given: dict[str, Any]) -> Options:
        return Options(sign="sales", time_zone=given["time_zone"], guarded=False)
