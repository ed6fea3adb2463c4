"""Exports: everything a device holds, in three formats, and back through the import without a loss."""

from __future__ import annotations

import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from rest_framework.test import APIClient

from devices.models import Device
from inventory.formats.excel import open_sheet
from inventory.jobs import runner
from inventory.models import Job, Product
from inventory.services.categories import update_category
from inventory.services.exports.files import write_export
from inventory.services.products import delete_product
from tests import factories
from tests.conftest import client_with

NASTY = [
    "  outer  ",
    "=1+1",
    "'=x",
    "-5",
    "007",
    "8.41E+12",
    "שלום \u202eRTL",
    "😀\u200d💻",
    "a\r\nb\tc",
    "\x01\x1f",
    '"q",;',
    "_x0041_",
    "\ufeffmark",
]
ID = "0192f0c4-5d0e-7a51-8a3d-6f1f0c0de002"
ORDER = {"categories": "categories", "products": "products", "barcodes": "barcodes", "locations": "locations",
         "lots": "lots", "stock_movements": "movements"}  # fmt: skip
NOT_KEPT = {"device", "revision", "created_at", "updated_at", "received_at", "is_default"}


def fill(device: Device) -> None:
    """Rows with every text that breaks files."""
    top = factories.make_category(device, name="Top")
    child = factories.make_category(device, name=NASTY[0])
    older = factories.make_category(device, name="Older, and below the younger")
    update_category(older, actor=factories.TESTER, changes={"parent_id": child.uuid})
    place = factories.make_location(device, name="Room", code="007")
    shelf = factories.make_location(device, name="Shelf", parent_id=place.uuid, kind="shelf")
    for number, text in enumerate(NASTY):
        product = factories.make_product(
            device,
            name=f"x{text}",
            sku=text,
            notes=text,
            unit="kg",
            is_active=bool(number % 2),
            reorder_level=Decimal("1.5") if number % 3 else None,
            category_id=top.uuid if number % 2 else None,
            attributes={"a": text, "n": 3, "deep": [True, None]},
        )
        factories.make_barcode(device, product_id=product.uuid, value=f"{number}{text}", quantity=Decimal("2.000001"))
        lot = factories.make_lot(device, product_id=product.uuid, code=f"L{text}", expires_on="2027-02-28")
        factories.make_movement(
            device, product_id=product.uuid, kind="receipt", quantity=Decimal("0.000001"), to_location_id=shelf.uuid,
            lot_id=lot.uuid, note=text, reference=text, reason="found",
        )  # fmt: skip
    factories.make_product(device, name="Without a code")
    delete_product(factories.make_product(device, name="Gone"), actor=factories.TESTER)


def export(api: APIClient, **asked: Any) -> ZipFile:
    answer = api.post("/v1/exports", asked, format="json")
    assert answer.status_code == 202, answer.json()
    runner.run(answer.json()["id"])
    job = api.get(f"/v1/jobs/{answer.json()['id']}").json()
    assert job["status"] == "succeeded", job
    return ZipFile(io.BytesIO(api.get(f"/v1/jobs/{job['id']}/artifact").getvalue()))


def lines(archive: ZipFile, table: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read(f"{table}.jsonl").splitlines()]


def kept(archive: ZipFile, table: str) -> dict[str, dict[str, Any]]:
    """The rows by id, without what the server sets."""
    rows = lines(archive, table)
    return {row["id"]: {name: row[name] for name in row if name not in NOT_KEPT} for row in rows}


def bring(api: APIClient, name: str, content: bytes, kind: str) -> dict[str, Any]:
    answer = api.post("/v1/imports", {"file": SimpleUploadedFile(name, content), "kind": kind}, format="multipart")
    assert answer.status_code == 201, answer.json()
    result: dict[str, Any] = {}
    for what in ("dry-run", "apply"):
        asked = api.post(f"/v1/imports/{answer.json()['id']}/{what}")
        runner.run(asked.json()["id"])
        job = api.get(f"/v1/jobs/{asked.json()['id']}").json()
        assert job["status"] == "succeeded", job
        result = job["result"]
    return result


@pytest.mark.parametrize("format_", ["csv", "xlsx", "jsonl"])
def test_a_round_trip_loses_nothing(device: Device, api: APIClient, format_: str) -> None:
    fill(device)
    archive, truth = export(api, format=format_), export(api, format="jsonl")
    enrolled = factories.enrol()
    other = client_with(enrolled.token)
    for table, kind in ORDER.items():
        summary = bring(other, f"{table}.{format_}", archive.read(f"{table}.{format_}"), kind)
        assert (summary["error"], summary["skipped"], summary["updated"]) == (0, 0, 0)
    found = export(other, format="jsonl")
    for table in ORDER:
        expected, there = kept(truth, table), kept(found, table)
        assert {id: there[id] for id in expected} == expected
    assert len(kept(found, "products")) == len(NASTY) + 1

    summary = bring(other, f"products.{format_}", archive.read(f"products.{format_}"), "products")
    assert (summary["unchanged"], summary["created"], summary["updated"]) == (len(NASTY) + 1, 0, 0)


def test_only_the_devices_live_rows(device: Device, other: Device, api: APIClient) -> None:
    fill(device)
    secret = factories.make_product(other, name="Secret")
    archive = export(api)
    names = {name.removesuffix(".csv") for name in archive.namelist()}
    assert {"products", "barcodes", "stock_movements", "stock_levels", "tasks", "cases"} <= names
    for name in archive.namelist():
        text = archive.read(name).decode("utf-8-sig")
        assert str(secret.uuid) not in text
        assert "Gone" not in text
    rows = csv.DictReader(io.StringIO(archive.read("products.csv").decode("utf-8-sig"), newline=""))
    assert {row["device"] for row in rows} == {str(device.uuid)}
    assert any(
        row["name"] == "Gone" and row["deleted_at"]
        for row in lines(export(api, format="jsonl", deleted=True), "products")
    )


def test_filters_are_those_of_the_lists(device: Device, api: APIClient) -> None:
    category = factories.make_category(device)
    cup = factories.make_product(device, name="Cup", category_id=category.uuid, is_active=False)
    factories.make_product(device, name="Pot", reorder_level=Decimal(2))

    def names(**filters: Any) -> list[str]:
        archive = export(api, tables=["products"], format="jsonl", filters={"products": filters})
        return [row["name"] for row in lines(archive, "products")]

    assert names(name__icontains="cu") == ["Cup"]
    assert names(category=str(category.uuid)) == ["Cup"]
    assert names(is_active=True) == ["Pot"]
    assert names(reorder_level__isnull="true") == ["Cup"]
    assert names(created_at__gte="2100-01-01T00:00:00Z") == []
    assert names(revision__gt=cup.revision) == ["Pot"]


def test_counts_are_filtered_by_their_stocktake_and_its_holders(device: Device, api: APIClient) -> None:
    entry, other = factories.make_entry(device), factories.make_entry(device)
    scan = factories.make_scan_event(device, sheet_id=entry.sheet.uuid)
    factories.make_scan_event(device, sheet_id=other.sheet.uuid)
    installation = device.installations.get()
    given = factories.make_sheet(device, assigned_to=installation.uuid)

    def found(table: str, **filters: Any) -> list[str]:
        return [
            row["id"] for row in lines(export(api, tables=[table], format="jsonl", filters={table: filters}), table)
        ]

    stocktake = str(entry.sheet.stocktake.uuid)
    assert found("count_entries", stocktake=stocktake) == [str(entry.uuid)]
    assert found("scan_events", stocktake=stocktake) == [str(scan.uuid)]
    assert found("count_sheets", assigned_to=str(installation.uuid)) == [str(given.uuid)]
    assert str(given.uuid) not in found("count_sheets", assigned_to__isnull=True)


def test_filters_from_the_command_line_are_an_object_for_each_table(device: Device) -> None:
    for given in ('["products"]', '{"products": "cup"}'):
        with pytest.raises(CommandError, match="table → its filters"):
            call_command("run_job", "export", device=str(device.uuid), param=[f"filters={given}"], stdout=StringIO())
    assert not Job.objects.exists()


@pytest.mark.parametrize("format", ["csv", "xlsx", "jsonl"])
def test_a_file_of_ours_shows_what_it_is(format: str, device: Device, api: APIClient) -> None:
    fill(device)
    archive = export(api, format=format)
    for table, kind in ORDER.items():
        file = SimpleUploadedFile(f"{table}.{format}", archive.read(f"{table}.{format}"))
        answer = api.post("/v1/imports", {"file": file}, format="multipart")
        assert (answer.status_code, answer.json()["kind"]) == (201, kind), table


@pytest.mark.django_db(transaction=True)
def test_others_write_while_an_export_runs(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory.services.exports.files.STEP", 1)
    monkeypatch.setattr("inventory.services.exports.tables.CHUNK", 2)
    for _ in range(5):
        factories.make_product(device)

    def elsewhere() -> None:
        factories.make_product(device)
        connection.close()

    def advance(table: str, done: int) -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(elsewhere).result()
        factories.make_product(device)  # as a job writes how far it is

    for format in ("csv", "xlsx"):
        there = Product.objects.count()
        rows = write_export(
            io.BytesIO(), device=device, names=["products"], format=format, filters={}, deleted=False, advance=advance
        )
        assert rows == {"products": there}  # what was there when its table began
        assert Product.objects.count() == 3 * there + 2


def test_a_long_export_says_how_far_it_is(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory.services.exports.files.STEP", 2)
    for _ in range(5):
        factories.make_product(device)
    said: list[tuple[str, int]] = []
    rows = write_export(
        io.BytesIO(), device=device, names=["products"], format="csv", filters={}, deleted=False,
        advance=lambda table, done: said.append((table, done)),
    )  # fmt: skip
    assert said == [("products", 2), ("products", 4), ("products", 5)]
    assert rows == {"products": 5}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"tables": ["secrets"]}, "tables"),
        ({"filters": {"products": {"device": "x"}}}, "filters.products.device"),
        ({"filters": {"products": {"name__regex": "x"}}}, "filters.products.name__regex"),
        ({"filters": {"products": {"is_active": 1}}}, "filters.products.is_active"),
        ({"filters": {"products": {"created_at__gte": "today"}}}, "filters.products.created_at__gte"),
        ({"filters": {"products": {"category": "x"}}}, "filters.products.category"),
        ({"filters": {"products": {"name": "a\x00"}}}, None),
        ({"filters": {"products": {"name": 5}}}, "filters.products.name"),
        ({"filters": {"products": {"secret": "x"}}}, "filters.products.secret"),
        ({"filters": {"products": {"attributes": "{}"}}}, "filters.products.attributes"),
        ({"filters": {"count_sheets": {"held_by": "me"}}}, "filters.count_sheets.held_by"),
        ({"filters": {"count_entries": {"stocktake": "x"}}}, "filters.count_entries.stocktake"),
        ({"filters": {"products": {"revision__gt": 2**70}}}, "filters.products.revision__gt"),
        ({"filters": {"lots": {"expires_on": "x"}}}, "filters.lots.expires_on"),
        ({"filters": {"stock_movements": {"quantity__gte": "NaN"}}}, "filters.stock_movements.quantity__gte"),
        ({"tables": ["lots"], "filters": {"products": {}}}, "filters.products"),
        ({"format": "pdf"}, "format"),
        ({"other": 1}, "other"),
    ],
)
def test_what_cannot_be_exported_is_refused(api: APIClient, asked: dict[str, Any], field: str | None) -> None:
    answer = api.post("/v1/exports", asked, format="json")
    assert answer.status_code in (400, 422)
    assert field is None or [problem["field"] for problem in answer.json()["errors"]] == [field]


def test_every_filter_of_a_list_is_one_of_the_export() -> None:
    from inventory.api.tables import TABLES  # the doors, to compare with
    from inventory.services.exports.tables import read_filter, tables

    given = {
        "Boolean": "true",
        "Time": "2026-01-31T12:00:00Z",
        "Date": "2026-01-31",
        "Number": "1",
        "Reference": ID,
        "Id": ID,
    }
    computed = {("stocktake_lines", name) for name in ("list", "flag", "counter")}  # as docs/exports.md says
    from django.urls import get_resolver

    checked = 0
    for pattern in get_resolver().url_patterns:
        for route in getattr(pattern, "url_patterns", []):
            view = getattr(getattr(route, "callback", None), "cls", None)
            filterset = getattr(view, "filterset_class", None)
            model = getattr(getattr(filterset, "Meta", None), "model", None)
            if model is None or model._meta.db_table not in TABLES:
                continue
            for name, filter_ in filterset.base_filters.items():
                table = model._meta.db_table
                if (table, name) in computed:
                    with pytest.raises(ValueError, match="is no filter of"):
                        read_filter(tables()[table], name, "x")
                    continue
                kind = next((word for word in given if word in type(filter_).__name__), "")
                read_filter(tables()[table], name, given.get(kind, "x"))
                checked += 1
    assert checked > 100


def test_a_text_that_xlsx_cannot_hold_fails_the_job(device: Device, api: APIClient) -> None:
    factories.make_product(device, notes="\x01" * 9_000)
    answer = api.post("/v1/exports", {"tables": ["products"], "format": "xlsx"}, format="json")
    runner.run(answer.json()["id"])
    job = api.get(f"/v1/jobs/{answer.json()['id']}").json()
    assert (job["status"], job["internal_code"]) == ("failed", "export_too_long")


def test_a_big_table_is_several_sheets(
    device: Device, api: APIClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("inventory.services.exports.files.SHEET_ROWS", 2)
    for _ in range(5):
        factories.make_product(device)
    archive = export(api, tables=["products"], format="xlsx")
    assert archive.namelist() == ["products.xlsx", "products-2.xlsx", "products-3.xlsx"]
    archive.extract("products-3.xlsx", tmp_path)
    with open_sheet(tmp_path / "products-3.xlsx") as table:
        assert len(list(table.rows())) == 1


def test_the_command_exports_one_device_or_all(device: Device, other: Device, tmp_path: Path) -> None:
    factories.make_product(device, name="Mine")
    factories.make_product(other, name="Theirs")
    out, path = StringIO(), tmp_path / "out.zip"
    call_command("export_data", str(path), device=str(device.uuid), format="jsonl", stdout=out)
    assert [row["name"] for row in lines(ZipFile(path), "products")] == ["Mine"]
    assert "products" in out.getvalue()
    call_command("export_data", str(path), "--all", "--format", "jsonl", "--tables", "products", stdout=out)
    assert {row["device"] for row in lines(ZipFile(path), "products")} == {str(device.uuid), str(other.uuid)}
    assert ZipFile(path).namelist() == ["products.jsonl"]
    with pytest.raises(CommandError, match="There is no table secrets"):
        call_command("export_data", str(path), "--all", "--tables", "secrets")
    with pytest.raises(CommandError, match="No such file"):
        call_command("export_data", str(tmp_path / "no" / "x.zip"), "--all")
