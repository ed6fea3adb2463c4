"""A sheet to write in every format: hostile texts, exact numbers, times."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any

from inventory.formats.sheets import Bar, Chart, Column, Kind, Sheet, Summary

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
COLUMNS = (
    Column("product", "Product", width=30),
    Column("quantity", "Quantity", Kind.QUANTITY, total=True),
    Column("value", "Value", Kind.MONEY, total=True),
    Column("pieces", "Pieces", Kind.NUMBER),
    Column("active", "Active", Kind.FLAG),
    Column("expires_on", "Expires", Kind.DATE),
    Column("occurred_at", "Occurred", Kind.TIME),
)
ROWS: list[tuple[Any, ...]] = [
    ("=HYPERLINK('x')", Decimal("0.1"), Decimal("1.005"), 3, True, date(2026, 12, 31), NOON),
    ("#panic() $x$ ]", Decimal("0.2"), Decimal("-2.5"), None, False, date(1899, 12, 31), None),
    ("Grün 日本 שלום 😀\x0b", Decimal("-12345678901234.567891"), None, 0, None, None, NOON),
]


def summary() -> Summary:
    bars = [Bar("Tea", Decimal(3), "three"), Bar("Broken", Decimal(-1))]
    return Summary([("Lines", "3")], [Chart("By kind", bars), Chart("A day", bars, columns=True), Chart("None", [])])


def make_sheet(rows: Any = None, *, zone: tzinfo = UTC, **values: Any) -> Sheet:
    values.setdefault("summarise", summary)
    return Sheet(
        "Stock: [now]", COLUMNS, ROWS if rows is None else rows, [("Device", "Main store")], "Main store", zone,
        NOON, **values,
    )  # fmt: skip
