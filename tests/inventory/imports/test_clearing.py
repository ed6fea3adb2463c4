"""A cell that says so clears what is stored; a blank one leaves it alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from devices.models import Device, Event
from inventory.jobs import runner
from inventory.models import Lot, Product
from tests import factories

MAPPING = {
    "sku": "sku", "notes": "notes", "reorder_level": "level", "unit_cost": "cost", "category": "category",
    "attributes.colour": "colour", "attributes.brands": "brand",
}  # fmt: skip


def do(api: APIClient, page: str, what: str) -> None:
    job = api.post(f"{page}/{what}").json()["id"]
    runner.run(job)
    assert api.get(f"/v1/jobs/{job}").json()["status"] == "succeeded"


def bring(api: APIClient, content: str, kind: str = "products", **more: Any) -> tuple[str, list[dict[str, Any]]]:
    """Import a file: its page, and what became of each line."""
    file = SimpleUploadedFile("f.csv", content.encode())
    upload = api.post("/v1/uploads", {"file": file}, format="multipart").json()["id"]
    answer = api.post("/v1/imports", {"upload_id": upload, "kind": kind, **more}, format="json")
    assert answer.status_code == 201, answer.json()
    page = f"/v1/imports/{answer.json()['id']}"
    for what in ("dry-run", "apply"):
        do(api, page, what)
    rows: list[dict[str, Any]] = api.get(f"{page}/rows").json()["results"]
    return page, rows


@pytest.fixture
def milk(device: Device) -> Product:
    category = factories.make_category(device, name="Dairy")
    return factories.make_product(
        device, name="Milk", sku="M", notes="cold", reorder_level=Decimal(5), unit_cost=Decimal("1.5"),
        category_id=category.uuid, attributes={"colour": "white", "brands": "Moo", "none": None},
    )  # fmt: skip


def stored(milk: Product) -> list[Any]:
    row = Product.objects.get(pk=milk.pk)
    category = row.category.name if row.category else None
    return [row.notes, row.reorder_level, row.unit_cost, category, row.attributes]


def lines(*cells: str) -> str:
    return f"sku,notes,level,cost,category,colour,brand\nM,{','.join(cells)}\n"


def test_a_marker_clears_and_a_blank_leaves_alone(api: APIClient, milk: Product) -> None:
    before = stored(milk)
    clear = {"clear": " <empty> "}
    _, blank = bring(api, lines(*[""] * 6), mapping=MAPPING, options=clear)
    assert [row["outcome"] for row in blank] == ["unchanged"]
    assert stored(milk) == before
    cells = ("<empty>", " <empty>", "<empty>", "<empty>", "<empty>", "")
    page, rows = bring(api, lines(*cells), mapping=MAPPING, options=clear)
    assert [row["outcome"] for row in rows] == ["updated"]
    assert stored(milk) == ["", None, None, None, {"brands": "Moo", "none": None}]
    event = Event.objects.about(milk).first()
    assert event.changes["unit_cost"] == ["1.5", None]
    do(api, page, "revert")
    assert stored(milk) == before


def test_without_the_option_it_is_what_it_says(api: APIClient, milk: Product) -> None:
    _, rows = bring(api, lines("<empty>", *[""] * 5), mapping=MAPPING)
    assert [row["outcome"] for row in rows] == ["updated"]
    assert stored(milk)[0] == "<empty>"


@pytest.mark.parametrize("existing", ["fill", "skip"])
def test_who_writes_nothing_over_clears_nothing(api: APIClient, milk: Product, existing: str) -> None:
    before = stored(milk)
    page, rows = bring(api, lines(*["-"] * 6), mapping=MAPPING, options={"clear": "-", "existing": existing})
    assert [row["outcome"] for row in rows] == ["unchanged"]
    assert stored(milk) == before
    assert api.get(page).json()["summary"]["differing"] > 0


def test_only_an_attribute_is_cleared(api: APIClient, milk: Product) -> None:
    bring(api, lines("", "", "", "", "-", "Baa"), mapping=MAPPING, options={"clear": "-"})
    assert stored(milk)[4] == {"brands": "Baa", "none": None}


def test_a_new_product_has_nothing_to_clear(api: APIClient, device: Device) -> None:
    content = "sku,name,notes,category,colour\nN,New,-,-,-\n"
    mapping = {name: name for name in ("sku", "name", "notes", "category")} | {"attributes.colour": "colour"}
    _, rows = bring(api, content, mapping=mapping, options={"clear": "-"})
    assert [row["outcome"] for row in rows] == ["created"]
    made = Product.objects.get(sku="N")
    assert (made.name, made.notes, made.category, made.attributes) == ("New", "", None, {})


@pytest.mark.parametrize(
    ("column", "mapped"), [("name", "name"), ("unit", "unit"), ("barcode", ["barcode"]), ("is_active", "is_active")]
)
def test_what_cannot_be_empty_is_refused(api: APIClient, milk: Product, column: str, mapped: Any) -> None:
    mapping = {"sku": "sku", column: mapped}
    _, [row] = bring(api, f"sku,{column}\nM,-\n", mapping=mapping, options={"clear": "-"})
    assert (row["outcome"], row["internal_code"], row["column"], row["value"]) == (
        "error", "import_not_cleared", column, "-",
    )  # fmt: skip
    assert Product.objects.get(pk=milk.pk).revision == milk.revision


def test_a_lot_loses_its_expiry(api: APIClient, device: Device) -> None:
    lot = factories.make_lot(device, expires_on="2026-01-01")
    Product.objects.filter(pk=lot.product_id).update(sku="L")
    content = f"product,code,expires_on\nL,{lot.code},-\n"
    _, rows = bring(api, content, "lots", options={"clear": "-"})
    assert [row["outcome"] for row in rows] == ["updated"]
    assert Lot.objects.get(pk=lot.pk).expires_on is None


@pytest.mark.parametrize("clear", [7, "x" * 201, None])
def test_a_marker_is_a_text(api: APIClient, device: Device, clear: Any) -> None:
    upload = factories.make_upload(device, b"sku\nA\n")
    answer = api.post("/v1/imports", {"upload_id": str(upload.uuid), "kind": "products", "options": {"clear": clear}})
    assert (answer.status_code, answer.json()["internal_code"]) == (422, "import_options")
