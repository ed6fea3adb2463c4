"""`manage.py import_count_sheet`: a real stocktake comes in, is posted, and the shelves hold what was counted."""

from __future__ import annotations

import csv
from collections import Counter
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from devices.actors import Actor
from devices.models import Device, Feed
from inventory.models import CountEntry, Location, Lot, Product, StockLevel, Stocktake
from inventory.services.counting.decisions import decide_lines
from inventory.services.counting.stocktakes import approve_stocktake, close_stocktake, post_stocktake
from tests import factories
from tests.conftest import shared_data

COLUMNS = {
    "zl": ("CODE", "NUMERO DE LOT", "BIN LOCATION", "STOCK PHYSIQUE"),
    "openboxes": ("Product code", "Lot number", "Bin location", "Physical QOH"),
}
BOSS = Actor(kind="staff", id="1", name="boss")


def run(device: Device, path: Path, **options: Any) -> str:
    out = StringIO()
    call_command("import_count_sheet", str(path), device=str(device.uuid), stdout=out, **options)
    return out.getvalue()


def written(path: Path) -> list[dict[str, str]]:
    """The lines below the header, as Python's own reader has them."""
    rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    at = next(place for place, row in enumerate(rows) if {"CODE", "Product code"} & {*row})
    return [dict(zip(rows[at], row, strict=True)) for row in rows[at + 1 :]]


def post(stocktake: Stocktake) -> None:
    """Close it, accept what differs, approve and post it."""
    close_stocktake(stocktake, actor=BOSS)
    stocktake.refresh_from_db()
    lines = list(stocktake.lines.filter(state="variance"))
    decide_lines(stocktake, lines, action="accept", actor=BOSS, reason="found")
    approve_stocktake(stocktake, actor=BOSS)
    stocktake.refresh_from_db()
    post_stocktake(stocktake, actor=BOSS)


@pytest.mark.parametrize(
    ("folder", "name", "shape", "total"),
    [
        ("stocktake_zl_2013", "00_sheet1", "zl", 1_055_244),
        ("stocktake_zl_2013", "01_salle_1", "zl", 1_055_244),
        ("stocktake_zl_2013", "02_salle_2", "zl", 563_469),
        ("stocktake_zl_2013", "03_salle_3", "zl", 274_775),
        ("openboxes", "bostonWarehouseInventory", "openboxes", 78_580),
    ],
)
def test_a_real_sheet_is_posted_and_the_level_is_what_was_counted(
    device: Device, folder: str, name: str, shape: str, total: int
) -> None:
    path = shared_data(folder, f"{name}.csv")
    printed = run(device, path, format=shape)
    stocktake = Stocktake.objects.get()
    assert str(stocktake.uuid) in printed
    post(stocktake)
    counted: Counter[tuple[str, str, str]] = Counter()
    for line in written(path):
        code, lot, bin_, quantity = (line.get(column, "").strip() for column in COLUMNS[shape])
        if code and quantity:
            counted[code, lot, bin_] += Decimal(quantity)
    levels = StockLevel.objects.select_related("product", "lot", "location")
    found = {
        (level.product.sku, level.lot.code if level.lot else "",
         "" if level.location.is_default else level.location.name): level.quantity
        for level in levels if level.quantity
    }  # fmt: skip
    assert found == {bucket: quantity for bucket, quantity in counted.items() if quantity}
    assert sum(found.values()) == total


def test_the_same_sheet_again_changes_nothing(device: Device) -> None:
    path = shared_data("stocktake_zl_2013", "01_salle_1.csv")
    run(device, path, format="zl")
    before = Feed.objects.get(device=device).head
    run(device, path, format="zl")
    assert Feed.objects.get(device=device).head == before
    assert (Stocktake.objects.count(), CountEntry.objects.count()) == (1, 37)


def test_lines_about_one_bucket_add_up_and_blank_is_not_counted(device: Device, tmp_path: Path) -> None:
    room = factories.make_location(device, name="Room", code="R")
    known = factories.make_product(device, sku="A")
    path = tmp_path / "sheet.csv"
    path.write_text(
        "code,name,lot,expires_on,bin,counted\nA,Cup,L1,2027-01-31,B1,2\nA,Cup,L1,2027-01-31,B1,3\nB,Pot,,,,\nC,Jar,,,,0\n",
        encoding="utf-8",
    )
    printed = run(device, path, location="R")
    entries = {entry.product.sku: entry for entry in CountEntry.objects.select_related("product", "location")}
    post(Stocktake.objects.get())
    lines = {line.product.sku: line.counted for line in Stocktake.objects.get().lines.select_related("product")}
    assert lines == {"A": Decimal(5), "C": Decimal(0)}
    assert entries["A"].location.parent == room
    assert entries["C"].location == room
    assert Lot.objects.get().product == known
    assert not Product.objects.filter(sku="B").exists()
    assert "Stocktake" in printed


def test_what_cannot_be_read_is_refused(device: Device, tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("name,counted\nx,1\n", encoding="utf-8")
    with pytest.raises(CommandError, match="No column for"):
        run(device, path)
    with pytest.raises(CommandError, match="No such file"):
        run(device, tmp_path / "missing.csv")
    path.write_text("code,counted\nx,1\n", encoding="utf-8")
    with pytest.raises(CommandError, match="no line could be imported"):
        run(device, path, location="Nowhere")
    assert not Stocktake.objects.exists()
    assert not Product.objects.exists()
    assert Location.objects.for_device(device).count() == 1
