"""Imports product files into a device."""

from __future__ import annotations

from typing import Any

from inventory.management.imports import ImportCommand
from inventory.services.imports.options import Options


class Command(ImportCommand):
    """`manage.py import_products FILE… --device ID`: safe to repeat."""

    help = "Import product files: new codes become products, gaps of known ones are filled."
    kind = "products"
    figures = ("created", "updated", "unchanged", "skipped", "errors", "differing")

    def options(self, given: dict[str, Any]) -> Options:
        return Options(existing="fill", guarded=False)
