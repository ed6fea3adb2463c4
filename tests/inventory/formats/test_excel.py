"""Excel sheets: read as typed, exact, and within bounds whatever the file says."""

from __future__ import annotations

import io
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import xlsxwriter
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from inventory.formats import excel, excel_cells
from inventory.formats.excel import escape, open_sheet, unescape
from inventory.formats.tables import FormatError
from tests.conftest import shared_data


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "t.xlsx"


def write(path: Path, cells: dict[tuple[int, int], object]) -> Path:
    with xlsxwriter.Workbook(path, {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet("Goods")
        for (row, column), value in cells.items():
            if isinstance(value, date | time | datetime):
                sheet.write_datetime(row, column, value, book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}))
            else:
                sheet.write(row, column, value)
    return path


def test_cells_come_as_typed(path: Path) -> None:
    write(
        path,
        {
            (0, 0): "code", (0, 1): "value",
            (1, 0): "007", (1, 1): 8410000123457,
            (2, 0): "=1+1", (2, 1): 0.1,
            (3, 0): " x ", (3, 1): True,
            (4, 0): "d", (4, 1): datetime(2024, 2, 29),  # Excel knows no zones
            (6, 0): "t", (6, 1): datetime(2024, 2, 29, 8, 5),
            (7, 0): "n", (7, 1): 1e-7,
        },
    )  # fmt: skip
    with open_sheet(path) as table:
        assert (table.form.format, table.form.sheet, table.header_number) == ("xlsx", "Goods", 1)
        assert [(row.number, *row.cells) for row in table.rows()] == [
            (2, "007", "8410000123457"),
            (3, "=1+1", "0.1"),
            (4, " x ", "true"),
            (5, "d", "2024-02-29"),
            (7, "t", "2024-02-29 08:05:00"),
            (8, "n", "0.0000001"),
        ]


@pytest.mark.parametrize(
    ("cell", "text"), [(time(8, 5), "08:05:00"), (timedelta(hours=30), "1 day, 6:00:00"), (3, "3"), (None, ""),
                       (date(2024, 1, 2), "2024-01-02"), (False, "false")],
)  # fmt: skip
def test_rarer_cells(cell: object, text: str) -> None:
    assert excel_cells.text(cell) == text


def test_the_process_answers_line_by_line(path: Path) -> None:
    write(path, {(0, 0): "code", (1, 0): 7})
    assert list(excel_cells.answer(str(path), "", 10, 10)) == [
        {"sheets": ["Goods"], "sheet": "Goods"}, ["code"], ["7"],
    ]  # fmt: skip
    assert list(excel_cells.answer(str(path), "", 1, 10)) == [
        {"refused": "The sheet has 2 rows and 1 columns; 1 and 10 are the most."}
    ]
    path.write_bytes(b"PK")
    assert [list(line) for line in excel_cells.answer(str(path), "", 10, 10)] == [["refused"]]
    write(path, {})
    assert [list(line) for line in excel_cells.answer(str(path), "Other", 10, 10)] == [["refused"]]


def test_a_sheet_that_starts_further_down_keeps_its_row_numbers(path: Path) -> None:
    write(path, {(4, 2): "code", (4, 3): "name", (6, 2): "A", (6, 3): "Cup"})
    with open_sheet(path) as table:
        assert (table.header_number, [(row.number, row.cells) for row in table.rows()]) == (5, [(7, ["A", "Cup"])])


def test_sheets_are_chosen_by_name() -> None:
    path = shared_data("messy", "frictionless-datasets", "excel", "sample-2-sheets.xlsx")
    with open_sheet(path, sheet="Sheet2") as table:
        assert table.form.sheet == "Sheet2"
    with pytest.raises(FormatError, match="There is no sheet 'Sheet9', only: Sheet1, Sheet2"):
        open_sheet(path, sheet="Sheet9")


def test_old_excel_files_whatever_their_name() -> None:
    with open_sheet(shared_data("openboxes", "inventoryLevelImportData-partial.xls")) as table:
        assert (table.form.format, table.names[1], len(list(table.rows()))) == ("xls", "Product code", 99)
    path = shared_data("messy", "frictionless-datasets", "wrong-extension-files", "sample-1-sheet.txt")
    with open_sheet(path) as table:
        assert [row.cells for row in table.rows()] == [["1", "two", "true"], ["3", "four", "false"]]


def test_an_empty_workbook_is_refused() -> None:
    with pytest.raises(FormatError, match="empty"):
        open_sheet(shared_data("messy", "frictionless-datasets", "empty-files", "empty.xls"))


@pytest.mark.parametrize("content", [b"PK\x03\x04 but no zip", b"\xd0\xcf\x11\xe0" + bytes(600), b""])
def test_what_is_no_workbook_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(FormatError):
        open_sheet(path)


def test_a_far_corner_does_not_take_the_memory(path: Path) -> None:
    write(path, {(0, 0): "a", (1_048_575, 16_383): "b"})  # 17 billion cells, all but two of them blank
    with pytest.raises(FormatError, match="too large"):
        open_sheet(path)


@pytest.mark.parametrize(("limit", "value"), [("MAX_ROWS", 2), ("MAX_COLUMNS", 1), ("MAX_UNPACKED", 1000)])
def test_sizes_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    write(path, {(row, column): "x" for row in range(3) for column in range(2)})
    monkeypatch.setattr(excel, limit, value)
    with pytest.raises(FormatError):
        open_sheet(path)


def test_a_process_that_dies_in_the_middle_is_told(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dying = tmp_path / "dying.py"
    dying.write_text('print(\'{"sheets":["S"],"sheet":"S"}\\n["a","b"]\\n["1","2"]\')\nraise SystemExit(3)')
    monkeypatch.setattr(excel_cells, "__file__", str(dying))
    write(path, {(0, 0): "x"})
    with open_sheet(path, guess=False) as table, pytest.raises(FormatError, match="breaks off"):
        list(table.rows())


def test_entities_are_not_expanded(path: Path) -> None:
    write(path, {(0, 0): "code", (1, 0): "SECRET"})
    hostile = path.with_name("hostile.xlsx")
    with ZipFile(path) as source, ZipFile(hostile, "w", ZIP_DEFLATED) as target:
        for member in source.namelist():
            text = source.read(member)
            if member.endswith("sharedStrings.xml"):
                doctype = b'<!DOCTYPE sst [<!ENTITY a "aaaa"><!ENTITY x SYSTEM "file:///etc/passwd">]><sst'
                text = text.replace(b"<sst", doctype, 1).replace(b"SECRET", b"[&x;&a;]")
            target.writestr(member, text)
    try:
        with open_sheet(hostile) as table:
            shown = repr(list(table.rows()))
    except FormatError as error:
        shown = error.message
    assert "root:" not in shown
    assert "aaaa" not in shown


ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.text("_x041FEA\ufffe\uffff\x01\n")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ANY, min_size=20, max_size=60))
@example(["_x0041_x0041_", "_xFFFE_", "_x0041\x01", "\ufffe_x0041\ufffe", "_xx0041_", "\r\n", "\t", "_x005F_x005F_"])
def test_text_of_any_kind_comes_back(path: Path, texts: list[str]) -> None:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet()
        sheet.write_string(0, 0, "text")
        for number, text in enumerate(texts, 1):
            sheet.write_string(number, 0, escape(f"a{text}"))
    path.write_bytes(stream.getvalue())
    with open_sheet(path) as table:
        assert [row.cells for row in table.rows()] == [[f"a{text}"] for text in texts]
    assert [unescape(escape(text)) for text in texts] == texts
