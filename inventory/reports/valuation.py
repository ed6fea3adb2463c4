"""Valuation: stock times unit cost, the most valuable first, with ABC classes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import reduce

from config.core.quantities import counted
from devices.models import Device
from inventory.formats.sheets import EXACT, Bar, Cells, Chart, Column, Kind, Sheet, Summary, shown_number
from inventory.models import Category, Product
from inventory.reports.balances import ZERO
from inventory.reports.kinds import AT, CATEGORY, LOCATION, PERIOD, REVISION, Asked, ReportKind
from inventory.reports.scope import PAGE, Scope
from inventory.reports.stocked import add, largest, moment_facts, products_of, stocked
from inventory.reports.trees import Tree

A_SHARE, B_SHARE = Decimal("0.8"), Decimal("0.95")  # of the value: A is the first 80 %, B the next 15 %
CLASSES = ("A", "B", "C")
HUNDRED = Decimal(100)


class Valuation:
    """Two passes: what each product is worth (a few numbers each are kept), then the rows in that order."""

    def __init__(self, scope: Scope, asked: Asked) -> None:
        self.scope, self.asked = scope, asked
        self.categories: dict[str, Decimal] = {}
        self.classes = dict.fromkeys(CLASSES, ZERO)
        self.members = dict.fromkeys(CLASSES, 0)
        self.total, self.unknown = ZERO, 0

    def sheet(self) -> Sheet:
        money = self.scope.currency
        columns = (
            Column("class", "ABC", width=6),
            Column("sku", "SKU", width=12),
            Column("product", "Product", width=34),
            Column("category", "Category", width=18),
            Column("on_hand", "On hand", Kind.QUANTITY, total=True, within="unit"),
            Column("unit", "Unit", width=6),
            Column("unit_cost", f"Cost {money}", Kind.MONEY),
            Column("value", f"Value {money}", Kind.MONEY, total=True),
            Column("share", "Share %", Kind.MONEY),
        )
        facts = (("Currency", money), *moment_facts(self.scope, self.asked))
        return self.scope.sheet("Valuation", columns, self.rows(), facts=facts, summarise=self.summary)

    def rows(self) -> Iterator[tuple[Device, Cells]]:
        worth = [entry for device in self.scope.devices for entry in self._worth(device)]
        worth.sort(key=lambda entry: (-entry[0], entry[1]))
        positive = reduce(EXACT.add, (value for value, _, _ in worth if value > 0), ZERO)
        devices = {device.pk: device for device in self.scope.devices}
        trees = {device.pk: Tree(Category, device) for device in self.scope.devices}
        before = ZERO  # what stands above is worth so much
        for start in range(0, len(worth), PAGE):
            page = worth[start : start + PAGE]
            products = Product.all_objects.in_bulk([key for _, key, _ in page])
            for value, key, on_hand in page:
                product = products[key]
                letter = _class(before, positive) if value > 0 else "C"
                before = EXACT.add(before, max(value, ZERO))
                category = trees[product.device_id].path(product.category_id)
                self._count(letter, category, value)
                share = (
                    EXACT.divide(EXACT.multiply(value, HUNDRED), positive).quantize(Decimal("0.01"))
                    if positive
                    else None
                )
                cells = (letter, product.sku, product.name, category, on_hand, product.unit, product.unit_cost, value)
                yield devices[product.device_id], (*cells, share)

    def _worth(self, device: Device) -> Iterator[tuple[Decimal, int, Decimal]]:
        for found in stocked(self.scope, device, self.asked, products_of(device, self.asked)):
            if not found.places:
                continue
            if found.product.unit_cost is None:
                self.unknown += 1
                continue
            yield EXACT.multiply(found.on_hand, found.product.unit_cost), found.product.pk, found.on_hand

    def _count(self, letter: str, category: str, value: Decimal) -> None:
        self.total = EXACT.add(self.total, value)
        self.classes[letter] = EXACT.add(self.classes[letter], value)
        self.members[letter] += 1
        add(self.categories, category.partition(" › ")[0], value)

    def summary(self) -> Summary:
        money = self.scope.currency
        figures = [
            ("Value of the stock", f"{money} {shown_number(self.total, Kind.MONEY)}"),
            ("Products", f"{sum(self.members.values()):,}"),
        ]
        if self.unknown:
            figures.append(("Left out: without a cost", f"{self.unknown:,}"))
        classes = [
            Bar(
                f"{letter} · {counted(self.members[letter], 'product')}",
                self.classes[letter],
                shown_number(self.classes[letter], Kind.MONEY),
            )
            for letter in CLASSES
        ]
        charts = [Chart(f"ABC, {money}", classes)]
        if len(self.categories) > 1:
            charts.append(Chart(f"By category, {money}", largest(self.categories, money=True)))
        return Summary(figures, charts if self.total else [])


def _class(before: Decimal, positive: Decimal) -> str:
    return "A" if before < A_SHARE * positive else "B" if before < B_SHARE * positive else "C"


def build(scope: Scope, asked: Asked) -> Sheet:
    """The sheet of this report."""
    return Valuation(scope, asked).sheet()


KIND = ReportKind(
    "valuation",
    "Valuation",
    "Stock times unit cost, the most valuable first, in classes A, B and C",
    build,
    (PERIOD, AT, REVISION, CATEGORY, LOCATION),
)
