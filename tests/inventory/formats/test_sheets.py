"""Sheets as CSV, JSON and XLSX: nothing runs, nothing is rounded, everything can be read back."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest
from python_calamine import CalamineWorkbook

from inventory.formats.csv import guard, open_table, unguard
from inventory.formats.csv_sheets import write_csv
from inventory.formats.json_sheets import write_json
from inventory.formats.sheets import Column, Kind, Sheet, for_people, for_programs, shown_number
from inventory.formats.xlsx import MAX_TEXT, write_xlsx
from tests.inventory.formats.sheets import COLUMNS, NOON, ROWS, make_sheet

BERLIN = ZoneInfo("Europe/Berlin")
HOSTILE = ("=1+1", "+49 30", "-a", "@SUM", "\tx", "\rx", "\nx", "'=x", "''=x", "'", "'a", "", "plain", "-5", "'-5")


def written(write: Any, sheet: Any, **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    write(sheet, file, **options)
    file.seek(0)
    return file


def pages(file: io.BytesIO) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_filelike(file)
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


@pytest.mark.parametrize("text", HOSTILE)
def test_a_guarded_text_is_no_formula_and_comes_back(text: str) -> None:
    guarded = guard(text)
    assert unguard(guarded) == text
    assert guarded[:1] not in tuple("=+@\t\r\n")
    assert guarded[:1] != "-" or guarded == "-5"


def test_csv_is_guarded_and_exact_and_read_by_our_own_reader() -> None:
    file = written(write_csv, make_sheet())
    assert file.getvalue().startswith("\ufeffproduct,quantity,".encode())
    assert file.getvalue().count(b"\r\n") == 4
    table = open_table(file)
    rows = list(table.rows())
    assert table.header == [column.name for column in COLUMNS]
    assert [unguard(row.cells[0]) for row in rows] == [row[0] for row in ROWS]
    assert rows[0].cells[0] == "'=HYPERLINK('x')"
    assert rows[2].cells[1:] == ["-12345678901234.567891", "", "0", "", "", "2026-03-01T12:00:00Z"]
    assert rows[0].cells[4:] == ["true", "2026-12-31", "2026-03-01T12:00:00Z"]


def test_json_holds_rows_and_exact_totals() -> None:
    sheet = make_sheet()
    found = json.load(written(write_json, sheet))
    assert (found["title"], found["facts"], found["count"]) == ("Stock: [now]", {"Device": "Main store"}, 3)
    assert found["rows"][0] == {
        "product": "=HYPERLINK('x')", "quantity": "0.1", "value": "1.005", "pieces": 3, "active": True,
        "expires_on": "2026-12-31", "occurred_at": "2026-03-01T12:00:00Z",
    }  # fmt: skip
    assert found["totals"] == {"quantity": "-12345678901234.267891", "value": "-1.495"}
    assert found["figures"] == {"Lines": "3"}
    assert [column["kind"] for column in found["columns"]][:3] == ["text", "quantity", "money"]
    assert json.load(written(write_json, make_sheet([])))["rows"] == []


def test_totals_beyond_28_digits_lose_nothing() -> None:
    big = Decimal("9999999999999999999999.999999999999")
    sheet = make_sheet([("a", None, big, None, None, None, None), ("b", None, big, None, None, None, None)])
    found = json.load(written(write_json, sheet))
    assert found["totals"]["value"] == "19999999999999999999999.999999999998"


def test_xlsx_holds_numbers_where_they_stay_exact_and_text_where_not() -> None:
    found = pages(written(write_xlsx, make_sheet(zone=BERLIN)))
    assert list(found) == ["Stock now", "About"]
    header, first, second, third, total = found["Stock now"]
    assert header[6] == "Occurred (Europe/Berlin)"
    assert first == ["=HYPERLINK('x')", 0.1, 1.005, 3, True, date(2026, 12, 31), datetime(2026, 3, 1, 13, 0)]
    assert second[0] == "#panic() $x$ ]"
    assert second[5] == "1899-12-31"  # no spreadsheet knows that day
    assert third[1] == "-12345678901234.567891"
    assert total[:3] == ["Total", "-12345678901234.267891", -1.495]
    assert found["About"] == [
        ["Report", "Stock: [now]"], ["", "Main store"], ["Device", "Main store"], ["Rows", "3"], ["Lines", "3"],
    ]  # fmt: skip


def test_xlsx_has_no_formula_a_frozen_header_and_widths() -> None:
    with ZipFile(written(write_xlsx, make_sheet())) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet.lower().replace("hyperlink('x')", "")
    assert '<pane ySplit="1"' in sheet
    assert 'width="30.7' in sheet


def test_xlsx_goes_on_in_another_worksheet_when_one_is_full() -> None:
    rows = [(f"p{number}", Decimal(1), None, None, None, None, None) for number in range(7)]
    found = pages(written(write_xlsx, make_sheet(rows), most_rows=4))
    texts = [row[0] for name, page in found.items() if name != "About" for row in page if row[0] != "Product"]
    assert texts == [*(row[0] for row in rows), "Total"]
    assert list(found) == ["Stock now", "Stock now 2", "Stock now 3", "Stock now 4", "About"]
    assert max(len(page) for name, page in found.items() if name != "About") <= 4


def test_xlsx_without_totals_ends_with_its_rows() -> None:
    sheet = make_sheet([("a", Decimal(1))])
    sheet.columns = (COLUMNS[0], Column("quantity", "Quantity", Kind.QUANTITY))
    sheet.subtitle = ""
    found = pages(written(write_xlsx, sheet))
    assert found["Stock now"] == [["Product", "Quantity"], ["a", 1]]
    assert found["About"][1] == ["Device", "Main store"]


def test_a_sheet_need_not_be_summarised() -> None:
    sheet = Sheet("Stock", COLUMNS[:1], [("a",)])
    assert json.load(written(write_json, sheet))["figures"] == {}


def test_xlsx_cuts_what_no_cell_can_hold() -> None:
    rows = [("x" * (MAX_TEXT + 1), None, None, None, None, None, None)]
    found = pages(written(write_xlsx, make_sheet(rows)))
    assert found["Stock now"][1][0] == "x" * (MAX_TEXT - 1) + "…"


@pytest.mark.parametrize(
    ("number", "kind", "text"),
    [
        ("1234.50", Kind.QUANTITY, "1,234.5"), ("-3", Kind.QUANTITY, "−3"), ("-0.000", Kind.QUANTITY, "0"),
        ("1000", Kind.QUANTITY, "1,000"), ("0.000001", Kind.QUANTITY, "0.000001"), ("1E+3", Kind.NUMBER, "1,000"),
        ("2", Kind.MONEY, "2.00"), ("-0.001", Kind.MONEY, "0.00"), ("-1234.567", Kind.MONEY, "−1,234.57"),
    ],
)  # fmt: skip
def test_numbers_for_people(number: str, kind: Kind, text: str) -> None:
    assert shown_number(Decimal(number), kind) == text


def test_times_at_the_ends_of_the_calendar() -> None:
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    rows = [("a", None, None, None, None, None, first), ("b", None, None, None, None, None, last)]
    for zone in (ZoneInfo("America/New_York"), ZoneInfo("Asia/Tokyo")):
        cells = [row[6] for row in pages(written(write_xlsx, make_sheet(rows, zone=zone)))["Stock now"][1:3]]
        assert cells[0] == "0001-01-01T00:00:00Z"
        assert cells[1].year == 9999
        assert {for_people(first, Kind.TIME, zone)[:4], for_people(last, Kind.TIME, zone)[:4]} == {"0001", "9999"}


def test_other_cells_for_people_and_for_programs() -> None:
    assert for_people(None, Kind.TEXT, UTC) == for_programs(None) == ""
    assert [for_people(flag, Kind.FLAG, UTC) for flag in (True, False)] == ["yes", "no"]
    assert for_people(NOON, Kind.TIME, BERLIN) == "2026-03-01 13:00"
    assert for_people(date(2026, 3, 1), Kind.DATE, BERLIN) == for_programs(date(2026, 3, 1)) == "2026-03-01"
    assert for_programs(NOON.astimezone(BERLIN)) == "2026-03-01T12:00:00Z"
