"""Delimited text of any origin, read as a stream of rows."""

import codecs
import csv
import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_ROW_CHARACTERS = 1_048_576
DELIMITERS = ("\t", ";", "|", ",")  # the comma last: on a tie it is more likely a decimal sign
ENCODINGS = (
    *("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1", "iso-8859-15"),
    *("mac-roman", "cp437", "cp850", "cp1250", "cp1251", "gb18030", "shift-jis", "euc-kr", "big5"),
)

_SAMPLE_BYTES = 1_048_576
_SNIFFED_ROWS = 200
_QUOTED_LINES = 100
_NOT_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"
_SIGNATURES = {b"PK\x03\x04": "an XLSX or ZIP", b"\xd0\xcf\x11\xe0": "an old Excel (XLS)", b"%PDF": "a PDF"}

csv.field_size_limit(MAX_ROW_CHARACTERS)  # the default, 131,072, is less than some real cells; still bounded


class FormatError(Exception):
    """The file cannot be read as a table. `line` is the physical line, from 1, where that shows."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message if line is None else f"Line {line}: {message}")
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `number` is the physical line (from 1) it starts on, `cells` are exactly as typed."""

    number: int
    cells: list[str]
    columns: Mapping[str, int] = field(repr=False, compare=False)

    def get(self, name: str) -> str | None:
        """The cell under the first header cell `name`: "" in a row too short, None without such a column."""
        place = self.columns.get(name)
        if place is None:
            return None
        return self.cells[place] if place < len(self.cells) else ""


@dataclass(frozen=True, slots=True)
class _Form:
    encoding: str
    delimiter: str
    quoted: bool


class Table:
    """An open table: its header is read, its rows are read as they are asked for, once."""

    def __init__(self, stream: IO[bytes], form: _Form, *, owned: IO[bytes] | None = None) -> None:
        self.encoding, self.delimiter, self.quoted = (form.encoding, form.delimiter, form.quoted)
        self._owned = owned
        self._lines = _Lines(stream, form.encoding)
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if form.quoted else csv.QUOTE_NONE
        self._reader = csv.reader(self._lines, delimiter=form.delimiter, quoting=quoting, strict=True)
        first = next(self._records(), None)
        if first is None:
            raise FormatError("The file is empty.")
        self.header_number, self.header = first
        self._columns = {name: place for place, name in reversed(list(enumerate(self.header)))}

    def rows(self) -> Iterator[Row]:
        """The rows that are left. Rows without any text are skipped: blank lines, and Excel's trailing ",,,".

        Raises FormatError with the line of a NUL, of a byte that does not decode, of a broken or
        never closed quote, or of a row longer than MAX_ROW_CHARACTERS.
        """
        columns = self._columns
        for number, cells in self._records():
            yield Row(number, cells, columns)
        self.close()

    def close(self) -> None:
        """Close the file if open_table opened it; a stream of the caller's stays open."""
        if self._owned is not None:
            self._owned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        lines = self._lines
        try:
            for cells in self._reader:
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

    def readinto(self, buffer: "WriteableBuffer") -> int:
        room = memoryview(buffer)
        block = self._stream.read(len(room))
        room[: len(block)] = block
        return len(block)


def open_table(
    stream_or_path: IO[bytes] | str | os.PathLike[str],
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Table:
    """Open delimited text: a path, or a binary stream at its start (which stays the caller's to close).

    Encoding: a BOM decides; else UTF-8 if the whole stream is UTF-8, else cp1252, else Latin-1. The
    stream is read through once for that (one that cannot seek is copied to a temporary file), so no
    late byte comes as a surprise; only under a BOM or a given `encoding` is a byte that does not fit
    a FormatError with its line. Delimiter: TAB ; | or comma, the one that cuts the header and most
    of the first rows into the same number of cells.
    Quotes: for comma and ; as in RFC 4180. Between TABs and | a `"` is an ordinary character unless
    cells of the first MiB start with one and all of them are well formed. The first row with any text is
    the header. Memory: one row and one MiB, whatever the size. Raises FormatError, and OSError for a path.
    """
    if isinstance(stream_or_path, str | os.PathLike):
        owned: IO[bytes] = Path(stream_or_path).open("rb")  # noqa: SIM115  # the table closes it
    elif stream_or_path.seekable():
        return Table(stream_or_path, _sniff(stream_or_path, encoding, delimiter))
    else:
        owned = tempfile.TemporaryFile()  # noqa: SIM115  # the table closes it
        shutil.copyfileobj(stream_or_path, owned)
        owned.seek(0)
    try:
        return Table(owned, _sniff(owned, encoding, delimiter), owned=owned)
    except BaseException:
        owned.close()
        raise


def _sniff(stream: IO[bytes], encoding: str | None, delimiter: str | None) -> _Form:
    start = stream.tell()
    sample = _read_sample(stream)
    for signature, name in _SIGNATURES.items():
        if sample.startswith(signature):
            raise FormatError(f"This is {name} file, not delimited text.", line=1)
    if encoding is None:
        encoding = _sniff_encoding(sample, stream)
    elif (encoding := encoding.strip().lower().replace("_", "-")) not in ENCODINGS:
        raise FormatError(f"Unknown encoding {encoding[:20]!r}: use one of {', '.join(ENCODINGS)}.")
    stream.seek(start)
    text = sample.decode(encoding, "replace").removeprefix("\ufeff")
    if delimiter is None:
        delimiter = _sniff_delimiter(text)
    elif len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise FormatError(f"The delimiter must be one character, not {delimiter[:9]!r}.")
    quoted = delimiter not in "\t|" or _is_quoted(text, delimiter, cut=len(sample) == _SAMPLE_BYTES)
    return _Form(encoding, delimiter, quoted)


def _read_sample(stream: IO[bytes]) -> bytes:
    sample = b""
    while len(sample) < _SAMPLE_BYTES and (block := stream.read(_SAMPLE_BYTES - len(sample))):
        sample += block
    return sample


def _sniff_encoding(sample: bytes, stream: IO[bytes]) -> str:
    if sample.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8")()
    fallback = "cp1252"
    utf8 = True
    block = sample
    while block:
        if len(block.translate(None, _NOT_IN_CP1252)) != len(block):
            fallback = "latin-1"
        utf8 = utf8 and _decodes(decoder, block)
        block = stream.read(_SAMPLE_BYTES)
    return "utf-8" if utf8 and _decodes(decoder, b"", final=True) else fallback


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _sniff_delimiter(text: str) -> str:
    scores = {delimiter: _score(text, delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: scores[delimiter])
    if scores[best] > 0:
        return best
    # One column: take a delimiter that does not occur, so that "Soup, hot" stays one cell.
    return next((delimiter for delimiter in ",;|\t" if delimiter not in text), ",")


def _score(text: str, delimiter: str) -> float:
    """How well a delimiter fits: the share of rows as wide as the header, times the cuts in the header."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    widths = [len(cells) for cells in islice(reader, _SNIFFED_ROWS) if any(cells)]
    return (widths[0] - 1) * widths.count(widths[0]) / len(widths) if widths else 0


def _is_quoted(text: str, delimiter: str, *, cut: bool) -> bool:
    if not re.search(rf'(?:^|[\r\n{re.escape(delimiter)}])"', text):
        return False
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    good = 0
    try:
        for cells in reader:
            if reader.line_num - good > 1 and any(delimiter in c and ("\n" in c or "\r" in c) for c in cells):
                return False  # a cell with a delimiter and a line end: two lone quotes and a row between
            good = reader.line_num
    except csv.Error as error:
        # A sample may be cut inside a quoted cell; a lone quote swallows more than a cell would hold.
        return cut and "end of data" in str(error) and reader.line_num - good <= _QUOTED_LINES
    return True


def _explain(error: csv.Error) -> str:
    if "end of data" in str(error):
        return "A quote that opens in this row is never closed."
    return 'A quoted cell goes on after its closing quote; a quote inside quotes is written "".'
