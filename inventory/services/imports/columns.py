"""Columns: which header cell of a file is which field, guessed by its name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from inventory.formats.tables import FormatError

Known = Mapping[str, Sequence[str]]  # field → header names, the best first, as plain() writes them
SHOWN = 12


def plain(header: str) -> str:
    """A header cell without case, spaces and punctuation: `Invoice No` and `invoice_no` are `invoiceno`."""
    return "".join(letter for letter in header.casefold() if letter.isalnum())


def find_columns(header: Sequence[str], known: Known) -> dict[str, str]:
    """Field → its header cell; of several names that fit the one listed first, of equal cells the first."""
    cells = {plain(cell): cell for cell in reversed(header)}
    found = {field: next((name for name in names if name in cells), None) for field, names in known.items()}
    return {field: cells[name] for field, name in found.items() if name is not None}


def refuse_missing(header: Sequence[str], found: Collection[str], known: Known, *fields: str) -> None:
    """Raise FormatError, naming what would have fitted, unless one of `fields` has a column."""
    if any(field in found for field in fields):
        return
    wanted = ", ".join(name for field in fields for name in known[field])
    seen = ", ".join(repr(cell[:40]) for cell in header[:SHOWN])
    raise FormatError(f"No column for the {' or the '.join(fields)} (known names: {wanted}); the header is {seen}.")
