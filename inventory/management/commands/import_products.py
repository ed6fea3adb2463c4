"""Imports product files into a device."""

from __future__ import annotations

from typing import Any

from devices.actors import Actor
from devices.models import Device
from inventory.formats.tables import Table
from inventory.management.imports import ImportCommand
from inventory.services.imports.products import import_products
from inventory.services.imports.runs import Advance, ImportReport


class Command(ImportCommand):
    """`manage.py import_products FILE… --device ID`: safe to repeat."""

    help = "Import delimited product files: new codes become products, gaps of known ones are filled."
    figures = ("created", "updated", "unchanged", "skipped", "errors", "differing")

    def import_table(
        self, table: Table, *, file: str, device: Device, actor: Actor, advance: Advance, options: dict[str, Any]
    ) -> ImportReport:
        return import_products(
            device=device, actor=actor, table=table, file=file, dry_run=options["dry_run"], advance=advance
        )
