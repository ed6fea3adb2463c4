"""Lines whose cells are not where the header says."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from devices.models import Device, Feed
from inventory.jobs import runner
from inventory.models import ImportRow, Product


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
