"""Sheets as CSV, for spreadsheets and programs alike."""

from __future__ import annotations

import csv
import io
from typing import IO

from inventory.formats.csv import guard
from inventory.formats.sheets import Sheet, for_programs


def write_csv(sheet: Sheet, file: IO[bytes]) -> None:
    """The rows under the columns' names: UTF-8 with its mark, commas, CRLF. Texts are guarded, numbers exact."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
    writer = csv.writer(text)
    writer.writerow([column.name for column in sheet.columns])
    for cells in sheet:
        writer.writerow([guard(cell) if isinstance(cell, str) else for_programs(cell) for cell in cells])
    text.detach()  # flushed; the file stays the caller's, and open
