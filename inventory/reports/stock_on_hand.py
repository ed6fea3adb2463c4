"""Stock on hand: what lies where, now or at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from devices.models import Device
from inventory.formats.sheets import Cells, Chart, Column, Kind, Sheet, Summary
from inventory.models import Category, Location
from inventory.reports.kinds import AT, CATEGORY, LOCATION, PERIOD, PRODUCT, REVISION, Asked, Filter, ReportKind
from inventory.reports.scope import Scope
from inventory.reports.stocked import Stocked, add, by_unit, largest, moment_facts, stocked
from inventory.reports.trees import Tree

PRODUCT_COLUMNS = (Column("sku", "SKU", width=12), Column("product", "Product", width=34))
WHERE = (
    Column("location", "Location", width=24),
    Column("lot", "Lot", width=12),
    Column("expires_on", "Expires", Kind.DATE),
)
AMOUNT = (
    Column("on_hand", "On hand", Kind.QUANTITY, total=True, within="unit"),
    Column("unit", "Unit", width=6),
)


class StockOnHand:
    """One row a product, or one a bucket with `detail=bucket`; empty ones only where asked for."""

    def __init__(self, scope: Scope, asked: Asked) -> None:
        self.scope, self.asked = scope, asked
        self.by_bucket = asked.get("detail", "product") == "bucket"
        self.units: dict[str, Decimal] = {}
        self.categories: dict[str, Decimal] = {}
        self.locations: dict[str, Decimal] = {}
        self.negative = self.products = 0

    def sheet(self) -> Sheet:
        category = Column("category", "Category", width=20)
        columns = (*PRODUCT_COLUMNS, *(WHERE if self.by_bucket else (category,)), *AMOUNT)
        facts = tuple(moment_facts(self.scope, self.asked))
        return self.scope.sheet("Stock on hand", columns, self.rows(), facts=facts, summarise=self.summary)

    def rows(self) -> Iterator[tuple[Device, Cells]]:
        for device in self.scope.devices:
            places, categories = Tree(Location, device), Tree(Category, device)
            for found in stocked(self.scope, device, self.asked):
                if not found.places and not (self.asked.get("with_empty") and not found.product.is_deleted):
                    continue
                self._count(found, places, categories)
                rows = self._buckets(found, places) if self.by_bucket else self._product(found, categories)
                yield from ((device, row) for row in rows)

    def _product(self, found: Stocked, categories: Tree) -> Iterator[Cells]:
        product = found.product
        yield (product.sku, _name(found), categories.path(product.category_id), found.on_hand, product.unit)

    def _buckets(self, found: Stocked, places: Tree) -> Iterator[Cells]:
        product = found.product
        rows = []
        for (location, lot), quantity in found.places.items():
            where = (places.path(location), lot.code if lot else "", lot.expires_on if lot else None)
            rows.append((product.sku, _name(found), *where, quantity, product.unit))
        yield from sorted(rows, key=lambda row: (row[2], row[3])) or [
            (product.sku, _name(found), "", "", None, Decimal(0), product.unit)
        ]

    def _count(self, found: Stocked, places: Tree, categories: Tree) -> None:
        self.products += 1
        add(self.units, found.product.unit, found.on_hand)
        add(self.categories, categories.top(found.product.category_id), found.on_hand)
        for (location, _), quantity in found.places.items():
            add(self.locations, places.path(location), quantity)
            self.negative += quantity < 0

    def summary(self) -> Summary:
        figures = [("Products", f"{self.products:,}"), ("On hand", by_unit(self.units))]
        if self.negative:
            figures.append(("Places below zero", f"{self.negative:,}"))
        charts = []
        if len(self.units) == 1:  # pieces and kilograms have no sum
            (unit,) = self.units
            both = (("By category", self.categories), ("By location", self.locations))
            charts = [Chart(title, largest(sums, unit=unit)) for title, sums in both if len(sums) > 1]
        return Summary(figures, charts)


def _name(found: Stocked) -> str:
    return f"{found.product.name} (deleted)" if found.product.is_deleted else found.product.name


def build(scope: Scope, asked: Asked) -> Sheet:
    """The sheet of this report."""
    return StockOnHand(scope, asked).sheet()


KIND = ReportKind(
    "stock_on_hand",
    "Stock on hand",
    "What lies where, now or as it was at a time or revision",
    build,
    (
        PERIOD, AT, REVISION, CATEGORY, LOCATION, PRODUCT,
        Filter("detail", "choice", "A row a product, or a bucket (location, lot)", "product", ("product", "bucket")),
        Filter("with_empty", "flag", "Products without any stock too"),
    ),
)  # fmt: skip
