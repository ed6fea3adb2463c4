"""Expiring lots: what is on hand and expires soon, or has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from config.core.quantities import counted
from devices.models import Device
from inventory.formats.sheets import EXACT, Bar, Cells, Chart, Column, Kind, Sheet, Summary
from inventory.models import Category, Location, Lot
from inventory.reports.balances import balances
from inventory.reports.kinds import CATEGORY, LOCATION, Asked, Filter, ReportKind
from inventory.reports.scope import Scope, pages
from inventory.reports.stocked import add, by_unit, moment_facts
from inventory.reports.trees import Tree

DAYS = 30


class ExpiringLots:
    """One row a lot and location, the first to expire first. Lots that are used up are left out."""

    def __init__(self, scope: Scope, asked: Asked) -> None:
        self.scope, self.asked, self.days = scope, asked, asked["days"]
        self.last = scope.today + timedelta(days=self.days)
        self.expired: dict[str, Decimal] = {}
        self.soon: dict[str, Decimal] = {}
        self.weeks: dict[int, int] = {}

    def sheet(self) -> Sheet:
        columns = (
            Column("expires_on", "Expires", Kind.DATE),
            Column("days_left", "Days left", Kind.NUMBER),
            Column("sku", "SKU", width=12),
            Column("product", "Product", width=30),
            Column("lot", "Lot", width=14),
            Column("location", "Location", width=22),
            Column("on_hand", "On hand", Kind.QUANTITY, total=True, within="unit"),
            Column("unit", "Unit", width=6),
            Column("value", f"Value {self.scope.currency}", Kind.MONEY, total=True),
        )
        facts = (("Until", f"{self.last} ({self.days:,} days)"), *moment_facts(self.scope, self.asked))
        nothing = f"Nothing on hand has expired or expires until {self.last}."
        return self.scope.sheet(
            "Expiring lots", columns, self.rows(), facts=facts, summarise=self.summary, nothing=nothing
        )

    def rows(self) -> Iterator[tuple[Device, Cells]]:
        for device in self.scope.devices:
            places = Tree(Location, device)
            lots = Lot.all_objects.for_device(device).filter(expires_on__lte=self.last).select_related("product")
            if "category_id" in self.asked:
                below = Tree(Category, device).below(self.asked["category_id"].pk)
                lots = lots.filter(product__category__in=below)
            for page in pages(lots, "expires_on"):
                yield from ((device, cells) for cells in self._page(device, page, places))

    def _page(self, device: Device, page: list[Lot], places: Tree) -> Iterator[Cells]:
        here = places.below(self.asked["location_id"].pk) if "location_id" in self.asked else None
        found: dict[int, list[tuple[str, Decimal]]] = {lot.pk: [] for lot in page}
        stock = balances(device, head=self.scope.heads[device.pk], lots=list(found))
        for (_, location, lot), quantity in stock.items():
            if lot is not None and (here is None or location in here):
                found[lot].append((places.path(location), quantity))
        for row in page:
            for path, quantity in sorted(found[row.pk]):
                yield self._cells(row, path, quantity)

    def _cells(self, lot: Lot, path: str, quantity: Decimal) -> Cells:
        product, expires_on = lot.product, lot.expires_on or self.last
        left = (expires_on - self.scope.today).days
        value = None if product.unit_cost is None else EXACT.multiply(quantity, product.unit_cost)
        add(self.expired if left < 0 else self.soon, product.unit, quantity)
        week = max(left // 7, -1)
        self.weeks[week] = self.weeks.get(week, 0) + 1
        return lot.expires_on, left, product.sku, product.name, lot.code, path, quantity, product.unit, value

    def summary(self) -> Summary:
        figures = (("Expired on hand", by_unit(self.expired)), (f"Within {self.days:,} days", by_unit(self.soon)))
        bars = [
            Bar("Expired" if week < 0 else f"Week {week + 1}", Decimal(count), counted(count, "lot"))
            for week, count in sorted(self.weeks.items())
        ]
        return Summary(figures, [Chart("By time left", bars)] if 1 < len(bars) <= 14 else [])  # noqa: PLR2004  # a quarter


def build(scope: Scope, asked: Asked) -> Sheet:
    """The sheet of this report."""
    return ExpiringLots(scope, asked).sheet()


KIND = ReportKind(
    "expiring_lots",
    "Expiring lots",
    "Lots on hand that have expired or expire soon",
    build,
    (Filter("days", "whole", "How many days ahead", DAYS, most=36_500), CATEGORY, LOCATION),
)
