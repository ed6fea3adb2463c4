"""Labels on their sheets: as PDF, as images of the pages, and as ZPL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any, Literal
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import typst

from inventory.formats.glyphs import drawable, load_fonts
from inventory.formats.pdf import TEMPLATES, forget
from inventory.formats.symbols import Symbology, draw_symbol, symbol_svg

MICRONS = 1000  # of a millimetre: whole numbers travel to the template exactly
PIXELS_PER_INCH = 300
FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # what a ZIP says of a page: nothing


@dataclass(frozen=True, slots=True)
class Layout:
    """A sheet of `columns` × `rows` labels; all lengths in millimetres. On a roll a page is one label."""

    page_width: Decimal
    page_height: Decimal
    width: Decimal
    height: Decimal
    columns: int = 1
    rows: int = 1
    margin_left: Decimal = Decimal(0)
    margin_top: Decimal = Decimal(0)
    gap_x: Decimal = Decimal(0)
    gap_y: Decimal = Decimal(0)

    def places(self) -> list[tuple[int, int]]:
        """Where each label of a sheet begins, from the top left, row by row, in thousandths of a millimetre."""
        return [
            (
                _microns(self.margin_left + column * (self.width + self.gap_x)),
                _microns(self.margin_top + row * (self.height + self.gap_y)),
            )
            for row in range(self.rows)
            for column in range(self.columns)
        ]

    def fits(self) -> bool:
        """Whether the last label still lies on the sheet."""
        right = self.margin_left + self.columns * self.width + (self.columns - 1) * self.gap_x
        bottom = self.margin_top + self.rows * self.height + (self.rows - 1) * self.gap_y
        return right <= self.page_width and bottom <= self.page_height


@dataclass(frozen=True, slots=True)
class Label:
    """What is printed on one: a code, the same for people below it, and lines of text, the first in bold."""

    symbology: Symbology
    code: str
    shown: str
    lines: tuple[str, ...]


PageFormat = Literal["pdf", "png", "svg"]


def draw_labels(
    labels: Sequence[Label], layout: Layout, *, form: PageFormat, skip: int = 0, fonts: Path | None = None
) -> list[bytes]:
    """The document as PDF (one file), or one image a page. `skip` leaves places of the first sheet empty."""
    loaded, families, known = load_fonts(fonts)
    symbols: dict[tuple[Symbology, str], int] = {}
    drawn = []
    for label in labels:
        place = symbols.setdefault((label.symbology, label.code), len(symbols))
        lines = [drawable(line, known) for line in label.lines]
        drawn.append({"symbol": place, "shown": drawable(label.shown, known), "lines": lines})
    data = {
        "families": families,
        "page": [_microns(layout.page_width), _microns(layout.page_height)],
        "size": [_microns(layout.width), _microns(layout.height)],
        "places": layout.places(),
        "skip": skip,
        "symbols": [_symbol(symbology, code) for symbology, code in symbols],
        "labels": drawn,
    }
    try:
        found = typst.compile(
            TEMPLATES / "labels.typ", root=TEMPLATES, font_paths=loaded, ignore_system_fonts=True, format=form,
            ppi=PIXELS_PER_INCH, sys_inputs={"data": json.dumps(data)}, timestamp=0, pdf_tags=False,
        )  # fmt: skip
    finally:
        forget(loaded)
    pages: list[bytes] = found if isinstance(found, list) else [found or b""]
    return pages


def zip_pages(pages: Sequence[bytes], *, suffix: str) -> bytes:
    """Several pages as one ZIP: page-1, page-2 …"""
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for number, page in enumerate(pages, 1):
            archive.writestr(ZipInfo(f"page-{number}.{suffix}", FIRST_DAY), page)
    return file.getvalue()


def _symbol(symbology: Symbology, code: str) -> dict[str, Any]:
    symbol = draw_symbol(symbology, code)
    return {"svg": symbol_svg(symbol), "linear": symbol.is_linear}


def _microns(length: Decimal) -> int:
    return int(length * MICRONS)
