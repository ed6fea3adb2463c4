"""Reading printed pages as a scanner reads them."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest
import zxingcpp


def scan_pdf(pdf: bytes, folder: Path) -> list[str]:
    """The codes on the first page of a PDF, as a scanner that names its symbologies sends them."""
    if shutil.which("pdftoppm") is None:
        pytest.skip("pdftoppm is not here; the PNG tests read the same pages")
    (folder / "labels.pdf").write_bytes(pdf)
    subprocess.run(["pdftoppm", "-gray", "-r", "200", "-l", "1", "labels.pdf", "page"], cwd=folder, check=True)
    page = next(folder.glob("page*.pgm")).read_bytes()
    _, size, _, pixels = page.split(b"\n", 3)
    width, height = map(int, size.split())
    return scan(pixels, width, height)


def scan_png(png: bytes) -> list[str]:
    """The codes on an 8-bit RGBA image."""
    pixels, width, height = decode_png(png)
    return scan(pixels, width, height)


def scan(grey: bytes, width: int, height: int) -> list[str]:
    found: Any = zxingcpp.read_barcodes(memoryview(grey).cast("B", (height, width)))
    return [barcode.symbology_identifier + barcode.bytes.decode() for barcode in found]


def decode_png(png: bytes) -> tuple[bytes, int, int]:
    """Grey pixels of an RGBA image (its red), undoing PNG's line filters."""
    place, packed, width, height = 8, b"", 0, 0
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        kind, body = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            width, height, *form = struct.unpack(">IIBBBBB", body)
            assert form == [8, 6, 0, 0, 0]
        packed += body if kind == b"IDAT" else b""
        place += 12 + length
    raw, step = zlib.decompress(packed), width * 4
    above, grey = bytearray(step), bytearray()
    for start in range(0, len(raw), step + 1):
        line = bytearray(raw[start + 1 : start + 1 + step])
        _unfilter(raw[start], line, above)
        grey += line[::4]
        above = line
    return bytes(grey), width, height


def _unfilter(kind: int, line: bytearray, above: bytearray) -> None:
    for at in range(len(line)) if kind else ():
        left, up = line[at - 4] if at >= 4 else 0, above[at]
        corner = above[at - 4] if at >= 4 else 0
        line[at] = (line[at] + (0, left, up, (left + up) // 2, _paeth(left, up, corner))[kind]) & 255


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))
