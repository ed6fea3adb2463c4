"""JSON Lines: one object a line, read as a table and written from rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import IO, Any, Self

from inventory.formats.tables import MAX_COLUMNS, MAX_ROW_CHARACTERS, Form, FormatError, Row, Table


def open_lines(stream: IO[bytes]) -> Table:
    """Open JSON Lines at the stream's start; the table closes it. The columns are all keys, in the order they come.

    Numbers are kept as written, true and false as words, null as an empty cell, lists and objects as JSON text. A line
    that is no object becomes a row with a problem. Raises FormatError where the first line is none: it is another file.
    """
    start = stream.tell()
    columns: dict[str, None] = {}
    is_first = True
    for number, found in _objects(stream):
        if not isinstance(found, str):
            columns.update(dict.fromkeys(found))
        elif is_first:
            raise FormatError(found, line=number)
        if len(columns) > MAX_COLUMNS:
            raise FormatError(f"The objects have more than {MAX_COLUMNS:,} keys.")
        is_first = False
    if not columns:
        raise FormatError("The file is empty.")
    stream.seek(start)
    return _Lines(stream, list(columns))


class _Lines(Table):
    """Rows of objects; the keys are the header."""

    def __init__(self, stream: IO[bytes], columns: list[str]) -> None:
        super().__init__(iter([(0, columns)]), Form("jsonl", "utf-8"), close=stream.close)
        self._stream = stream

    def rows(self) -> Iterator[Row]:
        columns, width = self._columns, self._width
        for number, found in _objects(self._stream):
            if isinstance(found, str):
                yield Row(number, [], columns, width, problem=found)
            else:
                yield Row(number, [as_text(found.get(name)) for name in self.header], columns, width)
        self.close()


def _objects(stream: IO[bytes]) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Each line that is not blank with its number: its object, or why it is none."""
    number = 0
    while line := stream.readline(MAX_ROW_CHARACTERS + 1):
        number += 1
        if len(line) > MAX_ROW_CHARACTERS:
            while line and not line.endswith(b"\n"):
                line = stream.readline(MAX_ROW_CHARACTERS)
            yield number, f"This line is longer than {MAX_ROW_CHARACTERS:,} bytes."
        elif line.strip():
            yield number, _object(line, "utf-8-sig" if number == 1 else "utf-8")


def _object(line: bytes, encoding: str) -> dict[str, Any] | str:
    try:
        values = json.loads(line.decode(encoding), parse_float=_Written, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return "This line is not JSON in UTF-8."
    return values if isinstance(values, dict) else 'Each line is one object: {"sku": "A-1", "name": "Cup"}.'


class _Written(float):
    """A number that remembers how it was written."""

    def __new__(cls, text: str) -> Self:
        written = super().__new__(cls, text)
        written.text = text
        return written

    text: str


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def as_text(value: Any) -> str:
    """A value as a cell of a table holds it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, _Written):
        return value.text
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def line_of(values: Mapping[str, Any]) -> bytes:
    """One object as its line."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
