"""The columns of a PDF: as wide as what stands in them, numbers whole, lying paper only where it is needed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from pypdf import PdfReader

from inventory.formats.pdf import write_pdf
from inventory.formats.sheets import Column, Kind, Sheet, Summary

NAMES = ("Occurred", "Kind", "SKU", "Product", "Lot", "From", "To", "Quantity", "Unit", "Reference", "Reason")
WIDTHS = (17, 10, 12, 28, 10, 16, 16, 12, 6, 12, 14)
SHELF, ROOM = "Harbour Street shop › Shelves", "Harbour Street shop › Back room"
MOVED = (
    "2026-03-01",
    "Transfer",
    "PHA-0040",
    "Natural yoghurt 500 g",
    "",
    ROOM,
    SHELF,
    Decimal(24),
    "pcs",
    "",
    "filling",
)
BIG = Decimal("-12345678901234.567891")


def make(rows: Sequence[Sequence[Any]], **values: Any) -> Sheet:
    columns = [
        Column(name.lower(), name, Kind.QUANTITY if name == "Quantity" else Kind.TEXT, width=width)
        for name, width in zip(NAMES, WIDTHS, strict=True)
    ]
    return Sheet("Movements", columns, rows, **values)


def changed(row: Sequence[Any], **values: Any) -> tuple[Any, ...]:
    return tuple(values.get(name, cell) for name, cell in zip(NAMES, row, strict=True))


def read(sheet: Sheet) -> PdfReader:
    file = io.BytesIO()
    write_pdf(sheet, file)
    return PdfReader(file)


def starts(pdf: PdfReader) -> dict[str, float]:
    """Where each title begins, in points from the left."""
    found: dict[str, float] = {}

    def see(text: str, page: Any, line: Any, *_: Any) -> None:
        found.setdefault(text.strip(), page[4] + line[4])

    pdf.pages[0].extract_text(visitor_text=see)
    return found


def lies(pdf: PdfReader) -> bool:
    box = pdf.pages[0].mediabox
    return bool(box.width > box.height)


def test_a_row_that_has_the_room_is_one_line() -> None:
    pdf = read(make([MOVED] * 278))
    lines = [line for page in pdf.pages for line in page.extract_text().splitlines()]
    assert lies(pdf)
    assert sum(ROOM in line for line in lines) == 278
    assert len(pdf.pages) <= 9  # 18 when each column had a fixed share


def test_a_column_without_content_is_as_narrow_as_its_title() -> None:
    filled = starts(read(make([changed(MOVED, Lot="L" * 20)])))
    empty = starts(read(make([MOVED])))
    assert empty["From"] - empty["Lot"] < 25
    assert filled["From"] - filled["Lot"] > 70


def test_one_long_text_among_many_short_ones_takes_only_what_is_left() -> None:
    long = changed(MOVED, Reference="stocktake:cdc40c03-32b1-5e4c-8f96-4b542a43e501", Reason="found " * 60)
    pdf = read(make([*[MOVED] * 40, long]))
    lines = [line for page in pdf.pages for line in page.extract_text().splitlines()]
    assert sum(ROOM in line for line in lines) == 41


def test_long_texts_share_what_short_ones_leave() -> None:
    long = changed(MOVED, Product="green tea " * 20, From="top shelf " * 30)
    at = starts(read(make([long] * 3)))
    product, source = at["Lot"] - at["Product"], at["To"] - at["From"]
    assert product == pytest.approx(source, abs=1)
    assert product > 2 * (at["Product"] - at["SKU"])


@pytest.mark.parametrize("word", ["word " * 30, "W" * 24])
def test_numbers_are_never_broken(word: str) -> None:
    crowded = tuple(BIG if name == "Quantity" else word for name in NAMES)
    text = read(make([crowded, changed(MOVED, Quantity=Decimal(1))])).pages[0].extract_text()
    assert "−12,345,678,901,234.567891" in text


def test_where_nothing_fits_the_table_still_ends_at_the_margin() -> None:
    at = starts(read(make([tuple(BIG if name == "Quantity" else "W" * 24 for name in NAMES)])))
    assert at["Reason"] < 842 - 45
    places = [at[name] for name in NAMES]
    assert places == sorted(places)


def test_what_leaves_its_columns_empty_stands_upright() -> None:
    assert lies(read(make([MOVED])))
    assert lies(read(make([])))
    assert not lies(read(make([changed(MOVED, From="", To="", Product="Tea")])))


def test_figures_of_many_units_have_the_room_they_need() -> None:
    long = "429,545 pcs · 3,819.9704 m · 3,600.4 litres"
    figures = [("Movements", "7"), ("In", long), ("Out", "0"), ("Net", long)]
    lines = read(make([MOVED], summarise=lambda: Summary(figures))).pages[0].extract_text().splitlines()
    assert lines.count(long) == 2
