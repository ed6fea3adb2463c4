"""Barcodes and lots of a file: each belongs to a product that is there already."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from inventory.models import Barcode, Lot
from inventory.services.barcodes import gtin_fields
from inventory.services.imports import fields
from inventory.services.imports.chunks import Chunk
from inventory.services.imports.fields import CellProblem, Field
from inventory.services.imports.kinds import ImportKind
from inventory.services.imports.lines import Line
from inventory.services.imports.references import Products, find_lots

PRODUCT_FIELDS = (
    Field(
        "product",
        "Product (SKU or barcode)",
        fields.code(200),
        ("product", "sku", "productcode", "stockcode", "itemcode", "partnumber", "productsku"),
    ),
    Field("product_id", "Product (id)", fields.wire_id, ("productid",)),
    Field("product_name", "Product (name)", fields.text(300), ("productname", "partname", "itemname", "name")),
)


def products_of(chunk: Chunk, lines: Sequence[Line]) -> Products:
    """The products that the lines name."""
    by_name = chunk.options.match == "name"
    return Products(
        chunk.device,
        ids={line.get("product_id") for line in lines if line.get("product_id")},
        codes={line.get("product") for line in lines if line.get("product")},
        names={line.get("product_name") for line in lines if by_name and line.get("product_name")},
    )


def product_of(products: Products, line: Line) -> Any:
    """The product of a line. Raises CellProblem."""
    found = products.find(id=line.get("product_id") or None, code=line.get("product"), name=line.get("product_name"))
    if found is None:
        typed = line.get("product_id") or line.get("product") or line.get("product_name")
        raise CellProblem(
            "import_unknown_product",
            f"There is no product {str(typed)[:80]}." if typed else "There is no product's code.",
            hint="Import the products first.",
            field="product_id" if line.get("product_id") else "product",
        )
    return found


def work_barcodes(chunk: Chunk, lines: Sequence[Line]) -> None:
    """A barcode is known by its id, else by its value."""
    products = products_of(chunk, lines)
    stored = Barcode.objects.for_device(chunk.device).select_related("product").order_by("-is_duplicate", "-id")
    by_value = {row.value: row for row in stored.filter(value__in={line.get("value") for line in lines})}
    by_id = {row.uuid: row for row in stored.filter(uuid__in={line.get("id") for line in lines if line.get("id")})}
    for line in lines:
        if not line.get("value"):
            chunk.skip(line, "import_no_code", "There is no barcode.")
            continue
        try:
            product = product_of(products, line)
        except CellProblem as problem:
            chunk.refuse_for(line, problem)
            continue
        value, twin = line.get("value"), line.get("is_duplicate", default=False)
        row = by_id.get(line.get("id")) or (None if twin else by_value.get(value))
        says = {name: line.values[name] for name in ("symbology", "quantity") if name in line.values}
        if row is None:
            row = Barcode(device=chunk.device, product=product, value=value, is_duplicate=twin, **says)
            _give(row, **gtin_fields(value), **_id(line))
            by_value.setdefault(value, row)
            chunk.create(line, row)
        elif row.product.pk != product.pk:
            detail = f"The barcode {value} is {row.product}'s."
            chunk.refuse(line, "import_two_products", detail, "Delete it there first.", field="value")
        else:
            chunk.change(line, row, chunk.wanted(row, says))


def work_lots(chunk: Chunk, lines: Sequence[Line]) -> None:
    """A lot is known by its id, else by its product and code."""
    products = products_of(chunk, lines)
    named: list[tuple[Line, Any]] = []
    for line in lines:
        if not line.get("code"):
            chunk.skip(line, "import_no_code", "There is no lot.")
            continue
        try:
            named.append((line, product_of(products, line)))
        except CellProblem as problem:
            chunk.refuse_for(line, problem)
    lots = find_lots(chunk.device, [(product, line.get("code")) for line, product in named])
    ids = {line.get("id") for line, _ in named if line.get("id")}
    by_id = {
        lot.uuid: lot for lot in Lot.objects.for_device(chunk.device).select_related("product").filter(uuid__in=ids)
    }
    for line, product in named:
        twin = line.get("is_duplicate", default=False)
        row = by_id.get(line.get("id")) or (None if twin else lots.get((product.pk, line.get("code"))))
        says = {name: line.values[name] for name in ("kind", "expires_on") if name in line.values}
        if row is None:
            row = Lot(device=chunk.device, product=product, code=line.get("code"), is_duplicate=twin, **says)
            _give(row, **_id(line))
            lots.setdefault((product.pk, row.code), row)
            chunk.create(line, row)
        else:
            chunk.change(line, row, chunk.wanted(row, says))


def _id(line: Line) -> dict[str, Any]:
    return {"uuid": line.get("id")} if line.get("id") else {}


def _give(row: Any, **values: Any) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def _barcode_key(line: Line) -> str:
    return str(line.get("id") or line.get("value"))


def _lot_key(line: Line) -> str:
    product = line.get("product_id") or line.get("product") or line.get("product_name")
    return str(line.get("id") or (f"{product}\n{line.get('code')}" if line.get("code") else ""))


def _positive(typed: str, how: fields.How) -> Decimal:
    found: Decimal = fields.amount(typed, how)
    if not found:
        raise CellProblem("import_below_zero", "It must be more than zero.")
    return found


BARCODES = ImportKind(
    name="barcodes",
    title="Barcodes",
    fields=(
        Field("id", "Id", fields.wire_id, ("id",)),
        Field("value", "Barcode", fields.code(200), ("value", "barcode", "code", "gtin", "ean", "upc")),
        *PRODUCT_FIELDS,
        Field("symbology", "Symbology", fields.text(30), ("symbology",)),
        Field("quantity", "Units a scan", _positive, ("quantity", "packquantitynative", "packquantity")),
        Field("is_duplicate", "Is an offline twin", fields.flag, ("isduplicate",)),
    ),
    needs=(("value",), ("product", "product_id")),
    needs_by_name=(("value",), ("product", "product_id", "product_name")),
    work=work_barcodes,
    key=_barcode_key,
)
LOTS = ImportKind(
    name="lots",
    title="Lots",
    fields=(
        Field("id", "Id", fields.wire_id, ("id",)),
        Field("code", "Lot", fields.code(100), ("code", "lot", "lotnumber", "batch", "serial")),
        *PRODUCT_FIELDS,
        Field("kind", "Kind", fields.one_of(tuple(Lot.Kind.values)), ("kind",)),
        Field(
            "expires_on", "Expires on", fields.day, ("expireson", "expirationdate", "expirydate", "expiry"), blank=None
        ),
        Field("is_duplicate", "Is an offline twin", fields.flag, ("isduplicate",)),
    ),
    needs=(("code",), ("product", "product_id")),
    needs_by_name=(("code",), ("product", "product_id", "product_name")),
    work=work_lots,
    key=_lot_key,
)
