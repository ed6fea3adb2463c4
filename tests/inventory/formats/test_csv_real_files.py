"""Delimited text as the world writes it: every file of the shared data that a CSV reader may meet."""

import csv as stdlib_csv
import json
from pathlib import Path

import pytest

from inventory.formats.csv import open_table
from inventory.formats.tables import FormatError, Row

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no shared test data at {DATA}")

TABLES = {
    # name: encoding, delimiter, columns, rows
    "products_off/off_fr_2018_utf16le_semicolon.csv": ("utf-16", ";", 16, 3000),
    "products_off/off_it_2021_full_export.tsv": ("utf-8", "\t", 174, 600),
    "products_off/off_lifyzer_2019_5000.csv": ("utf-8", ",", 14, 4847),
    "messy/off_excel_damaged_scientific_bom.csv": ("utf-8-sig", ",", 166, 1470),
    "messy/off_fr_cp1252_semicolon_lost_zeros.csv": ("cp1252", ";", 16, 333),
    "messy/online_retail_us_dates.csv": ("utf-8", ",", 9, 2000),
    "messy/frictionless-py/table-with-accents.csv": ("cp1252", ";", 8, 638),
    "messy/frictionless-py/doublequote.csv": ("utf-8", ",", 17, 5),
    "messy/frictionless-py/duplicate-headers.csv": ("utf-8", ",", 5, 2),
    "messy/frictionless-py/blank-rows-multiple.csv": ("utf-8", ",", 3, 2),  # 13 lines, 11 of them blank
    "messy/frictionless-py/invalid.csv": ("utf-8", ",", 4, 3),
    "messy/frictionless-py/bom.csv": ("utf-8-sig", ",", 2, 2),
    "messy/django-import-export/books-mac.csv": ("utf-8", ",", 3, 1),
    "messy/django-import-export/books-dos.csv": ("utf-8", ",", 3, 1),
    "messy/django-import-export/books-ISO-8859-1.csv": ("cp1252", ",", 3, 1),
    "messy/django-import-export/books-unicode.tsv": ("utf-8", "\t", 3, 1),
    "messy/frictionless-datasets/csv/separators/pipes.csv": ("utf-8", "|", 3, 2),
    "messy/frictionless-datasets/csv/separators/carets.csv": ("utf-8", "^", 3, 2),
    "messy/frictionless-datasets/csv/separators/colon.csv": ("utf-8", ":", 3, 2),
    "messy/frictionless-datasets/csv/encodings/western-macos-roman.csv": ("mac-roman", ",", 4, 5),
    "peers_import/snipe-it/assets-sample-BLANKS.csv": ("latin-1", ",", 21, 200),
    "peers_import/part-db/part_import_example.csv": ("utf-8", ";", 28, 6),
    "peers_import/shopify/apparel.csv": ("utf-8", ",", 46, 22),
    "openboxes/products.csv": ("utf-8", ",", 28, 57),
    "retail_online/by-day/2010-12-01.csv": ("utf-8", ",", 8, 3108),
}


def read(name: str) -> tuple[list[str], list[Row]]:
    with open_table(DATA / name) as table:
        return table.header, list(table.rows())


@pytest.mark.parametrize("name", TABLES)
def test_form_and_size(name: str):
    with open_table(DATA / name) as table:
        rows = list(table.rows())
        assert (table.encoding, table.delimiter, len(table.header), len(rows)) == TABLES[name]


@pytest.mark.parametrize("name", sorted(path.stem for path in (DATA / "messy/csv-spectrum/csvs").glob("*.csv")))
def test_csv_spectrum(name: str):
    header, rows = read(f"messy/csv-spectrum/csvs/{name}.csv")
    answer = json.loads((DATA / f"messy/csv-spectrum/json/{name}.json").read_text(encoding="utf-8"))
    answers = answer if isinstance(answer, list) else [answer]
    if name == "location_coordinates":  # the suite's own answer has another phone number than its file
        assert (rows[0].cells[0], answer.pop("Contact Phone Number")) == ("2095257564", "1234567890")
        answers = [{header[0]: rows[0].cells[0], **answer}]
    assert [dict(zip(header, row.cells, strict=True)) for row in rows] == answers


@pytest.mark.parametrize(
    "name",
    sorted(
        str(path.relative_to(DATA))
        for folder in ("messy", "peers_import", "stocktake_zl_2013", "openboxes", "adventureworks")
        for path in (DATA / folder).rglob("*")
        if path.is_file()
    ),
)
def test_every_file_gives_rows_or_a_format_error(name: str):
    try:
        _, rows = read(name)
    except FormatError as error:
        assert Path(name).suffix in {".xlsx", ".xls", ".pdf", ".txt"} or name.endswith("empty.csv"), error
    else:
        assert [row.number for row in rows] == sorted({row.number for row in rows})


@pytest.mark.parametrize("name", [name for name, form in TABLES.items() if form[0] != "utf-16"])
def test_numbers_are_the_lines_an_editor_shows(name: str):
    encoding, delimiter, *_ = TABLES[name]
    lines = (DATA / name).read_text(encoding=encoding).splitlines()
    physical = (DATA / name).read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n")
    _, rows = read(name)
    assert rows[-1].number <= physical + 1
    for row in rows[:: max(1, len(rows) // 50)]:
        first = next((cell for cell in row.cells if cell), "").splitlines()[0]
        if len(lines) in (physical, physical + 1):  # else a cell holds an exotic line separator
            assert first.split('"')[0] in lines[row.number - 1]
    assert delimiter in "\t;|,^:"


def test_a_retail_day_is_what_the_standard_library_reads():
    path = DATA / "retail_online/by-day/2010-12-01.csv"
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = stdlib_csv.reader(file)
    assert read("retail_online/by-day/2010-12-01.csv")[0] == header
    assert [row.cells for row in read("retail_online/by-day/2010-12-01.csv")[1]] == rows


def test_the_unquoted_export_keeps_every_row_whole():
    header, rows = read("products_off/off_it_2021_full_export.tsv")
    assert header[0] == "code"
    assert {len(row.cells) for row in rows} == {174}
    assert [row.number for row in rows] == list(range(2, 602))


def test_utf16_and_leading_zeros():
    _, rows = read("products_off/off_fr_2018_utf16le_semicolon.csv")
    codes = [row.get("code") or "" for row in rows]
    assert {len(code) for code in codes} >= {8, 13}
    assert any(code.startswith("0") for code in codes)
    assert rows[958].get("product_name") == "6 galettes &quot;épaisses&quot; bretonnes"


def test_the_damaged_excel_file_is_shown_as_it_is():
    _, rows = read("messy/off_excel_damaged_scientific_bom.csv")
    assert sum("E+" in (row.get("code") or "") for row in rows) == 1253


def test_mac_roman_is_found():
    _, rows = read("messy/frictionless-datasets/csv/encodings/western-macos-roman.csv")
    assert rows[0].cells[0] == "Réunion"


def test_a_letterhead_is_a_header_until_it_is_skipped():
    # Lines 1 to 8 are the letterhead of a real stocktake; its first line with text is line 2.
    with open_table(DATA / "stocktake_zl_2013/01_salle_1.csv") as table:
        assert (table.header_number, table.header[4]) == (2, "ZANMI LASANTE")
        sheet = {row.number: row.cells for row in table.rows()}
    assert sheet[9][:2] == ["#", "CODE"]
    assert sheet[10][1] == "ZV27"


@pytest.mark.parametrize(("room", "line"), [("01_salle_1", 9), ("02_salle_2", 9), ("03_salle_3", 9)])
def test_the_header_below_a_letterhead_is_guessed(room: str, line: int):
    with open_table(DATA / f"stocktake_zl_2013/{room}.csv", guess=True) as table:
        assert (table.header_number, table.header[:2]) == (line, ["#", "CODE"])


@pytest.mark.parametrize("name", ["Product", "ProductInventory", "Location", "UnitMeasure", "ProductCategory"])
def test_a_file_without_a_header_is_seen(name: str):
    with open_table(DATA / f"adventureworks/{name}.tsv", guess=True) as table:
        assert (table.header_number, table.names[0]) == (0, "column 1")
        assert next(table.rows()).number == 1
