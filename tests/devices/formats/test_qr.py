"""QR codes, read back by a barcode reader."""

import re
import struct
import zlib
from xml.etree import ElementTree

import pytest
import zxingcpp

from devices.formats.qr import qr_png, qr_svg

TEXTS = [
    "COM1:P:AGHWW3Q4DZ6DVG25AERUKZ4JVM",
    '{"v":1,"url":"https://stock.example.com","code":"7K2M-9QXF"}',
    "é漢字😀 <script>&",
    "x" * 500,
]


def read(pixels: bytes, side: int) -> str:
    (barcode,) = zxingcpp.read_barcodes(memoryview(pixels).cast("B", (side, side)))
    assert barcode.format == zxingcpp.BarcodeFormat.QRCode
    return barcode.text


def decode_png(png: bytes) -> tuple[bytes, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, place = {}, 8
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        kind, body = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        assert struct.unpack_from(">I", png, place + 8 + length) == (zlib.crc32(kind + body),)
        chunks[kind] = body
        place += 12 + length
    width, height, *form = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (width, form) == (height, [1, 0, 0, 0, 0])
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    lines, step = zlib.decompress(chunks[b"IDAT"]), -(-width // 8) + 1
    assert len(lines) == step * height
    pixels = bytearray()
    for start in range(0, len(lines), step):
        assert lines[start] == 0
        bits = "".join(f"{byte:08b}" for byte in lines[start + 1 : start + step])[:width]
        pixels += bytes(255 * int(bit) for bit in bits)
    return bytes(pixels), width


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("scale", [3, 8])
def test_png_reads_back(text: str, scale: int):
    pixels, side = decode_png(qr_png(text, scale=scale))
    assert side % scale == 0
    assert read(pixels, side) == text


@pytest.mark.parametrize("text", TEXTS)
def test_svg_reads_back(text: str):
    svg = qr_svg(text)
    root = ElementTree.fromstring(svg)
    _, _, size, _ = map(int, root.attrib["viewBox"].split())
    scale = 4
    side = size * scale
    pixels = bytearray(b"\xff" * side * side)
    dark = re.findall(r"M(\d+) (\d+)h1v1h-1z", root[1].attrib["d"])
    for x, y in dark:
        for line in range(scale):
            start = (int(y) * scale + line) * side + int(x) * scale
            pixels[start : start + scale] = bytes(scale)
    assert read(bytes(pixels), side) == text
    assert text not in svg
    assert min(int(x) for x, _ in dark) == 4  # the quiet zone


def test_default_scale():
    assert decode_png(qr_png("A"))[1] == 8 * 29


@pytest.mark.parametrize("text", ["", "x" * 2332, "\ud800", "9" * 10_000])
def test_what_fits_no_qr_code_is_a_value_error(text: str):
    with pytest.raises(ValueError, match="The text of a QR code must"):
        qr_svg(text)
    with pytest.raises(ValueError, match="The text of a QR code must"):
        qr_png(text)


@pytest.mark.parametrize("scale", [0, -1, 33])
def test_scale_is_bounded(scale: int):
    with pytest.raises(ValueError, match="1 to 32"):
        qr_png("A", scale=scale)


def test_the_longest_text():
    assert read(*decode_png(qr_png("x" * 2331, scale=3))) == "x" * 2331
