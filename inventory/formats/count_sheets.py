"""Count sheets as people write them: letterheads, subtotals, lots that are numbers, and cells left blank."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

from inventory.formats.decimals import parse_quantity
from inventory.formats.files import open_file
from inventory.formats.tables import FormatError, Row, Table

_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_YEAR_MONTH = re.compile(r"((?:20)?\d{2})-(0[1-9]|1[0-2])")
_US = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


@dataclass(frozen=True, slots=True)
class CountLine:
    """One counted line. `counted` and `book` are None where the cell is blank: not counted is not zero."""

    line: int
    code: str
    name: str
    lot: str
    expires_on: date | None
    bin: str
    counted: Decimal | None
    book: Decimal | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line that is no count, and why; `is_error`: it should have been one."""

    line: int
    reason: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class SheetShape:
    """One way to write count sheets: the columns by field, and how an expiry is read."""

    columns: Mapping[str, Sequence[str]]
    expiry: Callable[[str], date]


@dataclass(slots=True)
class CountReading:
    """What a sheet says: its lines are read once, `left_out` grows with them."""

    table: Table
    shape: SheetShape
    columns: Mapping[str, str]
    left_out: list[LeftOut] = field(default_factory=list)

    def lines(self) -> Iterator[CountLine]:
        """The counted lines. Lines without a code (subtotals) and lines with a bad cell go to `left_out`."""
        for row in self.table.rows():
            cells = {name: (row.get(column) or "").strip() for name, column in self.columns.items()}
            if not cells["code"]:
                self.left_out.append(LeftOut(row.number, _why_no_code(cells)))
                continue
            try:
                line = self._line(row, cells)
            except ValueError as error:
                self.left_out.append(LeftOut(row.number, str(error), is_error=True))
            else:
                yield line

    def _line(self, row: Row, cells: Mapping[str, str]) -> CountLine:
        expiry = cells.get("expires_on", "")
        return CountLine(
            line=row.number,
            code=cells["code"],
            name=cells.get("name", ""),
            lot=cells.get("lot", ""),
            expires_on=self.shape.expiry(expiry) if expiry else None,
            bin=cells.get("bin", ""),
            counted=_quantity(cells["counted"]),
            book=_quantity(cells.get("book", "")),
        )


def read_expiry(text: str) -> date:
    """`2015-11-30`, `15-11` or `2015-11` (the last day of the month). Raises ValueError."""
    if found := _ISO.fullmatch(text):
        return date(int(found[1]), int(found[2]), int(found[3]))
    found = _YEAR_MONTH.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is not an expiry: write it as 2015-11-30 or 15-11.")
    year, month = 2000 + int(found[1][-2:]), int(found[2])
    return date(year, month, calendar.monthrange(year, month)[1])


def read_us_date(text: str) -> date:
    """`11/30/2015`, the month first, or ISO. Raises ValueError."""
    if _ISO.fullmatch(text):
        return read_expiry(text)
    found = _US.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is not a date: write it as 11/30/2015, the month first.")
    return date(int(found[3]), int(found[1]), int(found[2]))


SHAPES: Mapping[str, SheetShape] = {
    "zl": SheetShape(
        {
            "code": ("CODE",),
            "name": ("DESIGNATIONS ET DOSAGE /DESCRIPTION PRODUIT",),
            "lot": ("NUMERO DE LOT",),
            "expires_on": ("EXPIRATION",),
            "bin": ("BIN LOCATION",),
            "counted": ("STOCK PHYSIQUE",),
        },
        read_expiry,
    ),
    "openboxes": SheetShape(
        {
            "code": ("Product code",),
            "name": ("Product name",),
            "lot": ("Lot number",),
            "expires_on": ("Expiration date",),
            "bin": ("Bin location",),
            "counted": ("Physical QOH",),
            "book": ("OB QOH",),
        },
        read_us_date,
    ),
    "csv": SheetShape(
        {
            "code": ("code", "sku", "barcode"),
            "name": ("name",),
            "lot": ("lot",),
            "expires_on": ("expires_on", "expiry"),
            "bin": ("bin", "location"),
            "counted": ("counted", "quantity"),
            "book": ("book", "expected"),
        },
        read_expiry,
    ),
}


def open_count_sheet(path: Path, *, shape: str) -> CountReading:
    """Open a sheet of one of SHAPES. Raises FormatError where a code or a count has no column."""
    form = SHAPES[shape]
    table = open_file(path)
    columns = {
        name: found
        for name, names in form.columns.items()
        if (found := next((known for known in names if known in table.names), None))
    }
    for name in ("code", "counted"):
        if name not in columns:
            table.close()
            raise FormatError(f"No column is called {' or '.join(form.columns[name])}.", line=table.header_number)
    return CountReading(table, form, columns)


def _why_no_code(cells: Mapping[str, str]) -> str:
    if cells["counted"] and not cells.get("name"):
        return f"A subtotal: {cells['counted'][:40]}."
    return "There is no code."


def _quantity(text: str) -> Decimal | None:
    return parse_quantity(text) if text else None
