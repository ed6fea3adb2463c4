"""Stocktake variance: what was expected, what was counted, and what was decided."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from devices.models import Device
from inventory.formats.sheets import EXACT, Bar, Cells, Chart, Column, Kind, Sheet, Summary, shown_number
from inventory.models import Location, Stocktake, StocktakeLine
from inventory.reports.balances import ZERO
from inventory.reports.kinds import Asked, Filter, ReportKind
from inventory.reports.scope import PAGE, Scope
from inventory.reports.stocked import add, largest
from inventory.reports.trees import Tree

LISTS = ("all", "variance", "missing", "surplus", "unexpected", "misplaced", "matched", "not_counted")


class StocktakeVariance:
    """Lines by place and product; each by its figures of the last evaluation, taken in at its own position."""

    def __init__(self, scope: Scope, asked: Asked) -> None:
        self.scope, self.asked = scope, asked
        self.reasons: dict[str, Decimal] = {}
        self.states: dict[str, Decimal] = {}
        self.lines = self.counted = self.compared = self.matched = 0
        self.missing = self.surplus = ZERO

    def sheet(self) -> Sheet:
        columns = (
            Column("sku", "SKU", width=11),
            Column("product", "Product", width=28),
            Column("location", "Location", width=20),
            Column("lot", "Lot", width=10),
            Column("expected", "Expected", Kind.QUANTITY),
            Column("counted", "Counted", Kind.QUANTITY),
            Column("variance", "Variance", Kind.QUANTITY),
            Column("unit", "Unit", width=6),
            Column("value", f"Value {self.scope.currency}", Kind.MONEY, total=True),
            Column("state", "State", width=10),
            Column("reason", "Reason", width=14),
            Column("decided_by", "Decided by", width=12),
        )
        facts = (*self._named(), ("Lines", self.asked["lines"].replace("_", " ")))
        nothing = "No line of this stocktake is like that."
        return self.scope.sheet(
            "Stocktake variance", columns, self.rows(), facts=facts, summarise=self.summary, nothing=nothing
        )

    def _named(self) -> Iterator[tuple[str, str]]:
        stocktake: Stocktake | None = self.asked.get("stocktake_id")
        if stocktake is None and not self.scope.everyone:
            stocktake = self._stocktake(self.scope.devices[0])
        if stocktake is not None:
            yield "Stocktake", f"{stocktake.name} ({stocktake.get_kind_display().lower()})"
            yield "State", stocktake.get_state_display()
            if stocktake.approved_by:
                yield "Approved by", stocktake.approved_by

    def _stocktake(self, device: Device) -> Stocktake | None:
        found: Stocktake | None = self.asked.get("stocktake_id")
        return found or Stocktake.objects.for_device(device).newest_first().first()

    def rows(self) -> Iterator[tuple[Device, Cells]]:
        for device in self.scope.devices:
            stocktake = self._stocktake(device)
            if stocktake is None:
                continue
            places = Tree(Location, device)
            wanted = self._wanted(StocktakeLine.objects.filter(stocktake=stocktake))
            found = wanted.order_by().values_list("location", "product__name", "pk")
            ordered = sorted((places.path(location), name, key) for location, name, key in found)
            for start in range(0, len(ordered), PAGE):
                keys = [key for _, _, key in ordered[start : start + PAGE]]
                lines = StocktakeLine.objects.select_related("product", "lot").in_bulk(keys)
                yield from ((device, self._cells(lines[key], places)) for key in keys)

    def _wanted(self, lines: Any) -> Any:
        wanted = self.asked["lines"]
        if wanted == "variance":
            return lines.exclude(variance=0).exclude(variance=None)
        return lines if wanted == "all" else getattr(lines, wanted)()

    def _cells(self, line: StocktakeLine, places: Tree) -> Cells:
        product, variance = line.product, line.variance
        value = None
        if variance is not None and product.unit_cost is not None:
            value = EXACT.multiply(variance, product.unit_cost)
        self._count(line, value)
        return (
            product.sku,
            product.name,
            places.path(line.location_id),
            line.lot.code if line.lot else "",
            line.expected,
            line.counted,
            variance,
            product.unit,
            value,
            line.get_state_display(),
            line.get_reason_display(),
            line.decided_by_name,
        )

    def _count(self, line: StocktakeLine, value: Decimal | None) -> None:
        self.lines += 1
        self.counted += line.counted is not None or line.state == StocktakeLine.State.COUNTED
        self.compared += line.counted is not None
        self.matched += line.counted is not None and line.variance == 0
        add(self.states, str(line.get_state_display()), Decimal(1))
        if value:
            add(self.reasons, str(line.get_reason_display() or "no reason yet"), abs(value))
            if value < 0:
                self.missing = EXACT.add(self.missing, value)
            else:
                self.surplus = EXACT.add(self.surplus, value)

    def summary(self) -> Summary:
        money = self.scope.currency
        figures = [
            ("Counted", f"{self.counted:,} of {self.lines:,} lines"),
            (f"Missing, {money}", shown_number(self.missing, Kind.MONEY)),
            (f"Surplus, {money}", shown_number(self.surplus, Kind.MONEY)),
        ]
        if self.asked["lines"] == "all":  # of a part of the lines it would say nothing
            figures.insert(1, ("As expected", share(self.matched, self.compared)))
        charts = [Chart("Lines by state", [Bar(state, count) for state, count in self.states.items()])]
        if self.reasons:
            charts.append(Chart(f"Variance by reason, {money}", largest(self.reasons, money=True)))
        return Summary(figures, charts if self.lines else [])


def share(part: int, whole: int) -> str:
    """“98.4 %”; a dash of nothing."""
    return f"{Decimal(part) * 100 / whole:.1f} %" if whole else "–"


def build(scope: Scope, asked: Asked) -> Sheet:
    """The sheet of this report."""
    return StocktakeVariance(scope, asked).sheet()


KIND = ReportKind(
    "stocktake_variance",
    "Stocktake variance",
    "Expected, counted and decided, line by line, with the value of what differs",
    build,
    (
        Filter("stocktake_id", "id", "Which one; empty: the device's newest", model=Stocktake),
        Filter("lines", "choice", "Which lines", "all", LISTS),
    ),
)
