"""Statistics: after many rows at once the planner knows of them, and whoever asked goes on."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from rest_framework.test import APIClient

from devices.models import Device
from inventory.jobs import runner
from inventory.models import Product, StocktakeLine
from inventory.services.counting import work
from inventory.services.imports import runs
from tests import factories
from tests.inventory.counting.desk import Desk


def known_rows(table: str) -> int | None:
    """What the planner believes of a table; None where it has never looked, or never does."""
    if connection.vendor == "sqlite":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = %s", [table])
        found = int(cursor.fetchone()[0])
    return None if found < 0 else found


def test_an_import_that_grows_a_table_tells_the_planner(
    device: Device, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "GROWN", (2,))
    monkeypatch.setattr(runs, "CHUNK", 3)
    content = "name,sku\n" + "".join(f"Good {number},S{number}\n" for number in range(8))
    upload = factories.make_upload(device, content.encode())
    session = factories.make_import(device, kind="products", upload=upload)
    for what, made, known in (("dry-run", 0, None), ("apply", 8, 6)):
        before = known_rows("products")
        job = api.post(f"/v1/imports/{session.uuid}/{what}").json()["id"]
        runner.run(job)
        assert Product.objects.for_device(device).count() == made
        if connection.vendor == "postgresql":
            assert known_rows("products") == (known or before)


def test_before_a_big_stocktake_the_planner_looks(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "MANY", 0)
    desk = Desk()
    desk.stock(5)
    desk.counted(4)
    assert work.begin_step(desk.stocktake, "evaluate") == 1
    assert work.begin_step(desk.stocktake, "post") == 0
    assert work.begin_step(desk.stocktake, "reverse") == 0
    assert StocktakeLine.objects.get().variance == Decimal(-1)
    if connection.vendor == "postgresql":
        assert known_rows("stocktake_lines") == 1
