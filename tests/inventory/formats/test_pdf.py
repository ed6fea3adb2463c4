"""Sheets as PDF: texts are data, every page has its header, long tables say what they leave out."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from inventory.formats.glyphs import FONTS, MISSING, characters, drawable, load_fonts
from inventory.formats.pdf import write_pdf
from tests.inventory.formats.sheets import make_sheet

KNOWN = load_fonts()[2]


def read(sheet: Any, **options: Any) -> PdfReader:
    file = io.BytesIO()
    write_pdf(sheet, file, **options)
    return PdfReader(file)


def text_of(pdf: PdfReader) -> str:
    return "\n".join(page.extract_text() for page in pdf.pages)


def row(name: str, quantity: int = 1) -> tuple[Any, ...]:
    return (name, Decimal(quantity), None, None, None, None, None)


def test_texts_are_set_as_they_are_and_never_run() -> None:
    pdf = read(make_sheet(zone=ZoneInfo("Europe/Berlin")))
    text = text_of(pdf)
    assert "#panic() $x$ ]" in text
    assert "=HYPERLINK('x')" in text
    assert "Grün" in text
    assert "2026-03-01 13:00" in text
    assert "Occurred (Europe/Berlin)" in text
    assert MISSING in text
    assert "none of the fonts can draw" in text
    assert "−12,345,678,901,234.267891" in text  # the total
    assert (pdf.metadata or {}).get("/Title") == "Stock: [now]"
    assert "Page 1 of" in text


def test_the_same_sheet_is_the_same_file() -> None:
    files = []
    for _ in range(2):
        file = io.BytesIO()
        write_pdf(make_sheet(), file)
        files.append(file.getvalue())
    assert files[0] == files[1]


def test_the_header_is_on_every_page_and_the_total_on_the_last() -> None:
    pdf = read(make_sheet([row(f"product {number}", number) for number in range(120)]))
    pages = [page.extract_text() for page in pdf.pages]
    assert len(pages) > 1
    assert all("Quantity" in page and f"of {len(pages)}" in page for page in pages)
    assert ["7,140" in page for page in pages] == [False] * (len(pages) - 1) + [True]
    assert "□" not in pages[-1]
    assert "more rows" not in pages[-1]


def test_a_long_table_is_cut_and_its_totals_are_not() -> None:
    text = text_of(read(make_sheet([row(f"product {number}", number) for number in range(1200)]), most_rows=30))
    assert "product 29" in text
    assert "product 30" not in text
    assert "1,170 more rows are not printed." in text
    assert "1,200 rows" in text
    assert "719,400" in text


def test_nothing_is_said_to_be_nothing() -> None:
    assert "There is nothing to show." in text_of(read(make_sheet([])))


def test_paper() -> None:
    sizes = [read(make_sheet([row("a")]), paper=paper).pages[0].mediabox for paper in ("a4", "us-letter")]
    assert [(round(size.width), round(size.height)) for size in sizes] == [(595, 842), (612, 792)]


def test_long_words_are_broken_and_long_texts_cut() -> None:
    text = text_of(read(make_sheet([row("A" * 60), row("word " * 200)])))
    assert "A" * 60 not in text
    assert text.replace("\u200b", "").replace("\n", "").count("A" * 20) == 3
    assert text.count("word") == 80
    assert "…" in text


def test_only_our_own_fonts_are_used_and_more_from_a_folder(tmp_path: Path) -> None:
    loaded, families, known = load_fonts()
    assert families == ("Inter", "DejaVu Sans")
    assert {*map(ord, "aßЖ→אע☺−›")} <= known
    assert ord("日") not in known
    (tmp_path / "Copy.otf").write_bytes((FONTS / "Inter-Regular.otf").read_bytes())
    assert load_fonts(tmp_path)[2] == known
    assert loaded.families()


@pytest.mark.parametrize(
    ("text", "drawn"),
    [("Tee", "Tee"), ("日本", "□□"), ("a\x00b\tc", "a b c"), ("☺\U000e0101", "☺"), ("\ud83d", "□"), ("א", "א")],
)
def test_what_no_font_has_is_a_box(text: str, drawn: str) -> None:
    assert drawable(text, KNOWN) == drawn


def test_a_collection_is_read_by_its_first_font() -> None:
    font = (FONTS / "Inter-Regular.otf").read_bytes()
    head = b"ttcf\x00\x01\x00\x00\x00\x00\x00\x01\x00\x00\x00\x10"
    tables = int.from_bytes(font[4:6], "big")
    moved = bytearray(font)
    for number in range(tables):  # offsets count from the start of the file
        at = 12 + 16 * number + 8
        moved[at : at + 4] = (int.from_bytes(font[at : at + 4], "big") + len(head)).to_bytes(4, "big")
    assert set(characters(head + bytes(moved))) == set(characters(font))
