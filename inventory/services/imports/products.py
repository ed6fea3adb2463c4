"""Product files: a line is known by its code, gaps are filled, and nothing that is stored is overwritten."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from devices.actors import Actor
from devices.models import Device
from devices.services.feed import next_revision
from devices.services.owned import change_owned, insert_many_owned, lock_device
from inventory.formats.tables import Row, Table
from inventory.models import Barcode, Product
from inventory.services.barcodes import gtin_fields
from inventory.services.imports.columns import Known, find_columns, refuse_missing
from inventory.services.imports.matching import Codes, find_codes
from inventory.services.imports.runs import Advance, ImportReport, chunks

COLUMNS: Known = {
    "barcode": ("barcode", "barcodeid", "code", "gtin", "ean", "ean13", "eancode", "upc"),
    "sku": ("sku", "stockcode", "itemcode", "productcode", "articlenumber", "partnumber"),
    "name": ("productname", "name", "title", "description"),
}
# What else is worth keeping, by the name of the attribute.
ATTRIBUTES: Known = {
    "generic_name": ("genericname",),
    "brands": ("brands", "brand", "manufacturer"),
    "quantity": ("quantity", "netcontent", "size"),
    "categories": ("categories", "category", "maincategory", "maincategoryfr"),
    "packaging": ("packaging",),
    "labels": ("labels",),
    "origins": ("origins", "origin"),
    "allergens": ("allergens",),
    "stores": ("stores",),
    "countries": ("countries", "countriesfr"),
    "url": ("url",),
    "image_url": ("imageurl", "productimage"),
}
MAX_NAME, MAX_SKU, MAX_BARCODE, MAX_ATTRIBUTE = 300, 100, 200, 500
DAMAGED = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+[0-9]{2,3}")  # what a spreadsheet makes of 8410000123457


@dataclass(frozen=True, slots=True)
class ProductLine:
    """One line of a product file: `sku` falls back to the barcode; `name` to the brand, then to the code."""

    number: int
    barcode: str
    sku: str
    name: str
    attributes: dict[str, str]

    @property
    def code(self) -> str:
        """What the line is known by."""
        return self.barcode or self.sku


@dataclass(slots=True)
class _Chunk:
    """What the lines of one transaction add."""

    codes: Codes
    products: list[Product] = field(default_factory=list)
    barcodes: list[tuple[Product, str]] = field(default_factory=list)


def import_products(
    *,
    device: Device,
    actor: Actor,
    table: Table,
    file: str,
    dry_run: bool = False,
    advance: Advance = lambda count: None,
) -> ImportReport:
    """Import one product file into a device, ≤ 500 lines a transaction. Importing it again changes nothing.

    Raises FormatError where no column holds a code.
    """
    report = ImportReport(file)
    columns = find_columns(table.header, COLUMNS)
    refuse_missing(table.header, columns, COLUMNS, "barcode", "sku")
    extras = find_columns(table.header, ATTRIBUTES)
    seen: dict[str, int] = {}
    for rows in chunks(table, report):
        lines = list(_readable(rows, columns, extras, seen, report))
        _import_lines(device, actor, lines, report, dry_run=dry_run)
        advance(len(rows))
    return report


def _readable(
    rows: Sequence[Row],
    columns: Mapping[str, str],
    extras: Mapping[str, str],
    seen: dict[str, int],
    report: ImportReport,
) -> Iterator[ProductLine]:
    for row in rows:
        try:
            line = read_line(row, columns, extras)
        except ValueError as error:
            report.refuse(row.number, str(error))
            continue
        if seen.setdefault(line.code, row.number) != row.number:
            report.skip(row.number, f"The code {line.code} is on line {seen[line.code]} already.")
            continue
        yield line


def read_line(row: Row, columns: Mapping[str, str], extras: Mapping[str, str]) -> ProductLine:
    """One row as typed → what is stored. Raises ValueError with a sentence for people."""
    cells = {name: (row.get(column) or "").strip() for name, column in columns.items()}
    barcode, sku = cells.get("barcode", ""), cells.get("sku", "")
    for code in (barcode, sku):
        if DAMAGED.fullmatch(code):
            raise ValueError(f"{code} is a code that a spreadsheet has shortened: export the column as text.")
    if not barcode and not sku:
        raise ValueError("There is no code.")
    attributes = {
        name: text[:MAX_ATTRIBUTE] for name, column in extras.items() if (text := (row.get(column) or "").strip())
    }
    line = ProductLine(
        number=row.number,
        barcode=barcode,
        sku=sku or barcode,
        name=cells.get("name") or attributes.get("brands") or barcode or sku,
        attributes=attributes,
    )
    for what, text, limit in (
        ("barcode", barcode, MAX_BARCODE),
        ("SKU", line.sku, MAX_SKU),
        ("name", line.name, MAX_NAME),
    ):
        if len(text) > limit:
            raise ValueError(f"The {what} has {len(text)} characters; {limit} is the most.")
    return line


@transaction.atomic
def _import_lines(
    device: Device, actor: Actor, lines: Sequence[ProductLine], report: ImportReport, *, dry_run: bool
) -> None:
    lock_device(device)
    barcodes = {line.barcode for line in lines if line.barcode}
    chunk = _Chunk(find_codes(device, barcodes=barcodes, skus={line.sku for line in lines}))
    for line in lines:
        _sort_out(device, actor, chunk, line, report)
    insert_many_owned(chunk.products, device=device, actor=actor)
    rows = [
        Barcode(device=device, product=product, value=value, **gtin_fields(value)) for product, value in chunk.barcodes
    ]
    insert_many_owned(rows, device=device, actor=actor)
    if dry_run:
        transaction.set_rollback(True)


def _sort_out(device: Device, actor: Actor, chunk: _Chunk, line: ProductLine, report: ImportReport) -> None:
    """Decide what one line does: a new product, gaps of a known one filled, or nothing."""
    with_barcode, with_sku = chunk.codes.by_barcode(line.barcode), chunk.codes.by_sku(line.sku)
    if with_barcode and with_sku and with_barcode is not with_sku:
        report.refuse(line.number, f"Barcode {line.barcode} and SKU {line.sku} are two different products here.")
        return
    product = with_barcode or with_sku
    if product is None:
        product = Product(device=device, sku=line.sku, name=line.name, attributes=line.attributes)
        chunk.products.append(product)
        report.created += 1
    elif _fill(actor, product, line) or (line.barcode and not with_barcode):
        report.updated += 1
    else:
        report.unchanged += 1
    report.differing += _says_else(product, line)
    if line.barcode and not with_barcode:
        chunk.barcodes.append((product, line.barcode))
    chunk.codes.add(product, barcode=line.barcode, sku=line.sku)


def _fill(actor: Actor, product: Product, line: ProductLine) -> bool:
    """Fill what is empty: a name that is only the code, attributes that are not there."""
    changes: dict[str, Any] = {}
    if product.name == product.sku and line.name != line.code:
        changes["name"] = line.name
    if missing := {name: text for name, text in line.attributes.items() if name not in product.attributes}:
        changes["attributes"] = {**product.attributes, **missing}
    if product.pk is None:  # new on an earlier line of this chunk
        for name, value in changes.items():
            setattr(product, name, value)
    elif changes:
        change_owned(product, revision=next_revision(product.device), actor=actor, changes=changes)
    return bool(changes)


def _says_else(product: Product, line: ProductLine) -> bool:
    if line.name not in (product.name, line.code):
        return True
    return any(product.attributes.get(name) != text for name, text in line.attributes.items())
