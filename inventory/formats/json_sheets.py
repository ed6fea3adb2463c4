"""Sheets as JSON, written as a stream: facts, columns, rows as objects, totals."""

from __future__ import annotations

import json
from typing import IO, Any

from inventory.formats.sheets import Cell, Sheet, for_programs


def write_json(sheet: Sheet, file: IO[bytes]) -> None:
    """One document; decimals are strings as on the wire, times UTC. Totals come last, when all rows are known."""
    names = [column.name for column in sheet.columns]
    head = {
        "title": sheet.title,
        "subtitle": sheet.subtitle,
        "made_at": for_programs(sheet.made_at),
        "facts": dict(sheet.facts),
        "columns": [
            {"name": column.name, "title": column.title, "kind": column.kind.value} for column in sheet.columns
        ],
    }
    file.write(_text(head)[:-1] + b',"rows":[')
    for number, cells in enumerate(sheet):
        row = {name: _value(cell) for name, cell in zip(names, cells, strict=True)}
        file.write((b"," if number else b"") + b"\n" + _text(row))
    totals = {name: for_programs(total) for name, total in sheet.totals.items()}
    figures = dict(sheet.summarise().figures)
    file.write(b"\n]," + _text({"count": sheet.count, "totals": totals, "figures": figures})[1:] + b"\n")


def _value(cell: Cell) -> Any:
    return cell if cell is None or isinstance(cell, bool | int | str) else for_programs(cell)


def _text(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
