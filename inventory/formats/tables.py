"""Tables of any origin: a header, and rows as they are asked for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from statistics import median
from types import TracebackType
from typing import Self

Record = tuple[int, list[str]]

MAX_ROW_CHARACTERS = 1_048_576
MAX_COLUMNS = 4_000
GUESSED_ROWS, HEADER_WITHIN = 200, 40

_NUMBER = re.compile(r"[+-]?[\d.,]*\d[\d.,]*")
_VALUE = re.compile(  # what no header is called: a date, a decimal number, a UUID
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{2,4}.*|[+-]?\d*[.,]\d+|\{?[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}\}?", re.DOTALL
)


class FormatError(Exception):
    """The file cannot be read as a table. `line` is the physical line, from 1, where that shows."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message if line is None else f"Line {line}: {message}")
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `number` is the physical line (from 1) it starts on, `cells` are exactly as typed.

    `width`: how many columns the table has, named or not. `problem`: why the row cannot be read; it has no cells then.
    """

    number: int
    cells: list[str]
    columns: Mapping[str, int] = field(repr=False, compare=False)
    width: int = field(repr=False, compare=False)
    problem: str = ""

    def get(self, name: str) -> str | None:
        """The cell in the column `name`: "" in a row too short, None without such a column."""
        place = self.columns.get(name)
        if place is None:
            return None
        return self.cells[place] if place < len(self.cells) else ""

    def beyond(self) -> list[str]:
        """The cells with any text in them that stand beyond the last column."""
        return [cell for cell in self.cells[self.width :] if cell.strip()]


@dataclass(frozen=True, slots=True)
class Form:
    """How a file is written, as far as that applies to its format. `line_ends`: crlf, lf, cr or mixed."""

    format: str
    encoding: str = ""
    delimiter: str = ""
    quoted: bool = True
    sheet: str = ""
    line_ends: str = ""


class Table:
    """An open table: its header is read, its rows are read as they are asked for, once."""

    def __init__(
        self,
        records: Iterator[Record],
        form: Form,
        *,
        header_line: int | None = None,
        guess: bool = False,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        """`header_line`: physical line of the header, 0 = there is none; None: the first row with any text, or with
        `guess` the one that looks like a header."""
        self.form, self._close, self._records = form, close, records
        if guess and header_line is None:
            first, self._records = _look_ahead(records)
            header_line = guess_header(first)
        self.header_number, self.header = self._read_header(header_line)
        if len(self.header) > MAX_COLUMNS:
            raise FormatError(f"The header has more than {MAX_COLUMNS:,} columns.", line=self.header_number)
        self.rename(self.header)

    def rename(self, header: Sequence[str]) -> None:
        """Name the columns, before the rows are read: a name that is there twice means its first column."""
        self.names = name_columns(header)
        self._columns = {name: place for place, name in enumerate(self.names)}
        self._width = max(len(self.header), len(self.names))

    def _read_header(self, header_line: int | None) -> Record:
        for record in self._records:
            if header_line == 0:
                self._records = chain([record], self._records)
                return 0, [""] * len(record[1])
            if header_line is None or record[0] >= header_line:
                return record
        raise FormatError("The file is empty.")

    @property
    def encoding(self) -> str:
        return self.form.encoding

    @property
    def delimiter(self) -> str:
        return self.form.delimiter

    @property
    def quoted(self) -> bool:
        return self.form.quoted

    def rows(self) -> Iterator[Row]:
        """The rows that are left. Rows without any text are skipped: blank lines, and Excel's trailing ",,,".

        Raises FormatError with the line of whatever cannot be read.
        """
        columns, width = self._columns, self._width
        for number, cells in self._records:
            yield Row(number, cells, columns, width)
        self.close()

    def close(self) -> None:
        """Close the file if it was opened for this table; a stream of the caller's stays open."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def name_columns(header: Sequence[str]) -> list[str]:
    """A name of its own for each column: the header cell, `Name (2)` for a second one, `column 3` for a blank one."""
    taken = Counter(cell for cell in header if cell.strip())
    names: dict[str, None] = {}
    for place, cell in enumerate(header, 1):
        name = base = cell if cell.strip() else f"column {place}"
        count = 1
        while name in names or (name != cell and taken[name]):
            count += 1
            name = f"{base} ({count})"
        names[name] = None
    return list(names)


def _look_ahead(records: Iterator[Record]) -> tuple[list[Record], Iterator[Record]]:
    """The first rows, and all rows; where a file breaks off early, that is told when its place is reached."""
    first: list[Record] = []
    try:
        for record in islice(records, GUESSED_ROWS):
            first.append(record)  # noqa: PERF402  # a list() that breaks off would lose what it has
    except FormatError as error:
        return first, chain(first, _broken(error))
    return first, chain(first, records)


def _broken(error: FormatError) -> Iterator[Record]:
    yield from ()
    raise error


def guess_header(records: Sequence[Record]) -> int | None:
    """The line of the row that looks like the header; 0 where the first full row is values already.

    Letterheads fill one or two cells of a row that is wider: the header is the first row that fills most of what
    the rows usually fill.
    """
    filled = [sum(1 for cell in cells if cell.strip()) for _, cells in records]
    if not records:
        return None
    wanted = max(1.0, 0.6 * median(filled))
    for place, (number, cells) in enumerate(records[:HEADER_WITHIN]):
        if filled[place] >= wanted:
            return 0 if place == 0 and _are_values(cells) else number
    return records[0][0]


def _are_values(cells: Sequence[str]) -> bool:
    typed = [cell.strip() for cell in cells if cell.strip()]
    numbers = sum(1 for cell in typed if _NUMBER.fullmatch(cell))
    return any(_VALUE.fullmatch(cell) for cell in typed) or numbers * 2 > len(typed)
