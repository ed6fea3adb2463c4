"""Sets levels to the sums of the ledger; without --apply it only shows what would change."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console

from devices.actors import system
from inventory.management.commands.verify_ledger import drift_table, find_devices
from inventory.services.ledger import rebuild_levels


class Command(BaseCommand):
    """`manage.py rebuild_levels [--device ID] [--apply]`: a dry run unless told otherwise."""

    help = "Show the levels that differ from the ledger; with --apply set them to its sums, each with an event."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--device", type=UUID, metavar="ID", help="one device only")
        parser.add_argument("--apply", action="store_true", help="write the sums")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(file=self.stdout, soft_wrap=True)  # type: ignore[arg-type]  # Django's wrapper has write() and flush()
        changed = 0
        for device in find_devices(options["device"]):
            drifts = rebuild_levels(device, actor=system("rebuild_levels"), apply=options["apply"])
            changed += len(drifts)
            if drifts:
                console.print(drift_table(device, drifts))
        console.print(f"{changed} levels {'rebuilt' if options['apply'] else 'would change; --apply writes them'}.")
