"""Rows of a file → products of the catalogue; the columns are those of Open Food Facts and its relatives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from inventory.formats.gtin import normalise_gtin
from inventory.formats.tables import Row, Table
from inventory.services.imports.columns import Known, find_columns, plain, refuse_missing

COLUMNS: Known = {
    "gtin": ("code", "gtin", "gtin14", "barcode", "barcodeid", "ean", "ean13", "upc"),
    "name": ("productname", "name", "title", "genericname"),
    "brand": ("brands", "brand", "brandowner"),
    "quantity": ("quantity", "packsize", "netcontent"),
    "category": ("maincategoryfr", "maincategoryen", "categories", "category", "maincategory"),
}
LENGTHS = {"name": 200, "brand": 200, "quantity": 100, "category": 200}
# What else is kept where a file has it: header as plain() writes it → name on the wire.
ATTRIBUTES = {
    "genericname": "generic_name",
    "packaging": "packaging",
    "labels": "labels",
    "countries": "countries",
    "countriesfr": "countries",
    "ingredientstext": "ingredients",
    "ingredients": "ingredients",
    "allergens": "allergens",
    "servingsize": "serving_size",
    "url": "url",
    "imageurl": "image_url",
    "productimage": "image_url",
}
LONGEST_ATTRIBUTE = 500
NO_CODE, NO_NAME = "no_code", "no_name"


@dataclass(frozen=True, slots=True)
class Entry:
    """One product of a file."""

    gtin: str
    name: str
    brand: str
    quantity: str
    category: str
    attributes: dict[str, str]


def read_entries(table: Table) -> Iterator[Entry | str]:
    """Each row as an Entry, or why it is none: `no_code` (nothing, or no GTIN), `no_name`.

    Raises FormatError where no column holds a code or a name, or where a row cannot be read.
    """
    header = table.names
    found = find_columns(header, COLUMNS)
    refuse_missing(header, found, COLUMNS, "gtin")
    refuse_missing(header, found, COLUMNS, "name")
    more = {cell: ATTRIBUTES[plain(cell)] for cell in reversed(header) if plain(cell) in ATTRIBUTES}
    for row in table.rows():
        gtin = normalise_gtin(row.get(found["gtin"]) or "")
        if gtin is None:
            yield NO_CODE
            continue
        texts = {field: _cell(row, found.get(field), length) for field, length in LENGTHS.items()}
        if not texts["name"]:
            yield NO_NAME
            continue
        kept = {name: text for cell, name in more.items() if (text := _cell(row, cell, LONGEST_ATTRIBUTE))}
        yield Entry(gtin=gtin, attributes=kept, **texts)


def _cell(row: Row, name: str | None, length: int) -> str:
    """A cell on one line, without outer space, cut at a length."""
    return "" if name is None else " ".join((row.get(name) or "").split())[:length].rstrip()
