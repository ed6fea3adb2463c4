"""`manage.py import_file`: any kind of file, in the foreground, revertible like those of the API."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from devices.models import Device
from inventory.jobs import runner
from inventory.models import ImportSession, Job, Product, StockMovement
from inventory.services.imports.sessions import request_revert
from tests import factories
from tests.conftest import shared_data


def run(device: Device, path: Path, **options: Any) -> str:
    out = StringIO()
    call_command("import_file", str(path), device=str(device.uuid), stdout=out, **options)
    return out.getvalue()


def test_a_peers_file_by_its_profile_and_back(device: Device) -> None:
    path = shared_data("openboxes", "mainWarehouseInventory.csv")
    printed = run(device, path, profile="openboxes_stock")
    session = ImportSession.objects.get()
    assert (session.status, StockMovement.objects.count()) == ("applied", 48)
    assert str(session.uuid) in printed
    assert "mainWarehouseInventory.csv:4: skipped: The quantity is 0" in printed
    request_revert(session, actor=factories.TESTER)
    runner.run(str(Job.objects.get().uuid))
    session.refresh_from_db()
    assert session.status == "reverted"
    assert not Product.objects.exists()


def test_a_dry_run_writes_nothing(device: Device, tmp_path: Path) -> None:
    path = tmp_path / "goods.csv"
    path.write_text("sku;name;reorder_level\nA;Cup;1,5\n", encoding="utf-8")
    printed = run(device, path, kind="products", dry_run=True, option=["existing=fill", "create_missing=false"])
    assert "nothing was written" in printed
    assert not Product.objects.exists()
    run(device, path, kind="products")
    assert str(Product.objects.get().reorder_level).startswith("1.5")


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"", {"kind": "products"}, "file is empty"),
        (b"x,y\n1,2\n", {"kind": "lots"}, "No column for"),
        (b"sku\nA\n", {"kind": "products", "option": ["existing=never"]}, "options.existing"),
        (b"sku\nA\n", {"profile": "none such"}, "no profile"),
        (b"sku\nA\n", {}, "does not show what it is"),
        (b'sku,name\nA,B\nC,"never closed\n', {"kind": "products"}, "never closed"),
    ],
)
def test_what_cannot_be_imported_is_said(
    device: Device, tmp_path: Path, content: bytes, options: dict[str, Any], said: str
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=said):
        run(device, path, **options)
    with pytest.raises(CommandError, match="No such file"):
        run(device, tmp_path / "missing.csv", **options)
    assert not Product.objects.exists()
