"""Ledger proof: every level is the sum of its movements; where one is not, it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from django.db import connection

from config.core.quantities import from_micro
from devices.models import Device
from inventory.formats.sheets import Cells, Column, Kind, Sheet, Summary
from inventory.models import Location, Lot, Product, StockLevel, StockMovement
from inventory.reports.kinds import Asked, ReportKind
from inventory.reports.scope import Scope
from inventory.reports.trees import Tree

COLUMNS = (
    Column("sku", "SKU", width=12),
    Column("product", "Product", width=34),
    Column("location", "Location", width=24),
    Column("lot", "Lot", width=12),
    Column("level", "Level", Kind.QUANTITY),
    Column("ledger", "Ledger", Kind.QUANTITY),
    Column("difference", "Difference", Kind.QUANTITY),
    Column("unit", "Unit", width=6),
)
CHUNK = 500
Difference = tuple[int, int, int | None, Decimal, Decimal]  # product, location, lot; level, ledger

# One statement is one snapshot on both engines: it is exact while movements go on.
DRIFTS = """
    SELECT product_id, location_id, lot_id, SUM(level), SUM(ledger) FROM (
        SELECT product_id, location_id, lot_id, quantity AS level, 0 AS ledger
          FROM stock_levels WHERE device_id = %s
        UNION ALL
        SELECT product_id, to_location_id, lot_id, 0, quantity
          FROM stock_movements WHERE device_id = %s AND to_location_id IS NOT NULL
        UNION ALL
        SELECT product_id, from_location_id, lot_id, 0, -quantity
          FROM stock_movements WHERE device_id = %s AND from_location_id IS NOT NULL
    ) AS sides
    GROUP BY product_id, location_id, lot_id
    HAVING SUM(level) <> SUM(ledger)
    ORDER BY product_id, location_id, lot_id
"""


def differing_levels(device: Device, *, limit: int | None = None) -> list[Difference]:
    """The buckets whose level is not the sum of their movements, compared in the database."""
    with connection.cursor() as cursor:
        cursor.execute(DRIFTS, [device.pk] * 3)
        rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit)
    return [(*bucket, from_micro(level), from_micro(ledger)) for *bucket, level, ledger in rows]


class LedgerProof:
    """Rows are what differs: none is the proof. Locks and writes nothing."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.levels = self.movements = self.differing = 0

    def sheet(self) -> Sheet:
        nothing = "Proven: every level is the sum of its movements."
        return self.scope.sheet("Ledger proof", COLUMNS, self.rows(), summarise=self.summary, nothing=nothing)

    def rows(self) -> Iterator[tuple[Device, Cells]]:
        for device in self.scope.devices:
            self.levels += StockLevel.all_objects.for_device(device).count()
            self.movements += StockMovement.all_objects.for_device(device).count()
            found = differing_levels(device)
            self.differing += len(found)
            places = Tree(Location, device) if found else None
            for start in range(0, len(found), CHUNK):
                some = found[start : start + CHUNK]
                products = Product.all_objects.in_bulk({row[0] for row in some})
                lots = Lot.all_objects.in_bulk({row[2] for row in some if row[2] is not None})
                for key, location, lot, level, ledger in some:
                    product, code = products[key], lots[lot].code if lot is not None else ""
                    where = (product.sku, product.name, places.path(location) if places else "", code)
                    yield device, (*where, level, ledger, level - ledger, product.unit)

    def summary(self) -> Summary:
        figures = (
            ("Levels compared", f"{self.levels:,}"),
            ("Movements summed", f"{self.movements:,}"),
            ("Differences", f"{self.differing:,}"),
        )
        return Summary(figures)


def build(scope: Scope, asked: Asked) -> Sheet:
    """The sheet of this report."""
    return LedgerProof(scope).sheet()


KIND = ReportKind("ledger_proof", "Ledger proof", "That every level is the sum of its movements", build)
