"""manage.py bump_epoch: after a restore, tell every device to start its sync again."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from devices.models import Device
from devices.services.feed import bump_epoch


class Command(BaseCommand):
    """Adds one to the epoch of every feed, or of one device's."""

    help = "Start a new sync epoch: every cursor of before is answered with 410, and devices bring back what is lost."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--device", type=UUID, help="only this device")

    def handle(self, *args: Any, device: UUID | None = None, **options: Any) -> None:
        found = Device.all_objects.filter(uuid=device).first() if device else None
        if device and found is None:
            raise CommandError(f"There is no device {device}. `manage.py device list` shows them all.")
        self.stdout.write(f"A new epoch for {bump_epoch(found)} devices.")
