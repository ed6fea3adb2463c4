"""What we print our scan resolver reads back; what cannot be printed is refused."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4
from zipfile import ZipFile

import pytest
from pypdf import PdfReader
from rest_framework.test import APIClient

from devices.models import Device
from inventory.errors import JobParameters
from inventory.models import Artifact, Barcode, Job, Product
from inventory.services.artifacts import open_artifact
from inventory.services.barcodes import create_barcode
from inventory.services.jobs import request_job
from inventory.services.products import delete_product
from tests.factories import (
    TESTER,
    make_barcode,
    make_category,
    make_labeltemplate,
    make_location,
    make_lot,
    make_movement,
    make_product,
)
from tests.inventory.labels.scanning import scan_pdf, scan_png

Print = Callable[..., tuple[dict[str, Any], bytes]]
EAN = "4006381333931"


@pytest.fixture
def print_labels(api: APIClient, django_capture_on_commit_callbacks: Any) -> Print:
    """POST /v1/labels → (the finished job, the file)."""

    def run(what: str, **asked: Any) -> tuple[dict[str, Any], bytes]:
        with django_capture_on_commit_callbacks(execute=True):
            answer = api.post("/v1/labels", {"what": what, **asked})
        assert answer.status_code == 202, answer.content
        job = api.get(answer.headers["Location"]).json()
        assert job["status"] == "succeeded", job
        download = api.get(f"{answer.headers['Location']}/artifact")
        return job, b"".join(download.streaming_content)

    return run


@pytest.fixture
def tea(device: Device) -> Product:
    """With an EAN-13 and a shop's own code."""
    product = make_product(device, name="Sencha <Uji> #1", sku="T-1")
    make_barcode(device, product_id=product.uuid, value=EAN)
    return product


def read(api: APIClient, code: str) -> dict[str, Any]:
    answer = api.get(f"/v1/scan/{quote(code, safe='')}")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def template(device: Device, symbology: str, **values: Any) -> str:
    return str(
        make_labeltemplate(
            device, symbology=symbology, page_width=values["width"], page_height=values["height"], **values
        ).uuid
    )


@pytest.mark.parametrize("symbology", ["qr", "ean13", "code128", "datamatrix-gs1"])
def test_a_product_is_read_back_from_a_png(
    api: APIClient, device: Device, tea: Product, print_labels: Print, symbology: str
) -> None:
    sheet = template(device, symbology, width=45, height=25)
    job, png = print_labels("products", ids=[str(tea.uuid)], template=sheet, format="png")
    assert job["result"] == {"labels": 1, "pages": 1, "qr_instead": 0}
    (code,) = scan_png(png)
    assert read(api, code)["product"]["id"] == str(tea.uuid)
    assert code[:2] == {"qr": "]Q", "ean13": "]E", "code128": "]C", "datamatrix-gs1": "]d"}[symbology]


@pytest.mark.parametrize("kind", ["lot", "serial"])
def test_a_lot_is_read_back_with_its_expiry(
    api: APIClient, tea: Product, print_labels: Print, tmp_path: Path, kind: str
) -> None:
    device = tea.device
    lot = make_lot(device, product_id=tea.uuid, code="L-77/a", kind=kind, expires_on="2027-12-31")
    sheet = template(device, "datamatrix-gs1", width=45, height=25)
    _, pdf = print_labels("lots", template=sheet)
    (code,) = scan_pdf(pdf, tmp_path)
    found = read(api, code)
    assert (found["match"], found["lot_id"], found["expires_on"]) == ("gs1", str(lot.uuid), "2027-12-31")
    assert found["serial" if kind == "serial" else "lot_code"] == "L-77/a"


def test_a_sheet_of_everything_is_read_back_from_a_pdf(
    api: APIClient, device: Device, tea: Product, print_labels: Print, tmp_path: Path
) -> None:
    shelf = make_location(device, name="Shelf", code="S-1", parent_id=make_location(device, name="Store").uuid)
    lot = make_lot(device, product_id=tea.uuid)
    for what, key, row in (
        ("products", "product", tea), ("locations", "location_id", shelf), ("lots", "lot_id", lot),
        ("devices", "device_id", device),
    ):  # fmt: skip
        folder = tmp_path / what
        folder.mkdir()
        _, pdf = print_labels(what, ids=[str(row.uuid)], template="L7651", copies=2, skip=3)
        codes = scan_pdf(pdf, folder)
        assert len(codes) == 2
        found = read(api, codes[0])[key]
        assert (found["id"] if key == "product" else found) == str(row.uuid)
        assert codes[0] == codes[1]


def test_the_texts_of_a_template_are_printed(device: Device, tea: Product, print_labels: Print) -> None:
    sheet = template(device, "qr", width=45, height=25, texts=["name", "unit", "category", "device", "expires_on"])
    _, pdf = print_labels("products", template=sheet)
    text = PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
    assert "Sencha <Uji> #1" in " ".join(text.split())
    assert "pcs" in text
    assert "Scanner" in text
    assert "T-1" in text  # below the code, for people


def test_what_does_not_fit_the_symbology_gets_a_qr(
    api: APIClient, device: Device, print_labels: Print, tmp_path: Path
) -> None:
    bare = make_product(device, name="No code")
    twin = make_product(device, name="Its GTIN finds another product first")
    make_barcode(device, value=EAN)
    make_barcode(device, product_id=twin.uuid, value=f"0{EAN}")
    wrong = make_product(device, name="Wrong check digit")
    make_barcode(device, product_id=wrong.uuid, value="4006381333930")
    odd = make_lot(device, product_id=wrong.uuid, code="Ä(1)")
    sheet = template(device, "ean13", width=45, height=25)
    for product in (bare, twin, wrong):
        job, png = print_labels("products", ids=[str(product.uuid)], template=sheet, format="png")
        assert job["result"]["qr_instead"] == 1
        assert read(api, scan_png(png)[0])["product"]["id"] == str(product.uuid)
    good = make_lot(device, product_id=Barcode.objects.get(value=EAN).product.uuid, code="(1)")
    gs1 = template(device, "datamatrix-gs1", width=45, height=25)
    job, _ = print_labels("lots", ids=[str(good.uuid), str(odd.uuid)], template=gs1)
    assert job["result"] == {"labels": 2, "pages": 2, "qr_instead": 2}
    long = make_product(device)
    make_barcode(device, product_id=long.uuid, value="A-LONG-CODE-" * 4)
    narrow = template(device, "code128", width=30, height=20)
    job, _ = print_labels("products", ids=[str(long.uuid)], template=narrow)
    assert job["result"]["qr_instead"] == 1


def test_filters_and_copies(device: Device, tea: Product, print_labels: Print) -> None:
    category = make_category(device)
    inside = make_product(device, category_id=make_category(device, parent_id=category.uuid).uuid)
    shelf = make_location(device)
    for number in range(3):
        make_location(device, parent_id=shelf.uuid)
        make_lot(device, product_id=inside.uuid, code=f"L{number}")
    delete_product(make_product(device), actor=TESTER)
    for what, asked, number in (
        ("products", {}, 2),
        ("products", {"category_id": str(category.uuid), "copies": 3}, 3),
        ("locations", {"location_id": str(shelf.uuid)}, 4),
        ("lots", {"product_id": str(inside.uuid)}, 3),
        ("lots", {"product_id": str(inside.uuid), "copies": 20, "template": "5160", "skip": 10}, 60),
    ):
        job, pdf = print_labels(what, **asked)
        assert job["result"]["labels"] == number, asked
        assert len(PdfReader(io.BytesIO(pdf)).pages) == job["result"]["pages"]
    assert job["result"]["pages"] == 3


def test_images_of_several_pages_are_a_zip(device: Device, tea: Product, print_labels: Print) -> None:
    job, content = print_labels("products", template="roll-57x32", format="svg", copies=3)
    assert job["artifacts"][0]["name"].endswith(".zip")
    with ZipFile(io.BytesIO(content)) as pages:
        assert pages.namelist() == ["page-1.svg", "page-2.svg", "page-3.svg"]
        assert pages.read("page-1.svg").startswith(b"<svg")
    job, content = print_labels("products", template="roll-57x32", format="svg")
    assert job["artifacts"][0]["media_type"] == "image/svg+xml"
    assert content.startswith(b"<svg")


def commands(zpl: bytes) -> list[tuple[str, str]]:
    """ZPL as a printer reads it: (command, rest); ^FH texts decoded."""
    found = []
    for part in zpl.decode("ascii").replace("\n", "").split("^")[1:]:
        name, rest = part[:2], part[2:]
        if name == "FD":
            rest = re.sub(r"_([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), rest).encode("latin-1").decode()
        found.append((name, rest))
    return found


@pytest.mark.parametrize(
    ("symbology", "command", "payload"),
    [
        ("qr", "BQN,2,4", "MA,COM1:P:"),
        ("ean13", "BEN,", EAN[:12]),
        ("code128", "BCN,", EAN),
        ("datamatrix-gs1", "BXN,", f"_1010{EAN}"),
    ],
)
def test_zpl_is_well_formed_and_no_text_is_a_command(
    device: Device, print_labels: Print, symbology: str, command: str, payload: str
) -> None:
    product = make_product(device, name="^XA~JR_5E Grün\n^FS 日本", sku="^XZ")
    make_barcode(device, product_id=product.uuid, value=EAN)
    sheet = template(device, symbology, width=45, height=25)
    job, zpl = print_labels("products", ids=[str(product.uuid)], template=sheet, format="zpl", copies=4)
    found = commands(zpl)
    names = [name for name, _ in found]
    assert (names[0], names[-1], names.count("XA"), names.count("XZ")) == ("XA", "XZ", 1, 1)
    assert names.count("FD") == names.count("FS") == names.count("FH")
    assert ("PQ", "4") in found
    texts = [rest for name, rest in found if name == "FD"]
    assert texts[0].startswith(payload)
    assert "^XA~JR_5E Grün\n^FS 日本" in texts
    assert any((name + rest).startswith(command) for name, rest in found)
    assert b"~" not in zpl
    assert job["result"] == {"labels": 4, "pages": 4, "qr_instead": 0}


def test_zpl_of_a_lot_separates_its_elements(device: Device, tea: Product, print_labels: Print) -> None:
    make_lot(device, product_id=tea.uuid, code="A>1", expires_on="2027-12-31")
    create_barcode(device=device, actor=TESTER, product_id=make_product(device, name="Z").uuid, value="a>b")
    sheet = template(device, "datamatrix-gs1", width=45, height=25)
    _, zpl = print_labels("lots", template=sheet, format="zpl")
    assert f"_1010{EAN}17271231" + "10A>1" in [rest for name, rest in commands(zpl) if name == "FD"]
    _, zpl = print_labels("products", template=template(device, "code128", width=45, height=25), format="zpl")
    assert "a>0b" in [rest for name, rest in commands(zpl) if name == "FD"]


def test_what_can_be_printed(api: APIClient) -> None:
    found = api.get("/v1/labels").json()
    assert found["what"] == ["products", "locations", "lots", "devices"]
    sheets = {sheet.pop("name"): sheet for sheet in found["built_in"]}
    assert sheets["L7160"] == {
        "page_width": "210", "page_height": "297", "width": "63.5", "height": "38.1", "columns": 3, "rows": 7,
    }  # fmt: skip
    assert {"L7651", "5160", "roll-57x32"} <= set(sheets)
    assert api.get("/v1/labels?x=1").status_code == 400


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({}, 422, "validation_failed"),
        ({"what": "tasks"}, 422, "validation_failed"),
        ({"what": "products", "colour": "red"}, 422, "validation_failed"),
        ({"what": "products", "copies": 0}, 422, "validation_failed"),
        ({"what": "lots"}, 422, "no_labels"),
        ({"what": "products", "location_id": str(uuid4())}, 422, "job_parameters"),
        ({"what": "products", "skip": 21}, 422, "job_parameters"),
        ({"what": "products", "copies": 500, "ids": None}, 422, "too_many_labels"),
        ({"what": "products", "copies": 101, "format": "png", "template": "roll-57x32"}, 422, "too_many_labels"),
        ({"what": "products", "template": "L1"}, 404, "reference_not_found"),
        ({"what": "products", "category_id": str(uuid4())}, 404, "reference_not_found"),
        ({"what": "products", "ids": [str(uuid4())]}, 404, "reference_not_found"),
    ],
)
def test_what_cannot_be_printed_is_refused(
    api: APIClient, device: Device, asked: dict[str, Any], status: int, code: str
) -> None:
    for _ in range(5 if code == "too_many_labels" else 1):
        product = make_product(device)
    if "ids" in asked and asked["ids"] is None:
        asked = {name: value for name, value in asked.items() if name != "ids"}
    answer = api.post("/v1/labels", asked)
    assert (answer.status_code, answer.json()["internal_code"]) == (status, code), answer.content
    assert Job.objects.count() == 0
    assert product.revision


@pytest.mark.parametrize(
    ("name", "make"), [("ids", make_product), ("category_id", make_category), ("template", make_labeltemplate)]
)
def test_a_foreign_id_is_a_missing_one(api: APIClient, device: Device, other: Device, name: str, make: Any) -> None:
    make_product(device)
    answers = []
    for uuid in (make(other).uuid, uuid4()):
        answer = api.post("/v1/labels", {"what": "products", name: [str(uuid)] if name == "ids" else str(uuid)})
        answers.append((answer.status_code, answer.json()["internal_code"], answer.json()["detail"]))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


def test_another_device_has_no_label_here(api: APIClient, device: Device, other: Device) -> None:
    answer = api.post("/v1/labels", {"what": "devices", "ids": [str(other.uuid)]})
    assert (answer.status_code, answer.json()["internal_code"]) == (404, "reference_not_found")


def test_staff_print_labels_of_all_devices(
    device: Device, other: Device, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job = request_job(kind="labels", actor=TESTER, parameters={"what": "devices", "format": "zpl"})
    job.refresh_from_db()
    assert job.result == {"labels": 2, "pages": 2, "qr_instead": 0}
    with open_artifact(Artifact.objects.get(job=job)) as file:
        content = file.read()
    assert b"Scanner" in content
    assert b"Stranger" in content
    with pytest.raises(JobParameters, match="one device"):
        request_job(kind="labels", actor=TESTER, parameters={"what": "products"})


def test_templates_keep_to_their_sheet(api: APIClient, device: Device) -> None:
    body = {"name": "Mine", "width": "50", "height": "25.4", "columns": 4, "rows": 11, "texts": ["name", "lot"]}
    created = api.post("/v1/label-templates", body)
    assert created.status_code == 201, created.content
    row = created.json()
    assert (row["height"], row["page_width"], row["symbology"], row["texts"]) == ("25.4", "210", "qr", ["name", "lot"])
    for change in ({"columns": 5}, {"page_width": "451", "columns": 1}, {"gap_y": "5"}):
        answer = api.patch(f"/v1/label-templates/{row['id']}", change)
        assert (answer.status_code, answer.json()["internal_code"]) == (422, "label_sheet")
    assert api.post("/v1/label-templates", {**body, "columns": 5}).status_code == 422
    for wrong in ({"texts": ["secret"]}, {"width": "1"}, {"rows": 0}, {"margin_top": "-1"}):
        assert api.patch(f"/v1/label-templates/{row['id']}", wrong).json()["internal_code"] == "validation_failed"
    assert api.get(f"/v1/label-templates/{row['id']}").json() == row
    assert api.patch(f"/v1/label-templates/{row['id']}", {"gap_x": "2.5", "columns": 2}).status_code == 200
    assert api.delete(f"/v1/label-templates/{row['id']}").status_code == 204
    assert api.post("/v1/labels", {"what": "devices", "template": row["id"]}).status_code == 404
    assert api.post(f"/v1/label-templates/{row['id']}/restore").status_code == 200


def test_a_deleted_row_has_no_label(api: APIClient, device: Device, tea: Product) -> None:
    make_movement(device, product_id=tea.uuid)
    delete_product(tea, actor=TESTER)
    assert api.post("/v1/labels", {"what": "products", "ids": [str(tea.uuid)]}).status_code == 404
    assert api.post("/v1/labels", {"what": "products"}).json()["internal_code"] == "no_labels"
