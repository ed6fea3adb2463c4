"""Which characters the fonts of our documents can draw."""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import typst

FONTS = Path(__file__).parent / "fonts"
MISSING = "□"
FAMILIES = ("Inter", "DejaVu Sans")
SUFFIXES = (".otf", ".ttf", ".ttc", ".otc")
UNDRAWN = ("Cf", "Zs", "Zl", "Zp", "Mn")  # they have no glyph of their own; without one nothing is lost


@cache
def load_fonts(more: Path | None = None) -> tuple[typst.Fonts, tuple[str, ...], frozenset[int]]:
    """Our fonts and those in the folder `more`: as typst takes them, their families in order, their characters.

    Never the system's: a document looks the same wherever it is made.
    """
    folders = [FONTS] if more is None else [FONTS, more]
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders)
    families = (*FAMILIES, *(family for family in fonts.families() if family not in FAMILIES))
    files = (path for folder in folders for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES)
    known = {code for path in files for code in characters(path.read_bytes())}
    return fonts, families, frozenset(code for code in known if unicodedata.category(chr(code)) != "Cc")


def drawable(text: str, known: frozenset[int]) -> str:
    """The text with □ for what no font can draw, and without control characters."""
    if all(ord(letter) in known for letter in text):
        return text
    return "".join(_drawable(letter, known) for letter in text)


def _drawable(letter: str, known: frozenset[int]) -> str:
    if ord(letter) in known:
        return letter
    category = unicodedata.category(letter)
    if category in UNDRAWN:
        return ""
    return " " if category == "Cc" else MISSING


def characters(font: bytes) -> Iterator[int]:
    """The code points of an OpenType font, or of the first one in a collection (cmap formats 4 and 12)."""
    start = struct.unpack_from(">I", font, 12)[0] if font[:4] == b"ttcf" else 0
    tables = struct.unpack_from(">H", font, start + 4)[0]
    for number in range(tables):
        tag, _, offset, _ = struct.unpack_from(">4sIII", font, start + 12 + 16 * number)
        if tag == b"cmap":
            for record in range(struct.unpack_from(">H", font, offset + 2)[0]):
                subtable = offset + struct.unpack_from(">I", font, offset + 8 + 8 * record)[0]
                yield from _mapped(font, subtable)


def _mapped(font: bytes, at: int) -> Iterator[int]:
    form = struct.unpack_from(">H", font, at)[0]
    if form == 4:  # noqa: PLR2004  # segments of 16-bit characters: ends, a pad, starts
        double = struct.unpack_from(">H", font, at + 6)[0]
        ends = struct.unpack_from(f">{double // 2}H", font, at + 14)
        starts = struct.unpack_from(f">{double // 2}H", font, at + 16 + double)
        for first, last in zip(starts, ends, strict=True):
            yield from range(first, last + 1)
    elif form == 12:  # noqa: PLR2004  # groups of characters beyond
        for group in range(struct.unpack_from(">I", font, at + 12)[0]):
            first, last, _ = struct.unpack_from(">III", font, at + 16 + 12 * group)
            yield from range(first, last + 1)
