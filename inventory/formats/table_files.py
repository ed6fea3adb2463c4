"""Tables written as CSV, XLSX or JSON Lines, row by row, so that an import reads every cell back unchanged."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import IO, Any

import xlsxwriter

from inventory.formats.csv import guard
from inventory.formats.excel import escape
from inventory.formats.json_lines import as_text, line_of

FORMATS = ("csv", "xlsx", "jsonl")
SHEET_ROWS = 1_048_575  # of one file, below its header
MAX_CELL = 32_767
OPTIONS = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


class CellTooLong(Exception):
    """XLSX cannot hold a text of this length."""


def write_csv(file: IO[bytes], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """UTF-8 with its mark, commas, CRLF; texts are guarded against formulas."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([guard(as_text(cell)) for cell in row])
    text.detach()


def write_lines(file: IO[bytes], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """One object a line, values with their types."""
    for row in rows:
        file.write(line_of(dict(zip(columns, row, strict=True))))


def write_sheet(file: IO[bytes], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """One sheet of texts: a number that a spreadsheet may round or a zero that it may drop stays as it is.

    Raises CellTooLong.
    """
    with xlsxwriter.Workbook(file, OPTIONS) as book:
        sheet = book.add_worksheet("Rows")
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(columns):
            sheet.write_string(0, place, column)
        for number, row in enumerate(rows, 1):
            for place, cell in enumerate(row):
                text = escape(as_text(cell))
                if not text:
                    continue
                if sheet.write_string(number, place, text) != 0 or _written(text) > MAX_CELL:
                    raise CellTooLong(f"Column {columns[place]}: a text is longer than XLSX can hold.")


def _written(text: str) -> int:
    """How long a text is in the file: control characters take seven characters each."""
    return len(text) + 6 * sum(1 for letter in text if letter < " " and letter not in "\t\n")
