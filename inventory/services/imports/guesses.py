"""Guesses: which column is which field, and how numbers and dates are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inventory.services.imports import fields
from inventory.services.imports.columns import find_columns, plain
from inventory.services.imports.fields import Field
from inventory.services.imports.kinds import ImportKind

_COMMA = re.compile(r"[+-]?\d+,\d+")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+")
_POINT = re.compile(r"[+-]?\d+\.\d+")
_DAY = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](?:\d{4}|\d{2})(?:[ T].*)?")
CODE = re.compile(r"[0-9]{8}|[0-9]{12,14}")
_MONTHS = 12
SHAPES = {"import_not_an_id", "import_not_a_flag", "import_unknown_choice", "import_bad_attributes"}


def guess_mapping(kind: ImportKind, names: Sequence[str], samples: Sequence[Sequence[str]]) -> dict[str, str]:
    """Field → column: by the header's words, and a code column by what stands in it where no header says so."""
    known = {field.name: field.names for field in kind.fields}
    found = {
        name: column
        for name, column in find_columns(names, known).items()
        if _fits(kind.by_name[name], [row[place] for row in samples if (place := names.index(column)) < len(row)])
    }
    extras = find_columns(names, {f"attributes.{field.name}": field.names for field in kind.extras})
    taken = set(found.values())
    mapping = {**found, **{name: column for name, column in extras.items() if column not in taken}}
    if "barcode" in known and "barcode" not in mapping and "sku" not in mapping:
        column = _column_of_codes(names, samples)
        if column:
            mapping["barcode"] = column
    return mapping


def _fits(field: Field, cells: Sequence[str]) -> bool:
    """Whether any of the cells can be read as an id, a flag or a choice, where the field wants one."""
    typed = [cell for cell in cells if cell.strip()]
    return not typed or any(_problem(field, cell) not in SHAPES for cell in typed)


def _problem(field: Field, cell: str) -> str:
    try:
        field.read(cell, fields.How())
    except fields.CellProblem as problem:
        return problem.internal_code
    return ""


def _column_of_codes(names: Sequence[str], samples: Sequence[Sequence[str]]) -> str | None:
    for place, name in enumerate(names):
        cells = [row[place].strip() for row in samples if place < len(row) and row[place].strip()]
        if cells and all(CODE.fullmatch(cell) for cell in cells) and len(set(cells)) == len(cells):
            return name
    return None


def guess_options(kind: ImportKind, mapping: Mapping[str, Any], cells: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """How numbers and dates are written, from the cells of the mapped columns; nothing where they do not say."""
    found: dict[str, Any] = {}
    numbers = list(_of(kind, mapping, cells, (fields.quantity, fields.amount)))
    if any(_COMMA.fullmatch(cell) and not _THOUSANDS.fullmatch(cell) for cell in numbers) and not any(
        _POINT.fullmatch(cell) for cell in numbers
    ):
        found["decimal_comma"] = True
    format_ = guess_date_format(_of(kind, mapping, cells, (fields.day, fields.expiry, fields.moment)))
    if format_:
        found["date_format"] = format_
    return found


def guess_date_format(cells: Iterable[str]) -> str:
    """dmy or mdy where a day above 12 gives it away; "" where none does, or both do."""
    days = [(int(found[1]), int(found[2])) for cell in cells if (found := _DAY.fullmatch(cell.strip()))]
    day_first = any(first > _MONTHS for first, _ in days)
    month_first = any(second > _MONTHS for _, second in days)
    if day_first == month_first:
        return ""
    return "dmy" if day_first else "mdy"


def _of(
    kind: ImportKind, mapping: Mapping[str, Any], cells: Mapping[str, Sequence[str]], readers: Sequence[Any]
) -> Iterable[str]:
    for name, columns in mapping.items():
        field: Field | None = kind.by_name.get(name)
        if field is not None and field.read in readers and isinstance(columns, str):
            yield from (cell.strip() for cell in cells.get(columns, ()))


def same_header(wanted: Iterable[str], names: Sequence[str]) -> bool:
    """Whether a file has all these columns."""
    return {plain(name) for name in wanted} <= {plain(name) for name in names}
