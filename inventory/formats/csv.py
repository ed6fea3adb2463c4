"""Delimited text of any origin, read as a stream of rows; and cells that no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, Self

from inventory.formats.csv_forms import sniff_form
from inventory.formats.tables import MAX_ROW_CHARACTERS, Form, FormatError, Record, Table

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n]")
_NUMBER = re.compile(r"-[0-9]+(?:\.[0-9]+)?")


def guard(cell: str) -> str:
    """A cell that a spreadsheet shows as text where it would run it as a formula; unguard() undoes it exactly."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def unguard(cell: str) -> str:
    """The cell that guard() was given."""
    return cell[1:] if _GUARDED.match(cell) else cell


def read_records(stream: IO[bytes], form: Form) -> Iterator[Record]:
    """The rows with any text in them, each with the physical line it starts on."""
    lines = _Lines(stream, form.encoding)
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if form.quoted else csv.QUOTE_NONE
    reader = csv.reader(lines, delimiter=form.delimiter, quoting=quoting, strict=True)
    try:
        for cells in reader:
            number, lines.row_number = lines.row_number, lines.number + 1
            lines.row_characters = 0
            if any(cells) and "".join(cells).strip():
                yield number, cells
    except csv.Error as error:
        raise FormatError(_explain(error), line=lines.row_number) from error


class _Lines:
    """Physical lines, counted: each ends in LF, CRLF or CR. The row being read starts on `row_number`."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        source = io.BufferedReader(_Borrowed(stream), 65_536)
        self._text = io.TextIOWrapper(source, encoding=encoding, errors="strict", newline="")
        self.number = 0
        self.row_number = 1
        self.row_characters = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        try:
            line = self._text.readline(MAX_ROW_CHARACTERS + 1)
        except UnicodeError as error:
            raise self._undecodable(error) from error
        if not line:
            raise StopIteration
        self.number += 1
        self.row_characters += len(line)
        if self.row_characters > MAX_ROW_CHARACTERS:
            message = f"A row is longer than {MAX_ROW_CHARACTERS:,} characters; is a quote never closed?"
            raise FormatError(message, line=self.row_number)
        if "\0" in line:
            raise FormatError("A NUL byte: not text, or UTF-16 without its mark.", line=self.number)
        return line.removeprefix("\ufeff") if self.number == 1 else line

    def _undecodable(self, error: UnicodeError) -> FormatError:
        if not isinstance(error, UnicodeDecodeError):
            return FormatError("UTF-16 without its mark: say utf-16-le or utf-16-be.", line=1)
        # The decoder works in blocks: count the line ends between the last line read and the bad byte.
        before = error.object[: error.start].decode(error.encoding, "replace")
        ends = len(re.findall(r"\r\n|\r|\n", before))
        return FormatError(f"A byte that is not {self._text.encoding} text.", line=self.number + 1 + ends)


class _Borrowed(io.RawIOBase):
    """Somebody's stream, so that dropping our text reader does not close it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        room = memoryview(buffer)
        block = self._stream.read(len(room))
        room[: len(block)] = block
        return len(block)


def open_table(
    stream_or_path: IO[bytes] | str | os.PathLike[str],
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    header_line: int | None = None,
    guess: bool = False,
) -> Table:
    """Open delimited text: a path, or a binary stream at its start (which stays the caller's to close).

    Encoding: a BOM decides; else UTF-8 if the whole stream is UTF-8, else Mac Roman where its accents follow small
    letters, else cp1252, else Latin-1. The stream is read through once for that (one that cannot seek is copied to a
    temporary file), so no late byte comes as a surprise; only under a BOM or a given `encoding` is a byte that does
    not fit a FormatError with its line. Delimiter: TAB ; | or comma, the one that cuts the header and most of the
    first rows into the same number of cells; ^ or : where none of them occurs and these cut every row alike.
    Quotes: for comma and ; as in RFC 4180. Between TABs and | a `"` is an ordinary character unless
    cells of the first MiB start with one and all of them are well formed. The header: see Table; by default the
    first row with any text. Memory: one row and one MiB, whatever the size. Raises FormatError, and OSError for a path.
    """
    if isinstance(stream_or_path, str | os.PathLike):
        owned: IO[bytes] = Path(stream_or_path).open("rb")  # noqa: SIM115  # the table closes it
    elif stream_or_path.seekable():
        form = sniff_form(stream_or_path, encoding, delimiter, header_line=header_line)
        return Table(read_records(stream_or_path, form), form, header_line=header_line, guess=guess)
    else:
        owned = tempfile.TemporaryFile()  # noqa: SIM115  # the table closes it
        shutil.copyfileobj(stream_or_path, owned)
        owned.seek(0)
    try:
        form = sniff_form(owned, encoding, delimiter, header_line=header_line)
        return Table(read_records(owned, form), form, header_line=header_line, guess=guess, close=owned.close)
    except BaseException:
        owned.close()
        raise


def _explain(error: csv.Error) -> str:
    if "end of data" in str(error):
        return "A quote that opens in this row is never closed."
    return 'A quoted cell goes on after its closing quote; a quote inside quotes is written "".'
