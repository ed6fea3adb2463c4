"""manage.py backup FOLDER: the whole database, while the server runs."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.backups import BackupError, make_backup


class Command(BaseCommand):
    """Writes database and manifest into a new folder."""

    help = "Back up the database into a new folder, with a manifest. The server may go on running."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            manifest = make_backup(folder)
        except BackupError as error:
            raise CommandError(str(error)) from None
        rows = sum(manifest.rows.values())
        self.stdout.write(f"{folder / manifest.file}: {manifest.bytes:,} bytes, {rows:,} rows.")
