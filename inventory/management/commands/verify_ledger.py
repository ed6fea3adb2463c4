"""Proves that every level is the sum of its movements; exit status 1 where one is not."""

from __future__ import annotations

import sys
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from config.core.quantities import plain
from devices.models import Device
from inventory.services.ledger import Drift, devices_to_prove, prove_ledger


class Command(BaseCommand):
    """`manage.py verify_ledger [--device ID]`: reads only, also while movements go on."""

    help = "Prove every level against the ledger. Exit status 1 if one differs; nothing is changed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--device", type=UUID, metavar="ID", help="one device only")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(file=self.stdout, soft_wrap=True)  # type: ignore[arg-type]  # Django's wrapper has write() and flush()
        buckets, drifts = 0, 0
        for device in find_devices(options["device"]):
            proof = prove_ledger(device)
            buckets, drifts = buckets + proof.buckets, drifts + len(proof.drifts)
            if proof.drifts:
                console.print(drift_table(device, proof.drifts))
        console.print(f"{buckets} levels compared, {drifts} differ from the ledger.")
        if drifts:
            sys.exit(1)


def find_devices(uuid: UUID | None) -> list[Device]:
    """The device with this id, or all. Raises CommandError for an unknown one."""
    if uuid is None:
        return list(devices_to_prove())
    device = Device.all_objects.filter(uuid=uuid).first()
    if device is None:
        raise CommandError(f"There is no device {uuid}.")
    return [device]


def drift_table(device: Device, drifts: list[Drift]) -> Table:
    """The differences of one device, one line a bucket."""
    table = Table(title=escape(f"{device} ({device.uuid})"), title_justify="left")
    for name in ("product", "location", "lot"):
        table.add_column(name, overflow="fold")
    for name in ("level", "ledger"):
        table.add_column(name, justify="right")
    for drift in drifts:
        bucket = drift.bucket
        names = (bucket.product, bucket.location, bucket.lot or "")
        table.add_row(*(escape(str(name)) for name in names), plain(drift.level), plain(drift.ledger))
    return table
