"""Movements: what happened in a period, fact by fact."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q

from devices.models import Device
from inventory.formats.sheets import Bar, Cells, Chart, Column, Kind, Sheet, Summary, local
from inventory.models import Category, Location, StockMovement
from inventory.reports.balances import ZERO
from inventory.reports.kinds import (
    CATEGORY,
    FROM_DAY,
    LOCATION,
    MOVEMENT,
    PERIOD,
    PRODUCT,
    TO_DAY,
    Asked,
    ReportKind,
)
from inventory.reports.scope import Scope, pages
from inventory.reports.stocked import add, by_unit, moment_facts
from inventory.reports.trees import Tree

COLUMNS = (
    Column("occurred_at", "Occurred", Kind.TIME, width=17),
    Column("kind", "Kind", width=10),
    Column("sku", "SKU", width=11),
    Column("product", "Product", width=36),
    Column("lot", "Lot", width=10),
    Column("from_location", "From", width=16),
    Column("to_location", "To", width=16),
    Column("quantity", "Quantity", Kind.QUANTITY),
    Column("unit", "Unit", width=6),
    Column("reference", "Reference", width=12),
    Column("reason", "Reason", width=14),
)
MOST_DAYS = 93  # drawn as days; a longer time as months
MOST_MONTHS = 60  # a longer one as years


class Movements:
    """In the order they happened; what came after the report began is left out."""

    def __init__(self, scope: Scope, asked: Asked) -> None:
        self.scope, self.asked = scope, asked
        self.came: dict[str, Decimal] = {}
        self.went: dict[str, Decimal] = {}
        self.days: dict[date, int] = {}

    def sheet(self) -> Sheet:
        facts = (*self._period(), *moment_facts(self.scope, self.asked))
        return self.scope.sheet("Movements", COLUMNS, self.rows(), facts=facts, summarise=self.summary)

    def _period(self) -> Iterator[tuple[str, str]]:
        first, last = self.asked.get("from_day"), self.asked.get("to_day")
        yield "Period", f"{first or 'the beginning'} to {last or 'now'}"
        if "kind" in self.asked:
            yield "Kind", StockMovement.Kind(self.asked["kind"]).label

    def _wanted(self, device: Device, places: Tree) -> Any:
        asked = self.asked
        found = StockMovement.objects.for_device(device).until(self.scope.heads[device.pk])
        if "from_day" in asked:
            found = found.filter(occurred_at__gte=self.scope.start_of(asked["from_day"]))
        if "to_day" in asked:
            found = found.filter(occurred_at__lt=self.scope.start_of(asked["to_day"] + timedelta(days=1)))
        if "kind" in asked:
            found = found.filter(kind=asked["kind"])
        if "product_id" in asked:
            found = found.filter(product=asked["product_id"].pk)
        if "category_id" in asked:
            found = found.filter(product__category__in=Tree(Category, device).below(asked["category_id"].pk))
        if "location_id" in asked:
            here = places.below(asked["location_id"].pk)
            found = found.filter(Q(from_location__in=here) | Q(to_location__in=here))
        return found.select_related("product", "lot")

    def rows(self) -> Iterator[tuple[Device, Cells]]:
        for device in self.scope.devices:
            places = Tree(Location, device)
            for page in pages(self._wanted(device, places), "occurred_at"):
                for movement in page:
                    self._count(movement)
                    yield device, self._cells(movement, places)

    def _cells(self, movement: StockMovement, places: Tree) -> Cells:
        product = movement.product
        return (
            movement.occurred_at,
            movement.get_kind_display(),
            product.sku,
            product.name,
            movement.lot.code if movement.lot else "",
            places.path(movement.from_location_id),
            places.path(movement.to_location_id),
            movement.quantity,
            product.unit,
            movement.reference,
            movement.reason,
        )

    def _count(self, movement: StockMovement) -> None:
        for sums, location in ((self.came, movement.to_location_id), (self.went, movement.from_location_id)):
            if location is not None and movement.kind != StockMovement.Kind.TRANSFER:
                add(sums, movement.product.unit, movement.quantity)
        day = local(movement.occurred_at, self.scope.zone).date()
        self.days[day] = self.days.get(day, 0) + 1

    def summary(self) -> Summary:
        units = self.came.keys() | self.went.keys()
        net = {unit: self.came.get(unit, ZERO) - self.went.get(unit, ZERO) for unit in units}
        figures = (
            ("Movements", f"{sum(self.days.values()):,}"),
            ("In", by_unit(self.came)),
            ("Out", by_unit(self.went)),
            ("Net", by_unit(net)),
        )
        return Summary(figures, [self._chart()] if len(self.days) > 1 else [])

    def _chart(self) -> Chart:
        first, last = min(self.days), max(self.days)
        if (last - first).days < MOST_DAYS:
            days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
            return self._columns("Movements a day", [str(day) for day in days])
        if 12 * (last.year - first.year) < MOST_MONTHS:
            return self._columns("Movements a month", _months(first, last))
        first_year = max(first.year, last.year - MOST_MONTHS + 1)  # a wrong clock may say any year
        return self._columns("Movements a year", [f"{year:04}" for year in range(first_year, last.year + 1)])

    def _columns(self, title: str, steps: list[str]) -> Chart:
        counts = dict.fromkeys(steps, 0)
        for day, count in self.days.items():
            step = day.isoformat()[: len(steps[0])]
            if step in counts:
                counts[step] += count
        return Chart(title, [Bar(step, Decimal(count)) for step, count in counts.items()], columns=True)


def _months(first: date, last: date) -> list[str]:
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [f"{number // 12:04}-{number % 12 + 1:02}" for number in numbers]


def build(scope: Scope, asked: Asked) -> Sheet:
    """The sheet of this report."""
    return Movements(scope, asked).sheet()


KIND = ReportKind(
    "movements",
    "Movements",
    "Every movement of a period, with what came and went",
    build,
    (PERIOD, FROM_DAY, TO_DAY, MOVEMENT, CATEGORY, LOCATION, PRODUCT),
)
