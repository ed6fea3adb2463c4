"""Symbols are what a reader of barcodes reads; hostile texts are refused."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
import zxingcpp

from inventory.formats.symbols import QUIET, Symbology, draw_symbol, symbol_svg
from inventory.formats.zpl import escape, gs1_elements

TEXTS = [
    (Symbology.QR, "COM1:P:AGHWW3Q4DZ6DVG25AERUKZ4JVM"),
    (Symbology.EAN13, "4006381333931"),
    (Symbology.CODE128, "abc-123 /x"),
    (Symbology.GS1_DATAMATRIX, "(01)04006381333931(17)271231(10)L-1"),
]


@pytest.mark.parametrize(("symbology", "text"), TEXTS)
def test_symbols_are_read(symbology: Symbology, text: str) -> None:
    symbol = draw_symbol(symbology, text)
    assert not any(symbol.rows[0][: QUIET[symbology]])
    assert symbol.width == len(symbol.rows[-1])
    rows = symbol.rows * 40 if symbol.is_linear else symbol.rows
    grey = bytes(0 if dark else 255 for row in rows for _ in range(3) for dark in row for _ in range(3))
    (found,) = zxingcpp.read_barcodes(memoryview(grey).cast("B", (len(rows) * 3, symbol.width * 3)))
    assert found.text == text


def test_the_svg_holds_modules_and_no_text() -> None:
    svg = symbol_svg(draw_symbol(Symbology.CODE128, "<script>"))
    root = ElementTree.fromstring(svg)
    assert [child.tag for child in root] == ["{http://www.w3.org/2000/svg}path"]
    assert "script" not in svg


@pytest.mark.parametrize(
    ("symbology", "text"),
    [
        (Symbology.EAN13, "4006381333930"), (Symbology.CODE128, ""),
        (Symbology.QR, "x" * 5000), (Symbology.GS1_DATAMATRIX, "no brackets"), (Symbology.QR, "\ud83d"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_refused(symbology: Symbology, text: str) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        draw_symbol(symbology, text)


def test_zpl_escapes_all_that_could_be_a_command() -> None:
    assert escape("a^b~c_d\n") == "a_5Eb_7Ec_5Fd_0A"
    assert escape("ü\ud83d") == "_C3_BC_3F"


def test_gs1_elements() -> None:
    assert gs1_elements("(01)04006381333931(10)A(21)B") == "\x1d010400638133393110A\x1d21B"
