"""The form of delimited text, found out: encoding, delimiter, quoting."""

from __future__ import annotations

import codecs
import csv
import io
import re
from itertools import islice
from typing import IO

from inventory.formats.tables import MAX_ROW_CHARACTERS, Form, FormatError

DELIMITERS = ("\t", ";", "|", ",")  # the comma last: on a tie it is more likely a decimal sign
RARE_DELIMITERS = ("^", ":")  # only where none of the others cuts anything: times and texts hold them, too
ENCODINGS = (
    *("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1", "iso-8859-15"),
    *("mac-roman", "cp437", "cp850", "cp1250", "cp1251", "gb18030", "shift-jis", "euc-kr", "big5"),
)
LINE_ENDS = ("crlf", "lf", "cr", "mixed")

_SAMPLE_BYTES = 1_048_576
_SNIFFED_ROWS = 200
_QUOTED_LINES = 100
_LETTERHEAD_LINES = 30
_NOT_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"
_MAC_LETTER = re.compile(rb"[A-Za-z][\x83\x88\x8a\x8d-\x90\x9d\x9f]")  # ä ç é è ê ü there, letters of no use elsewhere
_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_NAMES_OF_ENDS = {"\r\n": "crlf", "\n": "lf", "\r": "cr"}
_QUOTED = re.compile(r'"[^"]*"')
_LATIN_LETTER = re.compile(rb"[A-Za-z][\xdf-\xff]")
_SIGNATURES = {b"PK\x03\x04": "an XLSX or ZIP", b"\xd0\xcf\x11\xe0": "an old Excel (XLS)", b"%PDF": "a PDF"}

csv.field_size_limit(MAX_ROW_CHARACTERS)  # the default, 131,072, is less than some real cells; still bounded


def sniff_form(
    stream: IO[bytes], encoding: str | None, delimiter: str | None, *, header_line: int | None = None
) -> Form:
    """The form of a stream, which is left at its start. A known `header_line` says what the delimiter cuts."""
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
    text = whole = sample.decode(encoding, "replace").removeprefix("\ufeff")
    above = (header_line or 1) - 1
    if above > 0:
        text = _LINE_ENDS.split(text, above)[-1]
    if delimiter is None:
        delimiter = _sniff_delimiter(text)
    elif len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise FormatError(f"The delimiter must be one character, not {delimiter[:9]!r}.")
    quoted = delimiter not in "\t|" or _is_quoted(text, delimiter, cut=len(sample) == _SAMPLE_BYTES)
    return Form("csv", encoding, delimiter, quoted, line_ends=_line_ends(whole, quoted=quoted))


def _line_ends(text: str, *, quoted: bool) -> str:
    """How the rows of a sample end; "" where it has but one line. Line ends inside quotes are no ends of rows."""
    if quoted:
        text = _QUOTED.sub("", text)
    ends = {*_LINE_ENDS.findall(text.removesuffix("\r"))}  # a sample may be cut in the middle of CRLF
    if not ends:
        return "cr" if text.endswith("\r") else ""
    return "mixed" if len(ends) > 1 else _NAMES_OF_ENDS[ends.pop()]


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
    mac = 0
    block = sample
    while block:
        if len(block.translate(None, _NOT_IN_CP1252)) != len(block):
            fallback = "latin-1"
        utf8 = utf8 and _decodes(decoder, block)
        mac += len(_MAC_LETTER.findall(block)) - len(_LATIN_LETTER.findall(block))
        block = stream.read(_SAMPLE_BYTES)
    if utf8 and _decodes(decoder, b"", final=True):
        return "utf-8"
    return "mac-roman" if mac > 0 else fallback


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _sniff_delimiter(text: str) -> str:
    # Where a letterhead or a comment that holds no delimiter comes first, what stands below it decides.
    for part in (text, _below_letterhead(text)):
        scores = {delimiter: _score(part, delimiter) for delimiter in DELIMITERS}
        best = max(DELIMITERS, key=lambda delimiter: scores[delimiter])
        if scores[best] > 0:
            return _below_title(part, best)
    for delimiter in RARE_DELIMITERS:
        if _cuts_evenly(text, delimiter):
            return delimiter
    # One column: take a delimiter that does not occur, so that "Soup, hot" stays one cell.
    return next((delimiter for delimiter in ",;|\t" if delimiter not in text), ",")


def _below_letterhead(text: str) -> str:
    """A header of cells and the rows below it, from the first line with a delimiter on; "" where that is a sentence."""
    lines = _LINE_ENDS.split(text, _LETTERHEAD_LINES)
    for place, line in enumerate(lines[:_LETTERHEAD_LINES]):
        if any(delimiter in line for delimiter in DELIMITERS):
            spoken = any(f"{delimiter} " in line for delimiter in DELIMITERS)
            return "" if spoken or not any(lines[place + 1 :]) else "\n".join(lines[place:])
    return ""


def _score(text: str, delimiter: str) -> float:
    """How well a delimiter fits: the share of rows as wide as the header, times the cuts in the header."""
    widths = _widths(text, delimiter)
    return (widths[0] - 1) * widths.count(widths[0]) / len(widths) if widths else 0


def _below_title(text: str, best: str) -> str:
    """`best`, unless what it cuts is a title such as "Inventory, May 2027": another delimiter that is not in the first
    row cuts more of the rows alike then, and into as many cells at least."""
    widths = _widths(text, best)
    wanted, most, found = widths[0], widths.count(widths[0]), best
    for delimiter in DELIMITERS:
        others = _widths(text, delimiter)
        if others[0] == 1:
            alike = max((others.count(width) for width in {*others} if width >= wanted), default=0)
            if alike * len(widths) > most * len(others):
                widths, most, found = others, alike, delimiter
    return found


def _cuts_evenly(text: str, delimiter: str) -> bool:
    widths = {*_widths(text, delimiter)}
    return len(widths) == 1 and max(widths) > 1


def _widths(text: str, delimiter: str) -> list[int]:
    """How many cells the first rows have."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return [len(cells) for cells in islice(reader, _SNIFFED_ROWS) if any(cells)]


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
