"""Refreshes the shared catalogue from a URL or a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from config.core.errors import AppError
from devices.actors import system
from inventory.management.foreground import run_here
from inventory.services.uploads import save_upload


class Command(BaseCommand):
    """`manage.py sync_external_data URL|FILE [--source NAME]`: the job of that name, here and now."""

    help = "Refresh the shared catalogue from CSV or JSON Lines (Open Food Facts and its relatives), gzipped or not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("place", metavar="URL|FILE")
        parser.add_argument("--source", metavar="NAME", help="a name for where the products come from")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(file=options.get("stdout") or sys.stdout, soft_wrap=True, highlight=False)
        parameters = {"source": options["source"]} if options["source"] else {}
        place = options["place"]
        parameters |= {"url": place} if "://" in place else {"upload": _upload(Path(place))}
        job = run_here(console, kind="sync_external_data", actor=system("sync_external_data"), parameters=parameters)
        console.print_json(data=job.result)


def _upload(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return str(save_upload(device=None, name=path.name, media_type="", file=file, is_bounded=False).uuid)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    except AppError as error:
        raise CommandError(f"{path}: {error.detail}") from None
