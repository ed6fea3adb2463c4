"""Count accuracy: how often the book was right, stocktake by stocktake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q

from devices.models import Device
from inventory.formats.sheets import EXACT, Bar, Cells, Chart, Column, Kind, Sheet, Summary, shown_number
from inventory.models import Stocktake, StocktakeLine
from inventory.reports.balances import ZERO
from inventory.reports.kinds import FROM_DAY, PERIOD, TO_DAY, Asked, ReportKind
from inventory.reports.scope import Scope, pages
from inventory.reports.stocktake_variance import share

State = Stocktake.State
EVALUATED = (State.REVIEW, State.APPROVED, State.POSTED, State.CLOSED, State.REVERSED)
MOST_BARS = 60
HUNDRED = Decimal(100)


class CountAccuracy:
    """Accuracy = lines counted exactly as expected ÷ lines counted."""

    def __init__(self, scope: Scope, asked: Asked) -> None:
        self.scope, self.asked = scope, asked
        self.counted = self.exact = 0
        self.net = self.gross = ZERO
        self.bars: list[Bar] = []

    def sheet(self) -> Sheet:
        money = self.scope.currency
        columns = (
            Column("closed_at", "Counted until", Kind.TIME, width=17),
            Column("stocktake", "Stocktake", width=28),
            Column("kind", "Kind", width=8),
            Column("state", "State", width=10),
            Column("lines", "Lines", Kind.NUMBER, total=True),
            Column("counted", "Counted", Kind.NUMBER, total=True),
            Column("exact", "As expected", Kind.NUMBER, total=True),
            Column("accuracy", "Accuracy %", Kind.MONEY),
            Column("missing", "Less", Kind.NUMBER, total=True),
            Column("surplus", "More", Kind.NUMBER, total=True),
            Column("net_value", f"Net {money}", Kind.MONEY, total=True),
            Column("gross_value", f"Gross {money}", Kind.MONEY, total=True),
        )
        first, last = self.asked.get("from_day"), self.asked.get("to_day")
        facts = (("Period", f"{first or 'the beginning'} to {last or 'now'}"),)
        nothing = "No stocktake of this time has been evaluated."
        return self.scope.sheet(
            "Count accuracy", columns, self.rows(), facts=facts, summarise=self.summary, nothing=nothing
        )

    def rows(self) -> Iterator[tuple[Device, Cells]]:
        for device in self.scope.devices:
            for page in pages(self._wanted(device), "closed_at"):
                yield from ((device, cells) for cells in self._page(page))

    def _wanted(self, device: Device) -> Any:
        found = Stocktake.objects.for_device(device).filter(state__in=EVALUATED, closed_at__isnull=False)
        if "from_day" in self.asked:
            found = found.filter(closed_at__gte=self.scope.start_of(self.asked["from_day"]))
        if "to_day" in self.asked:
            found = found.filter(closed_at__lt=self.scope.start_of(self.asked["to_day"] + timedelta(days=1)))
        return found

    def _page(self, page: Sequence[Stocktake]) -> Iterator[Cells]:
        lines = StocktakeLine.objects.filter(stocktake__in=page)
        counts = {
            row["stocktake"]: row
            for row in lines.order_by()
            .values("stocktake")
            .annotate(
                lines=Count("pk"),
                seen=Count("pk", filter=Q(counted__isnull=False)),
                exact=Count("pk", filter=Q(counted__isnull=False, variance=0)),
                less=Count("pk", filter=Q(variance__lt=0)),
                more=Count("pk", filter=Q(variance__gt=0)),
            )
        }
        values = self._values(lines)
        for stocktake in page:
            found = counts.get(stocktake.pk, dict.fromkeys(("lines", "seen", "exact", "less", "more"), 0))
            net, gross = values.get(stocktake.pk, (ZERO, ZERO))
            yield self._cells(stocktake, found, net, gross)

    def _values(self, lines: Any) -> dict[int, tuple[Decimal, Decimal]]:
        """Stocktake → what its variances are worth: with their signs, and without."""
        found: dict[int, tuple[Decimal, Decimal]] = {}
        priced = lines.exclude(variance=0).filter(variance__isnull=False, product__unit_cost__isnull=False)
        for stocktake, variance, cost in priced.values_list("stocktake", "variance", "product__unit_cost"):
            value = EXACT.multiply(variance, cost)
            net, gross = found.get(stocktake, (ZERO, ZERO))
            found[stocktake] = EXACT.add(net, value), EXACT.add(gross, abs(value))
        return found

    def _cells(self, stocktake: Stocktake, found: Any, net: Decimal, gross: Decimal) -> Cells:
        counted, exact = found["seen"], found["exact"]
        self.counted, self.exact = self.counted + counted, self.exact + exact
        self.net, self.gross = EXACT.add(self.net, net), EXACT.add(self.gross, gross)
        accuracy = (HUNDRED * exact / counted).quantize(Decimal("0.01")) if counted else None
        if accuracy is not None:
            self.bars = [*self.bars, Bar(stocktake.name, accuracy, f"{accuracy:.1f} %")][-MOST_BARS:]
        return (
            stocktake.closed_at,
            stocktake.name,
            stocktake.get_kind_display(),
            stocktake.get_state_display(),
            found["lines"],
            counted,
            exact,
            accuracy,
            found["less"],
            found["more"],
            net,
            gross,
        )

    def summary(self) -> Summary:
        figures = (
            ("Accuracy", share(self.exact, self.counted)),
            ("Lines counted", f"{self.counted:,}"),
            (f"Net variance, {self.scope.currency}", shown_number(self.net, Kind.MONEY)),
            (f"Gross variance, {self.scope.currency}", shown_number(self.gross, Kind.MONEY)),
        )
        few = len(self.bars) <= 12  # noqa: PLR2004  # a year of months has names; more become a row of columns
        return Summary(figures, [Chart("Accuracy", self.bars, columns=not few)] if len(self.bars) > 1 else [])


def build(scope: Scope, asked: Asked) -> Sheet:
    """The sheet of this report."""
    return CountAccuracy(scope, asked).sheet()


KIND = ReportKind(
    "count_accuracy",
    "Count accuracy",
    "How often the book was right: every evaluated stocktake of a period",
    build,
    (PERIOD, FROM_DAY, TO_DAY),
)
