"""Device activity: who worked, who is silent, what waits to be pushed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q

from devices.models import Device, Installation, Operation
from inventory.formats.sheets import Bar, Cells, Chart, Column, Kind, Sheet, Summary
from inventory.models import Case, StockMovement
from inventory.reports.kinds import FROM_DAY, PERIOD, TO_DAY, Asked, ReportKind
from inventory.reports.scope import Scope
from inventory.reports.stocked import LARGEST

COLUMNS = (
    Column("installation", "Installation", width=18),
    Column("standing", "State", width=10),
    Column("platform", "Platform", width=12),
    Column("app_version", "App", width=9),
    Column("last_seen_at", "Last seen", Kind.TIME, width=17),
    Column("queue", "Queue", Kind.NUMBER, total=True),
    Column("battery", "Battery %", Kind.NUMBER),
    Column("clock_offset_s", "Clock off by s", Kind.NUMBER),
    Column("operations", "Pushed", Kind.NUMBER, total=True),
    Column("refused", "Refused", Kind.NUMBER, total=True),
    Column("movements", "Movements", Kind.NUMBER, total=True),
)
SILENT = timedelta(hours=24)
SOME = 200
REFUSED = ("conflict", "rejected")


class DeviceActivity:
    """One row an installation; movements without one (the admin, imports) are a row of their own."""

    def __init__(self, scope: Scope, asked: Asked) -> None:
        self.scope, self.asked = scope, asked
        self.installations = self.silent = self.cases = 0
        self.busy: dict[str, int] = {}

    def sheet(self) -> Sheet:
        first, last = self.asked.get("from_day"), self.asked.get("to_day")
        facts = (("Pushed and moved", f"from {first or 'the beginning'} to {last or 'now'}"),)
        return self.scope.sheet("Device activity", COLUMNS, self.rows(), facts=facts, summarise=self.summary)

    def rows(self) -> Iterator[tuple[Device, Cells]]:
        devices = self.scope.devices
        for start in range(0, len(devices), SOME):
            yield from self._page(devices[start : start + SOME])

    def _page(self, devices: Any) -> Iterator[tuple[Device, Cells]]:
        found = Installation.objects.filter(device__in=devices).select_related("presence").order_by("pk")
        by_device: dict[int, list[Installation]] = {device.pk: [] for device in devices}
        for installation in found:
            by_device[installation.device_id].append(installation)
        within = self._within("created_at")
        pushed = _counts(Operation.objects.filter(within, device__in=devices))
        refused = _counts(Operation.objects.filter(within, device__in=devices, status__in=REFUSED))
        moved = _counts(StockMovement.objects.filter(self._within("received_at"), device__in=devices))
        self.cases += Case.objects.filter(device__in=devices, state__in=[Case.State.OPEN, Case.State.CLAIMED]).count()
        for device in devices:
            for one in by_device[device.pk]:
                numbers = [counts.get((device.pk, one.pk), 0) for counts in (pushed, refused, moved)]
                yield device, self._cells(device, one, numbers)
            others = moved.get((device.pk, None), 0)
            if others:
                self._count(device, others)
                yield device, ("Staff, imports and people", "", "", "", None, None, None, None, None, None, others)

    def _within(self, field: str) -> Q:
        wanted = Q()
        if "from_day" in self.asked:
            wanted &= Q(**{f"{field}__gte": self.scope.start_of(self.asked["from_day"])})
        if "to_day" in self.asked:
            wanted &= Q(**{f"{field}__lt": self.scope.start_of(self.asked["to_day"] + timedelta(days=1))})
        return wanted

    def _cells(self, device: Device, one: Installation, numbers: list[int]) -> Cells:
        here = one.presence
        self.installations += 1
        self.silent += here.last_seen_at < self.scope.now - SILENT
        self._count(device, numbers[2])
        state = one.get_standing_display()
        seconds = round(Decimal(here.clock_offset_ms) / 1000)
        about = (str(one), state, one.platform, here.app_version, here.last_seen_at)
        return (*about, here.queue_depth, here.battery, seconds, *numbers)

    def _count(self, device: Device, movements: int) -> None:
        self.busy[str(device)] = self.busy.get(str(device), 0) + movements

    def summary(self) -> Summary:
        figures = (
            ("Installations", f"{self.installations:,}"),
            ("Silent for a day", f"{self.silent:,}"),
            ("Open cases", f"{self.cases:,}"),
        )
        busiest = sorted(self.busy.items(), key=lambda pair: (-pair[1], pair[0]))[:LARGEST]
        bars = [Bar(name, Decimal(count)) for name, count in busiest]
        return Summary(figures, [Chart("Movements", bars)] if len(bars) > 1 else [])


def _counts(rows: Any) -> Mapping[tuple[int, int | None], int]:
    counted = rows.order_by().values_list("device", "installation").annotate(number=Count("pk"))
    return {(device, installation): number for device, installation, number in counted}


def build(scope: Scope, asked: Asked) -> Sheet:
    """The sheet of this report."""
    return DeviceActivity(scope, asked).sheet()


KIND = ReportKind(
    "device_activity",
    "Device activity",
    "Installations: last seen, queue, what they pushed and moved",
    build,
    (PERIOD, FROM_DAY, TO_DAY),
)
