"""Imports through the API: detected, mapped, tried, applied, reported and undone."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from devices.models import Device, Event, Feed
from inventory.jobs import runner
from inventory.models import Barcode, Category, ImportRow, Job, Location, Lot, Product, StockMovement
from inventory.services.products import update_product
from tests import factories

GOODS = "sku,name,unit,reorder_level,category\nA-1,Cup,pcs,5,Kitchen/Cups\nB-2,Pot,pcs,,Kitchen\n,Lid,,,\n,,,12,\n"


def send(api: APIClient, content: str | bytes, *, name: str = "goods.csv", **more: Any) -> dict[str, Any]:
    data = content.encode() if isinstance(content, str) else content
    answer = api.post("/v1/imports", {"file": SimpleUploadedFile(name, data), **more}, format="multipart")
    assert answer.status_code == 201, answer.json()
    found: dict[str, Any] = answer.json()
    return found


def do(api: APIClient, session: dict[str, Any], what: str) -> dict[str, Any]:
    """Ask for a job, let a worker do it, and read it."""
    answer = api.post(f"/v1/imports/{session['id']}/{what}")
    assert answer.status_code == 202, answer.json()
    runner.run(answer.json()["id"])
    job: dict[str, Any] = api.get(f"/v1/jobs/{answer.json()['id']}").json()
    return job


def read(api: APIClient, session: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/v1/imports/{session['id']}").json()
    return found


def figures(summary: dict[str, Any]) -> list[int]:
    return [summary[name] for name in ("created", "updated", "unchanged", "skipped", "error")]


def test_a_file_is_looked_at_and_nothing_is_written(device: Device, api: APIClient) -> None:
    head = Feed.objects.get(device=device).head
    found = send(api, GOODS, kind="products")
    assert found["status"] == "draft"
    assert found["columns"] == ["sku", "name", "unit", "reorder_level", "category"]
    assert found["mapping"] == {name: name for name in found["columns"]}
    assert found["sample"][0] == ["A-1", "Cup", "pcs", "5", "Kitchen/Cups"]
    assert found["reading"] == {"format": "csv", "encoding": "utf-8", "delimiter": ",", "header_line": 1}
    assert Feed.objects.get(device=device).head == head


def test_dry_run_apply_and_revert(device: Device, api: APIClient) -> None:
    session = send(api, GOODS, kind="products")
    job = do(api, session, "dry-run")
    assert (job["status"], figures(job["result"])) == ("succeeded", [2, 0, 0, 1, 1])
    assert read(api, session)["status"] == "ready"
    assert not Product.objects.exists()
    assert not Category.objects.exists()

    job = do(api, session, "apply")
    assert (job["status"], figures(job["result"]), job["result"]["made"]) == (
        "succeeded", [2, 0, 0, 1, 1], {"categories": 2},
    )  # fmt: skip
    cup = Product.objects.get(sku="A-1")
    assert (cup.name, f"{cup.reorder_level:.0f}", cup.category.name, cup.category.parent.name) == (
        "Cup",
        "5",
        "Cups",
        "Kitchen",
    )
    assert {artifact["name"] for artifact in job["artifacts"]} == {"import-report.csv", "import-report.json"}
    events = Event.objects.filter(operation_id=session["id"])
    assert events.filter(table="products").count() == 2
    assert read(api, session)["status"] == "applied"

    job = do(api, session, "revert")
    assert (job["status"], job["result"]["undone"], job["result"]["left"]) == ("succeeded", 4, 0)
    assert read(api, session)["status"] == "reverted"
    assert not Product.objects.exists()
    assert not Category.objects.exists()
    assert Job.objects.get(kind="import_apply").status == "reverted"


def test_rows_and_reports_say_what_was_wrong(device: Device, api: APIClient) -> None:
    session = send(api, "sku,name,reorder_level\nA,Cup,many\n8.41E+12,Pot,1\nB,Jar,2\n", kind="products")
    job = do(api, session, "dry-run")
    rows = api.get(f"/v1/imports/{session['id']}/rows?status=error").json()
    assert rows["count"] == 2
    assert rows["results"][0] == {
        "line": 2, "outcome": "error", "internal_code": "import_not_a_quantity", "column": "reorder_level",
        "value": "many", "detail": "'many' is not a quantity: use digits and at most one decimal point.", "hint": "",
        "object_id": None,
    }  # fmt: skip
    assert rows["results"][1]["internal_code"] == "import_code_damaged"
    text = api.get(f"/v1/jobs/{job['id']}/artifact?name=import-report.csv").getvalue().decode("utf-8-sig")
    assert [row["outcome"] for row in csv.DictReader(io.StringIO(text))] == ["error", "error", "created"]
    report = json.loads(api.get(f"/v1/jobs/{job['id']}/artifact?name=import-report.json").getvalue())
    assert [row["line"] for row in report["rows"]] == [2, 3, 4]
    assert report["summary"]["error"] == 2
    assert api.get(f"/v1/imports/{session['id']}/rows?status=odd").json()["internal_code"] == "invalid_filter"


def test_what_somebody_edits_after_the_dry_run_stays(device: Device, api: APIClient) -> None:
    factories.make_product(device, sku="A", name="Cup")
    other = factories.make_product(device, sku="B", name="Pot")
    session = send(api, "sku,name\nA,Mug\nB,Kettle\n", kind="products")
    do(api, session, "dry-run")
    update_product(other, actor=factories.TESTER, changes={"name": "Teapot"})
    job = do(api, session, "apply")
    assert figures(job["result"]) == [0, 1, 0, 0, 1]
    assert set(Product.objects.values_list("name", flat=True)) == {"Mug", "Teapot"}
    row = ImportRow.objects.get(outcome="error")
    assert (row.number, row.internal_code) == (3, "import_changed_meanwhile")


def test_a_revert_leaves_what_others_have_changed_or_use(device: Device, api: APIClient) -> None:
    known = factories.make_product(device, sku="K", name="Known")
    session = send(api, "sku,barcode,name\nA,111,Cup\nB,222,Pot\nC,333,Jar\nK,,Renamed\n", kind="products")
    do(api, session, "dry-run")
    do(api, session, "apply")
    edited, used = Product.objects.get(sku="A"), Product.objects.get(sku="B")
    update_product(edited, actor=factories.TESTER, changes={"name": "Mug"})
    factories.make_movement(device, product_id=used.uuid)
    job = do(api, session, "revert")
    assert job["result"]["left"] == 2
    assert {conflict[1] for conflict in job["result"]["conflicts"]} == {str(edited.uuid), str(used.uuid)}
    known.refresh_from_db()
    assert known.name == "Known"
    assert set(Product.objects.values_list("sku", flat=True)) == {"A", "B", "K"}
    assert not Barcode.objects.exists()


def test_movements_are_reversed_by_their_mirror_images(device: Device, api: APIClient) -> None:
    session = send(
        api,
        "product,name,quantity,location,lot,expires_on\n"
        "A,Cup,5,Room 1/Shelf 2,L1,2027-01-31\nA,Cup,2,Room 1,,\nB,,,,,\nC,x,0,,,\n",
        kind="stock",
        name="stock.csv",
    )
    do(api, session, "dry-run")
    job = do(api, session, "apply")
    assert figures(job["result"]) == [2, 0, 0, 2, 0]
    assert job["result"]["made"] == {"products": 1, "locations": 2, "lots": 1}
    stock = Product.objects.with_stock().get(sku="A")
    assert stock.on_hand == 7
    assert Location.objects.get(name="Shelf 2").parent.name == "Room 1"
    again = send(
        api,
        "product,name,quantity,location,lot,expires_on\nA,Cup,5,Room 1/Shelf 2,L1,2027-01-31\n",
        kind="stock",
        name="stock.csv",
    )
    assert figures(do(api, again, "dry-run")["result"]) == [0, 0, 1, 0, 0]
    job = do(api, session, "revert")
    assert (job["status"], job["result"]["left"]) == ("succeeded", 0)
    assert StockMovement.objects.count() == 4
    assert not Product.objects.exists()
    assert not Lot.objects.exists()
    assert not Location.objects.filter(is_default=False).exists()


@pytest.mark.parametrize(("what", "code"), [("apply", "import_state"), ("revert", "import_state")])
def test_a_draft_is_neither_applied_nor_reverted(api: APIClient, what: str, code: str) -> None:
    session = send(api, GOODS, kind="products")
    answer = api.post(f"/v1/imports/{session['id']}/{what}")
    assert (answer.status_code, answer.json()["internal_code"]) == (409, code)
    assert not Job.objects.exists()


def test_a_mapping_is_changed_and_a_dry_run_is_needed_again(api: APIClient) -> None:
    session = send(api, "x,y\nA,Cup\n", kind="products")
    assert session["mapping"] == {}
    answer = api.post(f"/v1/imports/{session['id']}/dry-run")
    assert (answer.status_code, answer.json()["internal_code"]) == (422, "import_mapping")
    changed = api.patch(f"/v1/imports/{session['id']}", {"mapping": {"sku": "x", "name": ["y", "x"]}}, format="json")
    assert changed.json()["mapping"] == {"sku": "x", "name": ["y", "x"]}
    do(api, session, "dry-run")
    assert read(api, session)["status"] == "ready"
    api.patch(f"/v1/imports/{session['id']}", {"options": {"join": " "}}, format="json")
    assert read(api, session)["status"] == "draft"
    do(api, session, "dry-run")
    do(api, session, "apply")
    assert Product.objects.get().name == "Cup A"
    late = api.patch(f"/v1/imports/{session['id']}", {"mapping": {"sku": "y"}}, format="json")
    assert late.json()["internal_code"] == "import_state"
