"""QR codes as SVG for pages, text for terminals and PNG for everything else."""

import struct
import zlib
from itertools import zip_longest
from typing import cast

import zxingcpp

MAX_SCALE = 32

_DARK = 0
_HALVES = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}  # light above, below
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def qr_svg(text: str) -> str:
    """A QR code as one inline <svg>, a quiet zone of 4 modules included, that scales to any size.

    `text` itself is not in the markup. Raises ValueError where it is empty or too long for a QR
    code at error correction M (2,331 bytes of UTF-8).
    """
    modules = _modules(text)
    size = len(modules)
    dark = "".join(
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(modules) for x, level in enumerate(row) if level == _DARK
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" role="img" '
        f'shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{size}v{size}h-{size}z"/>'
        f'<path d="{dark}"/></svg>'
    )


def qr_png(text: str, *, scale: int = 8) -> bytes:
    """A QR code as a black-and-white PNG, `scale` pixels a module, quiet zone included.

    Raises ValueError as qr_svg does, and where `scale` is not 1 to 32.
    """
    if not 1 <= scale <= MAX_SCALE:
        raise ValueError(f"The scale must be 1 to {MAX_SCALE} pixels a module.")
    modules = _modules(text)
    size = len(modules) * scale
    lines = b"".join(_scanline(row, scale) * scale for row in modules)
    header = struct.pack(">IIBBBBB", size, size, 1, 0, 0, 0, 0)  # 1 bit a pixel, grey
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return _PNG_SIGNATURE + b"".join(_chunk(kind, body) for kind, body in chunks)


def qr_text_art(text: str) -> str:
    """A QR code as lines of half blocks, two modules a character, for a terminal of either colour.

    Dark modules are spaces on light blocks, as scanners expect on a dark terminal; most also read the inverse.
    Raises ValueError as qr_svg does.
    """
    modules = _modules(text)
    blank = [1] * len(modules)
    pairs = zip_longest(modules[::2], modules[1::2], fillvalue=blank)
    return "\n".join(
        "".join(_HALVES[up != _DARK, down != _DARK] for up, down in zip(*pair, strict=True)) for pair in pairs
    )


def _modules(text: str) -> list[list[int]]:
    try:
        text.encode()
    except UnicodeEncodeError as error:  # the library answers a lone surrogate with std::bad_cast
        raise ValueError("The text of a QR code must be valid Unicode.") from error
    try:
        barcode = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    except ValueError as error:
        raise ValueError("The text of a QR code must not be empty or longer than 2,331 bytes.") from error
    image = cast("bytes", barcode.to_image(scale=1))  # speaks the buffer protocol; its stub does not say so
    return cast("list[list[int]]", memoryview(image).tolist())


def _scanline(row: list[int], scale: int) -> bytes:
    bits = "".join(("0" if level == _DARK else "1") * scale for level in row)
    length = -(-len(bits) // 8)
    return b"\0" + int(bits.ljust(length * 8, "1"), 2).to_bytes(length, "big")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
