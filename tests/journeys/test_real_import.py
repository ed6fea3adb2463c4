"""The main job on real files: enrol, import products and sales, read the same sums back, survive kill -9."""

from __future__ import annotations

import csv
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from devices.models import Event
from inventory.models import Product, StockMovement
from tests.conftest import client_with, shared_data

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
DAYS = ["2010-12-01.csv", "2010-12-22.csv", "2010-12-23.csv", "2011-01-04.csv", "2011-02-27.csv"]


def days() -> list[Path]:
    return [shared_data("retail_online", "by-day", day) for day in DAYS]


def sold(files: list[Path]) -> Counter[str]:
    """Σ Quantity per code, straight from the files."""
    sums: Counter[str] = Counter()
    for path in files:
        with path.open(encoding="utf-8", newline="") as stream:
            for line in csv.DictReader(stream):
                sums[line["StockCode"]] += int(line["Quantity"])
    return sums


def enrol() -> tuple[str, APIClient]:
    answer = client_with().post("/v1/devices/register", {"name": "Wholesale"}, format="json")
    assert answer.status_code == 201
    return answer.json()["device_id"], client_with(answer.json()["device_token"])


def every(api: APIClient, path: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        page = api.get(path, {"limit": 500, "offset": len(rows)}).json()
        rows += page["results"]
        if not page["next"]:
            assert len(rows) == page["count"]
            return rows


def on_hand(api: APIClient) -> Counter[str]:
    """Σ level per SKU, as the API tells it."""
    skus = {product["id"]: product["sku"] for product in every(api, "/v1/products")}
    sums: Counter[str] = Counter()
    for level in every(api, "/v1/stock-levels"):
        sums[skus[level["product_id"]]] += int(level["quantity"])
    return sums


def run(command: str, device: str, files: list[Path]) -> str:
    out = StringIO()
    call_command(command, *map(str, files), device=device, stdout=out)
    return out.getvalue()


def test_real_files_come_in_whole_and_their_sums_come_out(db: None) -> None:
    device, api = enrol()
    goods = [
        shared_data("products_off", name)
        for name in ("off_fr_2018_utf16le_semicolon.csv", "off_it_2021_full_export.tsv", "off_lifyzer_2019_5000.csv")
    ]
    run("import_products", device, goods)
    # 3,000 + 600 + 4,847 lines; 32 codes are in two files, one is twice in one file
    assert api.get("/v1/products").json()["count"] == 8414
    assert api.get("/v1/scan/00018999").json()["product"]["name"] == "Porridge de Riz"

    files = days()
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) - 1 for path in files)
    run("import_movements", device, files)
    assert api.get("/v1/stock-movements").json()["count"] == lines
    expected = sold(files)
    assert on_hand(api) == Counter({code: -quantity for code, quantity in expected.items()})
    assert {code.upper() for code in expected} != set(expected)  # codes that differ by case alone are there

    before = (Product.objects.count(), StockMovement.objects.count(), Event.objects.count(), head(api))
    assert "Nothing has changed" in run("import_movements", device, files)
    assert "Nothing has changed" in run("import_products", device, goods)
    assert (Product.objects.count(), StockMovement.objects.count(), Event.objects.count(), head(api)) == before


def head(api: APIClient) -> int:
    return int(api.get("/v1/devices/me").json()["head"])


ENROL = (
    "from devices.services.enrollment import Wish, register_device;"
    "print(register_device(Wish(name='Killed')).installation.device.uuid.hex)"
)


def test_killed_in_the_middle_and_run_again_it_is_complete(tmp_path: Path) -> None:
    """A real process on a database of its own, ended by SIGKILL after its first chunk."""
    files = days()[:1]
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DJANGO_SETTINGS_MODULE")}
    environment = {**kept, "VAR_DIR": str(tmp_path)}

    def manage(*arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout

    manage("migrate", "--verbosity", "0")
    device = manage("shell", "--verbosity", "0", "--command", ENROL).strip()
    with closing(sqlite3.connect(tmp_path / "countonme.sqlite3")) as database:
        arguments = ["import_movements", str(files[0]), "--device", device]
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
        )
        while (stored := movements(database)) == 0:
            assert process.poll() is None, "it ended before it could be killed"
        process.kill()
        process.wait()
        stored = movements(database)
        lines = len(files[0].read_text(encoding="utf-8").splitlines()) - 1
        assert 0 < stored < lines
        assert stored % 500 == 0
        printed = manage(*arguments).split()
        assert f"{stored:,}" in printed
        assert f"{lines - stored:,}" in printed
        assert movements(database) == lines
        found = database.execute(
            "SELECT sku, sum(quantity) FROM stock_levels JOIN products ON products.id = product_id GROUP BY sku"
        )
        expected = {code: -quantity * 1_000_000 for code, quantity in sold(files).items()}
        assert dict(found.fetchall()) == expected


def movements(database: sqlite3.Connection) -> int:
    return int(database.execute("SELECT count(*) FROM stock_movements").fetchone()[0])
