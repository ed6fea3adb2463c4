"""Movement files: a line is known by its file and number, so that no line is lost, merged or counted twice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction

from devices.actors import Actor
from devices.models import Device
from devices.services.owned import insert_many_owned, lock_device
from inventory.formats.decimals import parse_quantity
from inventory.formats.tables import Row, Table
from inventory.models import Location, Product, StockMovement
from inventory.services.imports.columns import Known, find_columns, refuse_missing
from inventory.services.imports.matching import find_codes
from inventory.services.imports.runs import Advance, ImportReport, chunks
from inventory.services.locations import default_location
from inventory.services.movements import record_movements

Kind = StockMovement.Kind
LINES = UUID("0192f0c4-5d0e-7a51-8a3d-6f1f0c0de002")  # namespace of the ids of imported lines

COLUMNS: Known = {
    "code": ("stockcode", "sku", "barcode", "itemcode", "productcode", "code", "ean", "gtin"),
    "quantity": ("quantity", "qty"),
    "date": ("invoicedate", "occurredat", "date", "datetime", "time", "timestamp"),
    "reference": ("invoiceno", "invoice", "reference", "orderno", "document"),
    "description": ("description", "productname", "name"),
    "reason": ("reason",),
    "price": ("unitprice", "price"),
    "customer": ("customerid", "customer"),
}
MAX_CODE, MAX_NAME, MAX_REFERENCE, MAX_REASON, MAX_NOTE = 100, 300, 200, 100, 10_000
YEARS = range(1900, 9999)
ZERO = re.compile(r"-?0+(?:[.,]0*)?")


@dataclass(frozen=True, slots=True)
class MovementLine:
    """One line of a sales file. `quantity` > 0 left the shelf, < 0 came back to it."""

    number: int
    uuid: UUID
    code: str
    quantity: Decimal
    kind: str
    occurred_at: datetime
    reference: str
    reason: str
    note: str


def import_movements(
    *,
    device: Device,
    actor: Actor,
    table: Table,
    file: str,
    time_zone: tzinfo = UTC,
    dry_run: bool = False,
    advance: Advance = lambda count: None,
) -> ImportReport:
    """Import one file of signed quantities into a device's default location, ≤ 500 lines a transaction.

    Positive quantities are issues, negative ones receipts; a line at price 0 without a customer is an adjustment
    with the same sign. Unknown codes become products. Importing the file again changes nothing.
    Times without a zone are in `time_zone`. Raises FormatError where code, quantity or date have no column.
    """
    report = ImportReport(file)
    columns = find_columns(table.header, COLUMNS)
    for name in ("code", "quantity", "date"):
        refuse_missing(table.header, columns, COLUMNS, name)
    made: set[str] = set()
    for rows in chunks(table, report):
        lines = list(_readable(rows, columns, file, time_zone, report))
        made |= _import_lines(device, actor, lines, report, dry_run=dry_run)
        report.products = len(made)
        advance(len(rows))
    return report


def _readable(
    rows: Sequence[Row], columns: Mapping[str, str], file: str, time_zone: tzinfo, report: ImportReport
) -> Iterator[MovementLine]:
    for row in rows:
        try:
            line = read_line(row, columns, file=file, time_zone=time_zone)
        except ValueError as error:
            report.refuse(row.number, str(error))
            continue
        if line.quantity:
            yield line
        else:
            report.skip(row.number, "The quantity is 0: nothing moved.")


def read_line(row: Row, columns: Mapping[str, str], *, file: str, time_zone: tzinfo) -> MovementLine:
    """One row as typed → what it says. Raises ValueError with a sentence for people."""
    cells = {name: row.get(column) or "" for name, column in columns.items()}
    code, note = cells["code"].strip(), cells.get("description", "")
    reference, reason = cells.get("reference", "").strip(), cells.get("reason", "").strip()
    if not code:
        raise ValueError("There is no code.")
    for what, text, limit in (
        ("code", code, MAX_CODE),
        ("reference", reference, MAX_REFERENCE),
        ("reason", reason, MAX_REASON),
        ("description", note, MAX_NOTE),
    ):
        if len(text) > limit:
            raise ValueError(f"The {what} has {len(text)} characters; {limit} is the most.")
    quantity = parse_quantity(cells["quantity"])
    return MovementLine(
        number=row.number,
        uuid=uuid5(LINES, f"{file}\n{row.number}"),
        code=code,
        quantity=quantity,
        kind=_kind(quantity, cells),
        occurred_at=read_time(cells["date"], time_zone),
        reference=reference,
        reason=reason,
        note=note,
    )


def _kind(quantity: Decimal, cells: Mapping[str, str]) -> str:
    free = ZERO.fullmatch(cells.get("price", "").strip()) is not None
    if free and not cells.get("customer", "customer").strip():
        return Kind.ADJUSTMENT
    return Kind.ISSUE if quantity > 0 else Kind.RECEIPT


def read_time(text: str, time_zone: tzinfo) -> datetime:
    """An ISO 8601 time or date; without a zone of its own it is in `time_zone`. Raises ValueError."""
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text.strip()[:40]!r} is not a time: write it as 2010-12-01 08:26:00.") from None
    if time.year not in YEARS:
        raise ValueError(f"The year {time.year} is out of range.")
    return time if time.tzinfo else time.replace(tzinfo=time_zone)


@transaction.atomic
def _import_lines(
    device: Device, actor: Actor, lines: Sequence[MovementLine], report: ImportReport, *, dry_run: bool
) -> set[str]:
    """Write the lines that are new. Returns the codes that became products."""
    lock_device(device)
    products = _find_products(device, {line.code for line in lines})
    stored = _stored(device, lines)
    fresh = []
    for line in lines:
        if line.uuid not in stored:
            fresh.append(line)
        elif stored[line.uuid] == _content(line, stored[line.uuid][0], products.get(line.code)):
            report.unchanged += 1
        else:
            report.refuse(line.number, "This line was imported before with other content; the movement stays as it is.")
    made = _create_products(device, actor, [line for line in fresh if line.code not in products])
    products |= made
    place = default_location(device)
    movements = [_movement(device, line, products[line.code], place) for line in fresh]
    record_movements(device=device, actor=actor, movements=movements)
    report.created += len(fresh)
    if dry_run:
        transaction.set_rollback(True)
    return set(made)


def _find_products(device: Device, codes: set[str]) -> dict[str, Product]:
    """Code → product: by SKU, else by barcode."""
    found = dict(find_codes(device, skus=codes).skus)
    rest = codes - set(found)
    known = find_codes(device, barcodes=rest)
    return found | {code: product for code in rest if (product := known.by_barcode(code))}


def _stored(device: Device, lines: Sequence[MovementLine]) -> dict[UUID, tuple[Any, ...]]:
    rows = StockMovement.all_objects.for_device(device).filter(uuid__in=[line.uuid for line in lines])
    columns = ("product_id", "kind", "quantity", "from_location_id", "occurred_at", "reference", "reason", "note")
    found = {}
    for uuid, product, kind, quantity, source, *rest in rows.values_list("uuid", *columns):
        found[uuid] = (product, kind, quantity if source else -quantity, *rest)
    return found


def _content(line: MovementLine, stored_product: int, product: Product | None) -> tuple[Any, ...]:
    """A line as _stored() has it. A code that no product has any more (renamed, deleted) says nothing new."""
    pk = product.pk if product else stored_product
    return (pk, line.kind, line.quantity, line.occurred_at, line.reference, line.reason, line.note)


def _create_products(device: Device, actor: Actor, lines: Sequence[MovementLine]) -> dict[str, Product]:
    """A product for each unknown code. Its name: the description of a sale if there is one, else the code.

    The words on an adjustment are the clerk's ("damages", "check"), so they name a product only at need.
    """
    names: dict[str, str] = {}
    for line in sorted(lines, key=lambda line: line.kind == Kind.ADJUSTMENT):
        names[line.code] = names.get(line.code) or line.note.strip()[:MAX_NAME]
    ordered = dict.fromkeys(line.code for line in lines)
    made = {code: Product(device=device, sku=code, name=names[code] or code) for code in ordered}
    insert_many_owned(list(made.values()), device=device, actor=actor)
    return made


def _movement(device: Device, line: MovementLine, product: Product, place: Location) -> StockMovement:
    leaves = line.quantity > 0
    return StockMovement(
        uuid=line.uuid,
        device=device,
        product=product,
        kind=line.kind,
        quantity=abs(line.quantity),
        from_location=place if leaves else None,
        to_location=None if leaves else place,
        occurred_at=line.occurred_at,
        reference=line.reference,
        reason=line.reason,
        note=line.note,
    )
