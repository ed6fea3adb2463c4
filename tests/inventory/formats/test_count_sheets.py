"""Count sheets: a real stocktake and a warehouse's sheets, read without a piece too many or too few."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from inventory.formats.count_sheets import CountLine, CountReading, open_count_sheet
from inventory.formats.tables import FormatError
from tests.conftest import shared_data


def read(path: Path, shape: str) -> tuple[list[CountLine], CountReading]:
    reading = open_count_sheet(path, shape=shape)
    return list(reading.lines()), reading


@pytest.mark.parametrize(
    ("name", "lines", "subtotals", "total"),
    [
        ("00_sheet1", 37, 0, 1_055_244),
        ("01_salle_1", 37, 12, 1_055_244),
        ("02_salle_2", 33, 6, 563_469),
        ("03_salle_3", 49, 8, 274_775),
    ],
)
def test_a_real_stocktake_sums_up(name: str, lines: int, subtotals: int, total: int) -> None:
    found, reading = read(shared_data("stocktake_zl_2013", f"{name}.csv"), "zl")
    assert len(found) == lines
    assert sum(line.counted or 0 for line in found) == total
    assert [left.reason.startswith("A subtotal") for left in reading.left_out] == [True] * subtotals
    assert {line.code for line in found} == {line.code.strip() for line in found}
    assert all(line.name for line in found)


def test_lots_are_text_and_expiries_are_days() -> None:
    found, _ = read(shared_data("stocktake_zl_2013", "02_salle_2.csv"), "zl")
    by_lot = {line.lot: line for line in found}
    assert by_lot["5135185"].code == "AD66"  # typed with a trailing space
    assert by_lot["5135185"].expires_on == date(2014, 7, 31)
    assert by_lot["2ML52"].expires_on == date(2013, 11, 15)  # the one cell that is a date


@pytest.mark.parametrize(("name", "total"), [("boston", 78_580), ("main", 198_656)])
def test_openboxes_sheets(name: str, total: int) -> None:
    found, reading = read(shared_data("openboxes", f"{name}WarehouseInventory.csv"), "openboxes")
    assert (len(found), reading.left_out) == (57, [])
    assert sum(line.counted or 0 for line in found) == total
    assert found[0].expires_on == date(2025, 1, 31)
    assert {line.book for line in found} == {None}  # a blank system quantity is unknown, not zero
    assert any(line.counted == 0 for line in found)


def test_an_old_excel_template_has_a_book_quantity() -> None:
    found, _ = read(shared_data("openboxes", "inventory_template.xls"), "openboxes")
    assert (found[0].code, found[0].lot) == ("10088", "P0000224")
    assert (found[0].expires_on, found[0].book, found[0].counted) == (date(2022, 6, 30), Decimal(140), Decimal(0))


def test_blank_is_not_zero_and_bad_cells_are_told(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text(
        "code,name,lot,expires_on,bin,counted,book\n"
        "A,Cup,,,R1,,7\n"
        "B,Pot,,,R1,0,\n"
        "C,Jar,,2015-13,R1,1,\n"
        "D,Box,,,R1,many,\n"
        ",Lid,,,R1,3,\n"
        "E,Tin,L,2015-02,R1,1.5,2\n"
        "F,Can,L,2015-02-31,R1,1,2\n",
        encoding="utf-8",
    )
    found, reading = read(path, "csv")
    assert [(line.code, line.counted, line.book) for line in found] == [
        ("A", None, Decimal(7)),
        ("B", Decimal(0), None),
        ("E", Decimal("1.5"), Decimal(2)),
    ]
    assert found[2].expires_on == date(2015, 2, 28)
    assert [(left.line, left.is_error) for left in reading.left_out] == [(4, True), (5, True), (6, False), (8, True)]
    assert reading.left_out[2].reason == "There is no code."


@pytest.mark.parametrize("typed", ["31/01/2025", "2025", "1/2/25", "soon"])
def test_a_us_date_is_read_or_refused(tmp_path: Path, typed: str) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text(f"Product code,Physical QOH,Expiration date\nA,1,{typed}\nB,1,2025-01-31\n", encoding="utf-8")
    found, reading = read(path, "openboxes")
    assert [(line.code, line.expires_on) for line in found] == [("B", date(2025, 1, 31))]
    assert [left.line for left in reading.left_out] == [2]


@pytest.mark.parametrize("header", ["code,name", "name,counted"])
def test_a_sheet_without_codes_or_counts_is_refused(tmp_path: Path, header: str) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text(f"{header}\na,b\n", encoding="utf-8")
    with pytest.raises(FormatError, match="No column is called"):
        open_count_sheet(path, shape="csv")
