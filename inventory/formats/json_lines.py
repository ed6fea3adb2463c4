"""JSON Lines: one object a line, read as a table and written from rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import IO, Any, Self

from inventory.formats.tables import MAX_COLUMNS, MAX_ROW_CHARACTERS, Form, FormatError, Record, Table


def open_lines(stream: IO[bytes]) -> Table:
    """Open JSON Lines at the stream's start; the table closes it. The columns are all keys, in the order they come.

    Numbers are kept as written, true and false as words, null as an empty cell, lists and objects as JSON text.
    Raises FormatError with the line of what is no object.
    """
    start = stream.tell()
    columns: dict[str, None] = {}
    for _, values in _objects(stream):
        columns.update(dict.fromkeys(values))
        if len(columns) > MAX_COLUMNS:
            raise FormatError(f"The objects have more than {MAX_COLUMNS:,} keys.")
    if not columns:
        raise FormatError("The file is empty.")
    stream.seek(start)
    return Table(_records(stream, list(columns)), Form("jsonl", "utf-8"), close=stream.close)


def _records(stream: IO[bytes], columns: list[str]) -> Iterator[Record]:
    yield 0, columns
    for number, values in _objects(stream):
        yield number, [as_text(values.get(name)) for name in columns]


def _objects(stream: IO[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 0
    while line := stream.readline(MAX_ROW_CHARACTERS + 1):
        number += 1
        if len(line) > MAX_ROW_CHARACTERS:
            raise FormatError(f"A line is longer than {MAX_ROW_CHARACTERS:,} bytes.", line=number)
        if not line.strip():
            continue
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            values = json.loads(text, parse_float=_Written, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise FormatError("This line is not JSON in UTF-8.", line=number) from error
        if not isinstance(values, dict):
            raise FormatError('Each line is one object: {"sku": "A-1", "name": "Cup"}.', line=number)
        yield number, values


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
