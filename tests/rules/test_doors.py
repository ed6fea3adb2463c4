"""Doors write nothing: they call a service."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.rules.sources import ROOT, calls, doors, where

WRITES = {
    *("save", "create", "update", "delete", "get_or_create", "update_or_create", "create_user", "create_superuser"),
    *("bulk_create", "bulk_update", "purge", "in_bulk_update", "set_password", "execute", "executemany", "raw_delete"),
    *("asave", "acreate", "aupdate", "adelete", "abulk_create", "abulk_update", "aget_or_create", "aupdate_or_create"),
}
# "file: call" → why this is no write of a row. Anything that reaches a model belongs in a service instead.
ALLOWED = {
    "inventory/management/fleet/staff.py: table.create": "the service that the registry names",
    "inventory/management/fleet/staff.py: table.update": "likewise",
    "inventory/management/fleet/staff.py: table.delete": "likewise",
    "config/management/commands/serve.py: os.environ.update": "the environment of the processes it starts",
    "inventory/management/imports.py: progress.update": "the progress bar",
    "inventory/management/commands/export_data.py: progress.update": "likewise",
    "inventory/management/commands/import_file.py: progress.update": "likewise",
    "inventory/management/commands/import_file.py: self.bars.update": "likewise",
    "inventory/management/foreground.py: self.bar.update": "likewise",
}


def test_there_are_doors() -> None:
    assert ROOT / "inventory" / "api" / "products.py" in doors()
    assert ROOT / "devices" / "management" / "commands" / "first_admin.py" in doors()


@pytest.mark.parametrize("path", doors(), ids=where)
def test_a_door_writes_nothing(path: Path) -> None:
    found = {
        f"{where(path)}: {ast.unparse(call.func)}": where(path, call)
        for call in calls(path)
        if isinstance(call.func, ast.Attribute) and call.func.attr in WRITES
    }
    refused = [f"{place} {call.partition(': ')[2]}()" for call, place in found.items() if call not in ALLOWED]
    assert refused == [], "doors write nothing: call a service (or add it to ALLOWED with the reason)"


def test_no_allowance_is_left_over() -> None:
    used = {f"{where(path)}: {ast.unparse(call.func)}" for path in doors() for call in calls(path)}
    assert set(ALLOWED) - used == set()
