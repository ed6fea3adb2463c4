"""The QR of a terminal: what is drawn can be read."""

from __future__ import annotations

import pytest
import zxingcpp

from devices.formats.qr import qr_text_art

LIGHT = {"█": (255, 255), "▀": (255, 0), "▄": (0, 255), " ": (0, 0)}
SCALE = 4


@pytest.mark.parametrize("text", ['{"v":1,"url":"http://127.0.0.1:8000","code":"EHRK-6DSM-4GY0-PHEA"}', "é"])
def test_a_scanner_reads_it(text: str) -> None:
    pixels = bytearray()
    lines = qr_text_art(text).splitlines()
    for line in lines:
        for half in (0, 1):
            pixels += b"".join(bytes([LIGHT[letter][half]]) * SCALE for letter in line) * SCALE
    width = len(lines[0]) * SCALE
    image = memoryview(bytes(pixels)).cast("B", (len(pixels) // width, width))
    assert [found.text for found in zxingcpp.read_barcodes(image)] == [text]
