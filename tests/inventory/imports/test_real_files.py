"""Every file of other systems, and every messy one: rows or a clear error, never a 500, never a wrong merge."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from devices.models import Device
from inventory.jobs import runner
from inventory.models import Barcode, Category, CountEntry, ImportRow, Location, Lot, Product, StockMovement
from inventory.services import job_runs
from tests.conftest import DATA, shared_data

FOLDERS = ("stocktake_zl_2013", "peers_import", "inventree_demo", "openboxes", "adventureworks", "messy")
FILES = sorted(
    str(path.relative_to(DATA)) for folder in FOLDERS for path in (DATA / folder).rglob("*") if path.is_file()
)


@pytest.fixture(autouse=True)
def _no_beats(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """A test is one transaction: the thread that renews leases would only wait for it."""
    monkeypatch.setattr(job_runs, "BEAT_SECONDS", 3600)
    settings.JOB_LEASE_SECONDS = 3 * 3600


def send(api: APIClient, path: Path, **more: Any) -> Any:
    file = SimpleUploadedFile(path.name, path.read_bytes())
    return api.post("/v1/imports", {"file": file, **more}, format="multipart")


def bring(api: APIClient, path: Path, **more: Any) -> dict[str, Any]:
    """Send, dry run and apply one file. Returns the summary."""
    answer = send(api, path, **more)
    assert answer.status_code == 201, answer.json()
    job: dict[str, Any] = {}
    for what in ("dry-run", "apply"):
        asked = api.post(f"/v1/imports/{answer.json()['id']}/{what}")
        assert asked.status_code == 202, asked.json()
        runner.run(asked.json()["id"])
        job = api.get(f"/v1/jobs/{asked.json()['id']}").json()
        assert job["status"] == "succeeded", job
    summary: dict[str, Any] = job["result"]
    return summary


@pytest.mark.parametrize("name", FILES)
def test_any_file_gives_rows_or_a_clear_error(device: Device, api: APIClient, name: str) -> None:
    path = DATA / name
    answer = send(api, path)
    if answer.status_code == 422 and answer.json()["internal_code"] == "unknown_import_kind":
        answer = send(api, path, kind="products")
    if answer.status_code == 422:
        assert answer.json()["internal_code"] in ("import_unreadable", "upload_empty"), answer.json()
        return
    assert answer.status_code == 201, answer.json()
    session = answer.json()
    asked = api.post(f"/v1/imports/{session['id']}/dry-run")
    if asked.status_code == 422:
        assert asked.json()["internal_code"] == "import_mapping"
        return
    runner.run(asked.json()["id"])
    job = api.get(f"/v1/jobs/{asked.json()['id']}").json()
    assert job["status"] == "succeeded" or job["internal_code"] == "import_unreadable", job
    summary = job["result"]
    if job["status"] == "succeeded":
        assert ImportRow.objects.count() == summary["lines"]
        asked = api.post(f"/v1/imports/{session['id']}/apply")
        runner.run(asked.json()["id"])
        applied = api.get(f"/v1/jobs/{asked.json()['id']}").json()
        assert applied["status"] == "succeeded", applied
        assert {**applied["result"], "made": 0} == {**summary, "made": 0}
        _look_for_wrong_merges(session, summary)
    for shortened in ("E+", "e+"):
        assert not Product.objects.filter(sku__contains=shortened).exists()
        assert not Barcode.objects.filter(value__contains=shortened).exists()


def _look_for_wrong_merges(session: dict[str, Any], summary: dict[str, Any]) -> None:
    """The device was empty: every row that was created is there, and a line changed none but its own code's."""
    table = {
        "products": Product, "categories": Category, "locations": Location, "barcodes": Barcode, "stock": StockMovement,
        "counts": CountEntry,
    }[session["kind"]]  # fmt: skip
    made = summary["made"].get(table._meta.db_table, 0) + (session["kind"] == "locations")  # and the default one
    assert table.objects.count() == summary["created"] + made
    assert summary["updated"] == 0


# profile, file, lines created, and what there is in the end
PEERS: list[tuple[list[tuple[str, str, int]], dict[str, int]]] = [
    (
        [("open_food_facts", "products_off/off_fr_2018_utf16le_semicolon.csv", 3000),
         ("open_food_facts_export", "products_off/off_it_2021_full_export.tsv", 600)],
        {"products": 3600},
    ),
    ([("open_food_facts_lifyzer", "products_off/off_lifyzer_2019_5000.csv", 4846)], {"products": 4846}),
    (
        [("inventree_categories", "inventree_demo/categories.csv", 27),
         ("inventree_locations", "inventree_demo/locations.csv", 19),
         ("inventree_parts", "inventree_demo/parts.csv", 414),
         ("inventree_stock", "inventree_demo/stock_items.csv", 1106),
         ("inventree_supplier_parts", "inventree_demo/supplier_parts.csv", 773)],
        {"products": 414, "categories": 27, "movements": 1106, "barcodes": 414 + 773},
    ),
    (
        [("snipe_it_assets", "peers_import/snipe-it/assets-sample.csv", 22),
         ("snipe_it_assets_short", "peers_import/snipe-it/assets-sample-BLANKS.csv", 200),
         ("snipe_it_models", "peers_import/snipe-it/models-sample.csv", 20),
         ("snipe_it_locations", "peers_import/snipe-it/locations-sample.csv", 17),
         ("snipe_it_consumables", "peers_import/snipe-it/consumables-sample.csv", 3),
         ("snipe_it_accessories", "peers_import/snipe-it/accessories-sample.csv", 3),
         ("snipe_it_components", "peers_import/snipe-it/components-sample.csv", 1)],
        {"movements": 7},
    ),
    (
        [("part_db", "peers_import/part-db/part_import_example.csv", 6),
         ("part_db_stock", "peers_import/part-db/part_import_example.csv", 6)],
        {"products": 6, "movements": 6},
    ),
    (
        [("homebox", "peers_import/homebox/fields.csv", 3), ("homebox_stock", "peers_import/homebox/fields.csv", 3),
         ("homebox_assets", "peers_import/homebox/types.csv", 3)],
        {"products": 6, "movements": 3},
    ),
    (
        [("shopify", "peers_import/shopify/apparel.csv", 22),
         ("shopify_stock", "peers_import/shopify/apparel.csv", 22)],
        {"products": 22, "movements": 22},
    ),
    (
        [("openboxes_categories", "openboxes/default_OB_categories.csv", 26),
         ("openboxes_locations", "openboxes/locations.csv", 18),
         ("openboxes_locations", "openboxes/binLocations.csv", 40),
         ("openboxes_products", "openboxes/products.csv", 57),
         ("openboxes_stock", "openboxes/mainWarehouseInventory.csv", 48),
         ("openboxes_counts", "openboxes/mainWarehouseInventory.csv", 57)],
        {"products": 57, "movements": 48, "counts": 57},
    ),
    (
        [("zl_counts", "stocktake_zl_2013/00_sheet1.csv", 37), ("zl_counts", "stocktake_zl_2013/01_salle_1.csv", 37),
         ("zl_counts", "stocktake_zl_2013/02_salle_2.csv", 33), ("zl_counts", "stocktake_zl_2013/03_salle_3.csv", 49)],
        {"counts": 156, "movements": 0},
    ),
    (
        [("adventureworks_categories", "adventureworks/ProductCategory.tsv", 4),
         ("adventureworks_locations", "adventureworks/Location.tsv", 14),
         ("adventureworks_products", "adventureworks/Product.tsv", 504),
         ("adventureworks_stock", "adventureworks/ProductInventory.tsv", 1065)],
        {"products": 504, "barcodes": 504, "movements": 1065},
    ),
]  # fmt: skip
COUNTED = {
    "counts": CountEntry, "products": Product, "categories": Category, "movements": StockMovement, "barcodes": Barcode,
}  # fmt: skip


@pytest.mark.parametrize(("files", "there"), PEERS, ids=[files[0][0] for files, _ in PEERS])
def test_ready_profiles_read_the_files_of_others(
    device: Device, api: APIClient, files: list[tuple[str, str, int]], there: dict[str, int]
) -> None:
    made = [(profile, bring(api, shared_data(*name.split("/")), profile=profile)) for profile, name, _ in files]
    assert [(profile, summary["created"], summary["error"]) for profile, summary in made] == [
        (profile, created, 0) for profile, _, created in files
    ]
    assert {name: COUNTED[name].objects.count() for name in there} == there


def test_dates_that_may_be_two_days_wait_for_a_choice(device: Device, api: APIClient) -> None:
    answer = send(api, shared_data("messy", "online_retail_us_dates.csv"), kind="movements")
    url = f"/v1/imports/{answer.json()['id']}"

    def tried() -> list[int]:
        asked = api.post(f"{url}/dry-run")
        runner.run(asked.json()["id"])
        result = api.get(f"/v1/jobs/{asked.json()['id']}").json()["result"]
        return [result["created"], result["error"]]

    assert tried() == [0, 2000]
    assert set(ImportRow.objects.values_list("internal_code", flat=True)) == {"import_date_ambiguous"}
    api.patch(url, {"options": {"date_format": "mdy", "sign": "sales"}}, format="json")
    assert tried() == [2000, 0]


@pytest.mark.parametrize(
    ("name", "kind", "found"),
    [
        ("openboxes/bostonWarehouseInventory.csv", "", ("counts", "openboxes_counts", 1)),
        ("openboxes/bostonWarehouseInventory.csv", "stock", ("stock", "openboxes_stock", 1)),
        ("stocktake_zl_2013/00_sheet1.csv", "", ("counts", "zl_counts", 1)),
        ("stocktake_zl_2013/01_salle_1.csv", "", ("counts", "zl_counts", 9)),
        ("stocktake_zl_2013/02_salle_2.csv", "", ("counts", "zl_counts", 9)),
        ("stocktake_zl_2013/03_salle_3.csv", "", ("counts", "zl_counts", 9)),
    ],
)
def test_a_count_sheet_is_known_by_its_header(
    device: Device, api: APIClient, name: str, kind: str, found: tuple[str, str, int]
) -> None:
    session = send(api, shared_data(*name.split("/")), **({"kind": kind} if kind else {})).json()
    assert (session["kind"], session["profile"], session["reading"]["header_line"]) == found


def test_lots_are_text_and_expiries_are_days(device: Device, api: APIClient) -> None:
    summary = bring(api, shared_data("stocktake_zl_2013", "02_salle_2.csv"))
    assert summary["skipped"] == ImportRow.objects.filter(internal_code="import_no_code").count() == 6
    lots = {lot.code: lot for lot in Lot.objects.select_related("product")}
    assert lots["5135185"].product.sku == "AD66"  # typed with a trailing space
    assert lots["5135185"].expires_on == date(2014, 7, 31)
    assert lots["2ML52"].expires_on == date(2013, 11, 15)  # the one cell that is a date


def test_an_old_excel_template_is_a_count_sheet_too(device: Device, api: APIClient) -> None:
    bring(api, shared_data("openboxes", "inventory_template.xls"), kind="counts")
    entry = CountEntry.objects.select_related("product", "lot").order_by("revision").first()
    assert (entry.product.sku, entry.lot.code, entry.lot.expires_on) == ("10088", "P0000224", date(2022, 6, 30))
    assert entry.quantity == 0
