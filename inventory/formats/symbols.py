"""Symbols that scanners read: QR, EAN-13, Code 128 and GS1 DataMatrix, as modules and as SVG."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from typing import Any

import zxingcpp


class Symbology(Enum):
    """What we print."""

    QR = "qr"
    EAN13 = "ean13"
    CODE128 = "code128"
    GS1_DATAMATRIX = "datamatrix-gs1"


LINEAR = frozenset({Symbology.EAN13, Symbology.CODE128})
QUIET = {Symbology.QR: 4, Symbology.GS1_DATAMATRIX: 1, Symbology.CODE128: 10, Symbology.EAN13: 11}  # modules
_FORMATS = {
    Symbology.QR: zxingcpp.BarcodeFormat.QRCode,
    Symbology.EAN13: zxingcpp.BarcodeFormat.EAN13,
    Symbology.CODE128: zxingcpp.BarcodeFormat.Code128,
    Symbology.GS1_DATAMATRIX: zxingcpp.BarcodeFormat.DataMatrix,
}
_OPTIONS: dict[Symbology, dict[str, Any]] = {
    Symbology.QR: {"ec_level": "M"},
    Symbology.GS1_DATAMATRIX: {"gs1": True},
}
_DARK = 0


@dataclass(frozen=True, slots=True)
class Symbol:
    """`rows` of modules, True = dark, quiet zone included; a linear one has a single row."""

    symbology: Symbology
    rows: tuple[tuple[bool, ...], ...]

    @property
    def is_linear(self) -> bool:
        return self.symbology in LINEAR

    @property
    def width(self) -> int:
        """In modules."""
        return len(self.rows[0])


def draw_symbol(symbology: Symbology, text: str) -> Symbol:
    """The symbol of a text; of a GS1 DataMatrix it is written with brackets: (01)…(10)….

    Raises ValueError where the symbology cannot hold it.
    """
    try:
        barcode = zxingcpp.create_barcode(text, _FORMATS[symbology], **_OPTIONS.get(symbology, {}))
    except (ValueError, RuntimeError) as error:  # a lone surrogate is std::bad_cast
        raise ValueError(f"This cannot be written as {symbology.value}.") from error
    image: Any = barcode.to_image(scale=1, add_quiet_zones=False)
    lines: list[list[int]] = memoryview(image).tolist()  # type: ignore[assignment]  # an image has two dimensions
    rows = [[module == _DARK for module in line] for line in lines]
    quiet = QUIET[symbology]
    side = [False] * quiet
    rows = [[*side, *row, *side] for row in (rows[:1] if symbology in LINEAR else rows)]
    if symbology not in LINEAR:
        empty = [[False] * len(rows[0])] * quiet
        rows = [*empty, *rows, *empty]
    return Symbol(symbology, tuple(tuple(row) for row in rows))


def symbol_svg(symbol: Symbol) -> str:
    """One <svg> of a path, which stretches to any size; the text itself is not in it."""
    path = []
    for y, row in enumerate(symbol.rows):
        x = 0
        for dark, modules in groupby(row):
            length = len(list(modules))
            if dark:
                path.append(f"M{x} {y}h{length}v1h-{length}z")
            x += length
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {symbol.width} {len(symbol.rows)}" '
        f'preserveAspectRatio="none" shape-rendering="crispEdges"><path d="{"".join(path)}"/></svg>'
    )
