"""manage.py restore FOLDER: replace the database by a backup, then start a new sync epoch."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config.backups import BackupError, restore_backup


class Command(BaseCommand):
    """Refuses a target that holds something, unless forced."""

    help = "Restore a backup into an empty database, migrate it and bump the sync epoch. Stop web and workers first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--force", action="store_true", help="replace a database that is not empty")
        parser.add_argument("--keep-epoch", action="store_true", help="nothing was lost: devices go on where they were")

    def handle(self, *args: Any, folder: Path, force: bool, keep_epoch: bool, **options: Any) -> None:
        try:
            manifest = restore_backup(folder, force=force)
        except BackupError as error:
            raise CommandError(str(error)) from None
        call_command("migrate", verbosity=0, interactive=False)
        if not keep_epoch:
            call_command("bump_epoch", stdout=self.stdout)
        self.stdout.write(f"Restored the backup of {manifest.made_at}: {sum(manifest.rows.values()):,} rows.")
