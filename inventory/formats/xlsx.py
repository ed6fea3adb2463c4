"""Sheets as XLSX, streamed row by row; no formula and no link is ever made of a text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import IO, Any

import xlsxwriter

from inventory.formats.sheets import Cell, Column, Kind, Sheet, for_programs, local

MAX_ROWS = 1_048_576  # of one worksheet; what is more goes on in the next one
MAX_TEXT = 32_767  # characters of one cell
EXACT_DIGITS = 15  # a spreadsheet's number keeps so many; longer ones are written as text
FIRST_YEAR = 1901  # spreadsheets know no earlier dates, and disagree about 1900
FORMATS = {
    Kind.QUANTITY: "#,##0.######",
    Kind.MONEY: "#,##0.00####",
    Kind.NUMBER: "#,##0",
    Kind.DATE: "yyyy-mm-dd",
    Kind.TIME: "yyyy-mm-dd hh:mm",
}
OPTIONS = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def write_xlsx(sheet: Sheet, file: IO[bytes], *, most_rows: int = MAX_ROWS) -> None:
    """The rows under a frozen header, then a worksheet that says what they are. Memory: one row.

    A decimal becomes a number where a spreadsheet keeps it exactly (15 digits), else text.
    Times are in the sheet's zone, as its header says: a spreadsheet knows no zones.
    """
    book = xlsxwriter.Workbook(file, OPTIONS)
    book.set_properties({"title": sheet.title, "created": sheet.made_at.astimezone(UTC).replace(tzinfo=None)})
    page: _Page | None = None
    rows = iter(sheet)
    while page is None or page.is_full:
        page = _Page(book, sheet, number=1 if page is None else page.number + 1, most_rows=most_rows)
        page.fill(rows)
    page.close()
    _write_facts(book, sheet)
    book.close()


class _Page:
    """One worksheet of rows."""

    def __init__(self, book: Any, sheet: Sheet, *, number: int, most_rows: int) -> None:
        self.number, self.sheet, self.most_rows = number, sheet, most_rows
        self.rows, self.is_full = 1, False
        self.formats = {kind: book.add_format({"num_format": form}) for kind, form in FORMATS.items()}
        self.bold = {
            kind: book.add_format({"bold": True, "top": 1, "num_format": form}) for kind, form in FORMATS.items()
        }
        self.plain_bold = book.add_format({"bold": True, "top": 1})
        head = book.add_format({"bold": True, "bottom": 1, "bg_color": "#E6F4F1", "valign": "top", "text_wrap": True})
        self.page = book.add_worksheet(_tab(sheet.title, number))
        for place, column in enumerate(sheet.columns):
            self.page.set_column(place, place, column.width)
        for place, column in enumerate(sheet.columns):
            self.page.write_string(0, place, _heading(column, sheet), head)
        self.page.freeze_panes(1, 0)
        self.page.set_landscape()
        self.page.repeat_rows(0)

    def fill(self, rows: Any) -> None:
        """Write until the worksheet is full, with room for the totals, or the rows end."""
        for cells in rows:
            for place, (cell, column) in enumerate(zip(cells, self.sheet.columns, strict=True)):
                self._write(place, cell, self.formats.get(column.kind))
            self.rows += 1
            if self.rows >= self.most_rows - 1:
                self.is_full = True
                return
        self.is_full = False

    def close(self) -> None:
        """The totals below the last row."""
        self.page.autofilter(0, 0, max(1, self.rows - 1), len(self.sheet.columns) - 1)
        if not any(column.total for column in self.sheet.columns):
            return
        for place, column in enumerate(self.sheet.columns):
            total = self.sheet.total(column)
            self._write(place, total if total is not None else "" if place else "Total", self.bold.get(column.kind))

    def _write(self, place: int, cell: Cell, form: Any) -> None:
        if cell is None or cell == "":
            self.page.write_blank(self.rows, place, None, form)
        elif isinstance(cell, bool):
            self.page.write_boolean(self.rows, place, cell)
        elif isinstance(cell, Decimal | int) and _keeps(Decimal(cell)):
            self.page.write_number(self.rows, place, cell, form)
        elif isinstance(cell, date) and cell.year >= FIRST_YEAR:
            moment = local(cell, self.sheet.zone).replace(tzinfo=None) if isinstance(cell, datetime) else cell
            self.page.write_datetime(self.rows, place, moment, form)
        else:
            self.page.write_string(self.rows, place, _fitting(for_programs(cell)))


def _write_facts(book: Any, sheet: Sheet) -> None:
    page = book.add_worksheet("About")
    bold = book.add_format({"bold": True})
    page.set_column(0, 0, 28)
    page.set_column(1, 1, 60)
    lines: Sequence[tuple[str, str]] = (
        ("Report", sheet.title),
        *([("", sheet.subtitle)] if sheet.subtitle else []),
        *sheet.facts,
        ("Rows", f"{sheet.count:,}"),
        *sheet.summarise().figures,
    )
    for row, (label, text) in enumerate(lines):
        page.write_string(row, 0, label, bold)
        page.write_string(row, 1, _fitting(text))


def _heading(column: Column, sheet: Sheet) -> str:
    return f"{column.title} ({sheet.zone})" if column.kind == Kind.TIME else column.title


def _tab(title: str, number: int) -> str:
    """A worksheet's name: 31 characters without []:*?/\\ at most."""
    bare = "".join(letter for letter in title if letter not in "[]:*?/\\'")[:25] or "Rows"
    return bare if number == 1 else f"{bare} {number}"


def _keeps(number: Decimal) -> bool:
    return len(number.normalize().as_tuple().digits) <= EXACT_DIGITS


def _fitting(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
