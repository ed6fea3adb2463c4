"""Lines whose cells are not where the header says, and lines that add up others."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from devices.models import Device, Feed
from inventory.jobs import runner
from inventory.models import CountEntry, ImportRow, Product, StockMovement
from tests import factories


def bring(api: APIClient, kind: str, content: str, **more: Any) -> list[tuple[int, str, str]]:
    """Import a file: (line, outcome, internal_code) of each line."""
    upload = api.post("/v1/uploads", {"file": SimpleUploadedFile("f", content.encode())}, format="multipart").json()
    answer = api.post("/v1/imports", {"upload_id": upload["id"], "kind": kind, **more}, format="json")
    assert answer.status_code == 201, answer.json()
    for what in ("dry-run", "apply"):
        asked = api.post(f"/v1/imports/{answer.json()['id']}/{what}")
        assert asked.status_code == 202, asked.json()
        runner.run(asked.json()["id"])
        assert api.get(f"/v1/jobs/{asked.json()['id']}").json()["status"] == "succeeded"
    rows = api.get(f"/v1/imports/{answer.json()['id']}/rows").json()["results"]
    return [(row["line"], row["outcome"], row["internal_code"]) for row in rows]


def test_cells_beyond_the_last_column_are_told(api: APIClient) -> None:
    content = "sku,name,unit\nA,Cup,pcs\nB,Pot, large,pcs\nC,Jar,pcs,, ,\nD,Lid\n"
    assert bring(api, "products", content) == [
        (2, "created", ""),
        (3, "error", "import_extra_cells"),
        (4, "created", ""),
        (5, "created", ""),
    ]
    assert list(Product.objects.order_by("sku").values_list("sku", "name", "unit")) == [
        ("A", "Cup", "pcs"), ("C", "Jar", "pcs"), ("D", "Lid", Product._meta.get_field("unit").default),
    ]  # fmt: skip
    told = ImportRow.objects.get(outcome="error")
    assert (told.detail, told.value) == ("The line has 4 cells for 3 columns.", "pcs")
    assert "delimiter" in told.hint


def test_columns_without_a_name_hold_cells_of_their_own(api: APIClient) -> None:
    reading = {"header_line": 0, "columns": ["sku", "name"]}
    assert bring(api, "products", "A,Cup,blue\nB,Pot,red,large\n", reading=reading) == [
        (1, "created", ""),
        (2, "error", "import_extra_cells"),
    ]
    named = {"header_line": 0, "columns": ["sku", "name", "unit", "notes"]}
    assert bring(api, "products", "C,Cup,pcs\nD,Pot,pcs,large\n", reading=named) == [
        (1, "created", ""),
        (2, "created", ""),
    ]
    assert Product.objects.get(sku="D").notes == "large"


def test_a_broken_line_of_json_lines_stops_no_other(device: Device, api: APIClient) -> None:
    content = '{"sku":"A","name":"Cup"}\n{"sku":"B","name":\n[1]\n{"sku":"C","name":"Jar"}\n'
    assert bring(api, "products", content) == [
        (1, "created", ""),
        (2, "error", "import_bad_json"),
        (3, "error", "import_bad_json"),
        (4, "created", ""),
    ]
    assert set(Product.objects.values_list("sku", flat=True)) == {"A", "C"}


def test_a_first_line_that_is_no_object_is_another_kind_of_file(device: Device, api: APIClient) -> None:
    head = Feed.objects.get(device=device).head
    file = SimpleUploadedFile("f.jsonl", b'{"sku":\n{"sku":"A","name":"Cup"}\n')
    answer = api.post("/v1/imports", {"file": file, "kind": "products"}, format="multipart")
    assert (answer.status_code, answer.json()["internal_code"]) == (422, "import_unreadable")
    assert Feed.objects.get(device=device).head == head


TOTALS = (
    "Total",
    "SUBTOTAL",
    "Sub-total:",
    "Sous-total 2",
    "Total général",
    "TOTAL GENERAL",
    "Summe",
    "Somme",
    "Итого",
)
GOODS = ("Cup", "Fage Total 0%", "Total Quartz 5W40", "General", "Totally Cups", "Summer cup", "12")


@pytest.mark.parametrize("kind", ["stock", "movements", "counts"])
@pytest.mark.parametrize("column", ["name", "note"])
def test_a_named_total_is_skipped_and_other_names_want_a_code(
    device: Device, api: APIClient, kind: str, column: str
) -> None:
    factories.make_product(device, sku="SKU")
    field = "product_name" if column == "name" else "note"
    mapping = {"product": "product", "quantity": "quantity", field: column}
    if kind == "movements":
        mapping["occurred_at"] = "date"
    lines = "".join(f",5,2027-01-01,{name}\n" for name in TOTALS + GOODS)
    content = f"product,quantity,date,{column}\nSKU,5,2027-01-01,\n{lines}"
    found = bring(api, kind, content, mapping=mapping)
    assert found[0] == (2, "created", "")
    told = dict(zip(TOTALS + GOODS, [row[1:] for row in found[1:]], strict=True))
    assert told == {
        **dict.fromkeys(TOTALS, ("skipped", "import_no_code")), **dict.fromkeys(GOODS, ("error", "import_no_code")),
    }  # fmt: skip
    assert StockMovement.objects.count() + CountEntry.objects.count() == 1
    assert Product.objects.count() == 1


def test_a_total_is_no_product_where_products_are_known_by_name(device: Device, api: APIClient) -> None:
    found = bring(api, "stock", "product,quantity,name\n,5,Cup\n,5,Total\n", options={"match": "name"})
    assert [row[1:] for row in found] == [("created", ""), ("skipped", "import_no_code")]
    assert Product.objects.get().name == "Cup"


def test_a_note_does_not_make_a_named_line_a_total(device: Device, api: APIClient) -> None:
    content = "product,quantity,name,note\n,5,Cup,Total\n,5,Total,Cup\n"
    assert [row[1] for row in bring(api, "stock", content)] == ["error", "skipped"]
    assert not Product.objects.exists()
