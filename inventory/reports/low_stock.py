"""Low stock: products at or below their reorder level, and how long the rest will last."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal

from django.db.models import Sum

from config.core.quantities import counted
from devices.models import Device
from inventory.formats.sheets import Bar, Cells, Chart, Column, Kind, Sheet, Summary
from inventory.models import Product, StockMovement
from inventory.reports.balances import ZERO, balances
from inventory.reports.kinds import CATEGORY, Asked, Filter, ReportKind
from inventory.reports.scope import Scope, pages
from inventory.reports.stocked import moment_facts, products_of

COLUMNS = (
    Column("sku", "SKU", width=12),
    Column("product", "Product", width=36),
    Column("on_hand", "On hand", Kind.QUANTITY),
    Column("reorder_level", "Reorder at", Kind.QUANTITY),
    Column("missing", "Missing", Kind.QUANTITY, total=True, within="unit"),
    Column("unit", "Unit", width=6),
    Column("issued", "Issued", Kind.QUANTITY),
    Column("days_left", "Days left", Kind.NUMBER),
)

SHARES = ("Out of stock", "Below 25 %", "25 to 50 %", "50 to 75 %", "75 to 100 %")


class LowStock:
    """Active products with a reorder level; what was issued lately tells how many days are left."""

    def __init__(self, scope: Scope, asked: Asked) -> None:
        self.scope, self.asked, self.days = scope, asked, asked["usage_days"]
        self.watched = self.low = self.out = 0
        self.shares = dict.fromkeys(SHARES, 0)

    def sheet(self) -> Sheet:
        facts = (("Issued", f"in the last {self.days:,} days"), *moment_facts(self.scope, self.asked))
        nothing = "No product is at or below its reorder level."
        return self.scope.sheet("Low stock", COLUMNS, self.rows(), facts=facts, summarise=self.summary, nothing=nothing)

    def rows(self) -> Iterator[tuple[Device, Cells]]:
        for device in self.scope.devices:
            watched = products_of(device, self.asked).alive().filter(is_active=True, reorder_level__isnull=False)
            for page in pages(watched, "name"):
                yield from ((device, cells) for cells in self._page(device, page))

    def _page(self, device: Device, page: list[Product]) -> Iterator[Cells]:
        keys = [product.pk for product in page]
        places: dict[int, Decimal] = dict.fromkeys(keys, ZERO)
        for (key, _, _), quantity in balances(device, head=self.scope.heads[device.pk], products=keys).items():
            places[key] += quantity
        low = [product for product in page if places[product.pk] <= (product.reorder_level or ZERO)]
        issued = self._issued(device, [product.pk for product in low])
        self.watched += len(page)
        for product in low:
            on_hand, level = places[product.pk], product.reorder_level or ZERO
            self._count(on_hand, level)
            used = issued.get(product.pk, ZERO)
            yield (
                product.sku,
                product.name,
                on_hand,
                level,
                level - on_hand,
                product.unit,
                used,
                self._left(on_hand, used),
            )

    def _issued(self, device: Device, products: Collection[int]) -> dict[int, Decimal]:
        since = self.scope.now - timedelta(days=self.days)
        issues = StockMovement.objects.for_device(device).until(self.scope.heads[device.pk])
        issues = issues.filter(kind=StockMovement.Kind.ISSUE, product__in=products, occurred_at__gte=since)
        return dict(issues.order_by().values_list("product").annotate(total=Sum("quantity")))

    def _left(self, on_hand: Decimal, used: Decimal) -> int | None:
        if used <= 0:
            return None
        return int((max(on_hand, ZERO) * self.days / used).to_integral_value(ROUND_DOWN))

    def _count(self, on_hand: Decimal, level: Decimal) -> None:
        self.low += 1
        self.out += on_hand <= 0
        share = on_hand * 4 / level if level else ZERO
        self.shares[SHARES[0 if on_hand <= 0 else 1 + min(3, int(share))]] += 1

    def summary(self) -> Summary:
        figures = (
            ("Low", f"{self.low:,}"),
            ("Of these out of stock", f"{self.out:,}"),
            ("Products with a reorder level", f"{self.watched:,}"),
        )
        bars = [Bar(share, Decimal(count), counted(count, "product")) for share, count in self.shares.items()]
        return Summary(figures, [Chart("On hand, as a share of the reorder level", bars)] if self.low else [])


def build(scope: Scope, asked: Asked) -> Sheet:
    """The sheet of this report."""
    return LowStock(scope, asked).sheet()


KIND = ReportKind(
    "low_stock",
    "Low stock",
    "Products at or below their reorder level, what is missing and how long it lasts",
    build,
    (CATEGORY, Filter("usage_days", "whole", "How many days of issues tell the usage", 30, most=3650)),
)
