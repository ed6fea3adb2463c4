"""What the lines of movement and stock files may say."""

from __future__ import annotations

from inventory.models import StockMovement
from inventory.services.imports import fields
from inventory.services.imports.codes import PRODUCT_FIELDS
from inventory.services.imports.fields import Field
from inventory.services.imports.kinds import ImportKind
from inventory.services.imports.movements import work

SHARED = (
    *PRODUCT_FIELDS,
    Field("location", "Location (code, path or name)", fields.text(1000),
          ("location", "binlocation", "bin", "storagelocation", "hblocation")),
    Field("location_id", "Location (id)", fields.wire_id, ("locationid",)),
    Field("lot", "Lot", fields.code(100), ("lot", "lotnumber", "batch")),
    Field("serial", "Serial number", fields.code(100), ("serial", "serialnumber")),
    Field("expires_on", "Expires on", fields.day, ("expireson", "expirationdate", "expirydate", "expiry")),
    Field("reference", "Reference", fields.text(200), ("reference", "invoiceno", "invoice", "orderno", "document")),
    Field("reason", "Reason", fields.text(100), ("reason",)),
)  # fmt: skip
MOVEMENTS = ImportKind(
        name="movements",
        title="Movements",
        fields=(
            Field("id", "Id", fields.wire_id, ("id",)),
            Field("quantity", "Quantity", fields.quantity, ("quantity", "qty")),
            Field("kind", "Kind", fields.one_of(tuple(StockMovement.Kind.values)), ("kind",)),
            Field("occurred_at", "Date and time", fields.moment,
                  ("occurredat", "invoicedate", "date", "datetime", "time", "timestamp")),
            *SHARED,
            Field("from_location", "From (code, path or name)", fields.text(1000), ("fromlocation", "from")),
            Field("from_location_id", "From (id)", fields.wire_id, ("fromlocationid",)),
            Field("to_location", "To (code, path or name)", fields.text(1000), ("tolocation", "to")),
            Field("to_location_id", "To (id)", fields.wire_id, ("tolocationid",)),
            Field("lot_id", "Lot (id)", fields.wire_id, ("lotid",)),
            Field("note", "Note", fields.text(10_000), ("note", "description", "productname", "name"), verbatim=True),
            Field("price", "Price", fields.text(40), ("unitprice", "price")),
            Field("customer", "Customer", fields.text(200), ("customerid", "customer")),
            Field("reverses_id", "Reverses (id)", fields.wire_id, ("reversesid",)),
        ),
        needs=(("product", "product_id"), ("quantity",), ("occurred_at",)),
        needs_by_name=(("product", "product_id", "product_name"), ("quantity",), ("occurred_at",)),
        work=work,
)  # fmt: skip
STOCK = ImportKind(
        name="stock",
        title="Opening stock",
        fields=(
            Field("quantity", "Quantity", fields.quantity,
                  ("quantity", "qty", "onhand", "currentquantity", "physicalqoh", "hbquantity")),
            *SHARED,
            Field("note", "Note", fields.text(10_000), ("note", "comment"), verbatim=True),
        ),
        needs=(("product", "product_id"), ("quantity",)),
        needs_by_name=(("product", "product_id", "product_name"), ("quantity",)),
        work=work,
)  # fmt: skip
