"""What is found out about a file besides how it is read: line ends, and a type for each column."""

from __future__ import annotations

import io
from typing import Any

import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from devices.models import Device, Feed
from inventory.models import ImportSession
from tests.conftest import shared_data


def detected(api: APIClient, content: bytes, *, name: str = "f.csv") -> dict[str, Any]:
    """What is told of a file when it is sent, which is what is told of it later."""
    answer = api.post(
        "/v1/imports", {"file": SimpleUploadedFile(name, content), "kind": "products"}, format="multipart"
    )
    assert answer.status_code == 201, answer.json()
    found: dict[str, Any] = answer.json()["detected"]
    assert api.get(f"/v1/imports/{answer.json()['id']}").json()["detected"] == found
    return found


def type_of(api: APIClient, *cells: str) -> str:
    """The type of one column with these cells, with its order."""
    lines = "".join(f'{number};"{cell}"\n' for number, cell in enumerate(cells))
    found = detected(api, f"sku;x\n{lines}".encode())["types"]
    assert [entry["column"] for entry in found] == ["sku", "x"]
    return f"{found[1]['type']} {found[1]['date_format'] or ''}".strip()


@pytest.mark.parametrize(
    ("content", "ends"),
    [
        (b"sku,name\r\nA,Cup\r\n", "crlf"),
        (b"sku,name\nA,Cup\n", "lf"),
        (b"sku,name\rA,Cup\r", "cr"),
        (b"sku,name\r\nA,Cup\nB,Pot\r\n", "mixed"),
        (b"sku,name\rA,Cup\nB,Pot\n", "mixed"),
        (b'sku,name\r\nA,"Cup\nred ""big""\n"\r\n', "crlf"),
        (b'sku\tname\nA\t5" cup\nB\t6" cup\n', "lf"),
        ("sku,name\r\nA,Cup\r\n".encode("utf-16"), "crlf"),
        (b"sku,name\r\nA," + b"x" * (1_048_576 - 13) + b"\r\nB,Pot\r\n", "crlf"),
        (b"Cup,pot\r", "cr"),
        (b"Cup,pot", None),
        (b'{"sku":"A","name":"Cup"}\r\n', None),
    ],
    ids=["crlf", "lf", "cr", "mixed", "cr-lf", "quoted", "unquoted", "utf-16", "cut", "one-cr", "one", "jsonl"],
)
def test_line_ends_are_told(device: Device, api: APIClient, content: bytes, ends: str | None) -> None:
    assert detected(api, content)["line_ends"] == ends


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (("", " "), "blank"),
        (("Cup", "5"), "text"),
        (("007", "12"), "code"),
        (("4006381333931", "5449000000996"), "code"),
        (("8,41E+12", "4006381333931", "AB"), "code_damaged"),
        (("1", "-2", "+30", "0"), "whole_number"),
        (("0", "1"), "whole_number"),
        (("1.5", "2", "-.25"), "decimal"),
        (("1,5", "2", "1,250"), "decimal_comma"),
        (("1,250", "12,500"), "text"),
        (("1,5", "1.5"), "text"),
        (("1,250.5", "3"), "text"),
        (("yes", "No", "1"), "yes_no"),
        (("TRUE", "false"), "yes_no"),
        (("2027-01-31", "2027-02-01", ""), "date iso"),
        (("2027-01-31 08:26", "2027-02-01T09:00:00Z"), "time iso"),
        (("31/01/2027", "01/02/2027"), "date dmy"),
        (("1/31/27 8:26", "2/1/27 9:30"), "time mdy"),
        (("01/02/2027", "03.04.2027"), "date ambiguous"),
        (("31/01/2027", "01/31/2027"), "date ambiguous"),
        (("2027-01-31", "13/02/2027"), "date dmy"),
        (("31-Jan-2027", "1-Feb-27"), "date dmy"),
        (("1-Feb-27", "1/2/27"), "date ambiguous"),
        (("8:26", "23:59:59"), "time"),
        (("2027-01-31", "soon"), "text"),
        (("2027-02-31",), "text"),
        (("20270131T0826",), "text"),
    ],
)
def test_types_are_guessed_from_the_first_cells(api: APIClient, cells: tuple[str, ...], told: str) -> None:
    assert type_of(api, *cells) == told


def test_another_reading_is_looked_at_anew_and_another_mapping_not(device: Device, api: APIClient) -> None:
    file = SimpleUploadedFile("f.csv", b"Stock\r\nsku;price\r\n007;1,5\r\n")
    head = Feed.objects.get(device=device).head
    session = api.post("/v1/imports", {"file": file, "kind": "products"}, format="multipart").json()
    url = f"/v1/imports/{session['id']}"
    changed = api.patch(url, {"reading": {"delimiter": ",", "header_line": 1}}, format="json").json()
    assert changed["detected"] == {
        "line_ends": "crlf",
        "types": [{"column": "Stock", "type": "text", "date_format": None}],
    }
    changed = api.patch(url, {"reading": {"header_line": 2}, "mapping": {"sku": "sku"}}, format="json").json()
    assert [entry["type"] for entry in changed["detected"]["types"]] == ["code", "decimal_comma"]
    mapped = api.patch(url, {"mapping": {"name": "sku"}}, format="json").json()
    assert mapped["detected"] == changed["detected"]
    refused = api.patch(url, {"reading": {"line_ends": "lf"}}, format="json")
    assert refused.status_code == 422
    assert api.get(url).json()["detected"] == changed["detected"]
    assert Feed.objects.get(device=device).head == head


def test_an_import_from_before_tells_nothing(device: Device, api: APIClient) -> None:
    file = SimpleUploadedFile("f.csv", b"sku,name\nA,Cup\n")
    session = api.post("/v1/imports", {"file": file, "kind": "products"}, format="multipart").json()
    ImportSession.objects.update(detected=ImportSession._meta.get_field("detected").get_default())
    assert api.get(f"/v1/imports/{session['id']}").json()["detected"] == {"line_ends": None, "types": []}


def test_sheets_and_json_lines_have_types_too(api: APIClient) -> None:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["sku", "on", "price", "ok"])
        sheet.write_row(1, 0, ["A", "2027-01-31", 1.5, True])
    assert [entry["type"] for entry in detected(api, file.getvalue())["types"]] == ["text", "date", "decimal", "yes_no"]
    lines = b'{"sku":"007","price":1.50,"ok":true}\n{"sku":\n{"sku":"1"}\n'
    assert [entry["type"] for entry in detected(api, lines)["types"]] == ["code", "decimal", "yes_no"]


@pytest.mark.parametrize(
    ("name", "ends", "told"),
    [
        (
            "online_retail_us_dates.csv",
            "crlf",
            {"InvoiceDate": ("time", "ambiguous"), "Quantity": ("whole_number", None)},
        ),
        ("off_excel_damaged_scientific_bom.csv", None, {"code": ("code_damaged", None)}),
        ("off_fr_cp1252_semicolon_lost_zeros.csv", None, {"code": ("code_damaged", None)}),
    ],
)
def test_real_files_give_themselves_away(
    api: APIClient, name: str, ends: str | None, told: dict[str, tuple[str, str | None]]
) -> None:
    found = detected(api, shared_data("messy", name).read_bytes())
    types = {entry["column"]: (entry["type"], entry["date_format"]) for entry in found["types"]}
    assert {column: types.get(column) for column in told} == told
    assert ends in (None, found["line_ends"])
