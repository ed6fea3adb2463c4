"""What a report is about: one device or all of them, each as its feed stood when the report began."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from config.core.quantities import counted
from devices.models import Device, Feed
from inventory.formats.sheets import Cells, Column, Sheet, Summary, no_summary

PAGE = 1000
Facts = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Scope:
    """`heads` = the revision that each device is reported at; what was written later is left out."""

    devices: Sequence[Device]
    heads: Mapping[int, int]
    everyone: bool
    now: datetime
    zone: tzinfo
    currency: str

    @property
    def today(self) -> date:
        """The date where the server's people are."""
        return self.now.astimezone(self.zone).date()

    def start_of(self, day: date) -> datetime:
        """When a day begins there."""
        return datetime.combine(day, time.min, self.zone)

    def sheet(
        self,
        title: str,
        columns: Sequence[Column],
        rows: Iterator[tuple[Device, Cells]],
        *,
        facts: Facts = (),
        summarise: Callable[[], Summary] = no_summary,
        nothing: str = "",
    ) -> Sheet:
        """A sheet of rows that belong to devices; with all of them, the device is the first column."""
        if self.everyone:
            columns = (Column("device", "Device", width=18), *columns)
        found = Sheet(
            title,
            columns,
            ((str(device), *cells) if self.everyone else cells for device, cells in rows),
            facts=(*self._facts(), *facts),
            subtitle="All devices" if self.everyone else str(self.devices[0]),
            zone=self.zone,
            made_at=self.now,
            summarise=summarise,
        )
        found.nothing = nothing or found.nothing
        return found

    def _facts(self) -> Iterator[tuple[str, str]]:
        if self.everyone:
            yield "As of", f"the newest revision of {counted(len(self.devices), 'device')}"
        else:
            yield "As of", f"revision {self.heads[self.devices[0].pk]:,}"
        yield "Generated", f"{self.now:%Y-%m-%d %H:%M} UTC"
        if str(self.zone) != "UTC":
            yield f"In {self.zone}", f"{self.now.astimezone(self.zone):%Y-%m-%d %H:%M}"


def open_scope(device: Device | None) -> Scope:
    """One device, or all that are alive by name, with their feeds' heads as they are now."""
    devices = [device] if device is not None else list(Device.objects.order_by("name", "pk"))
    heads = dict(Feed.objects.filter(device__in=devices).values_list("device", "head"))
    zone = timezone.get_default_timezone()
    return Scope(devices, heads, device is None, timezone.now(), zone, settings.CURRENCY)


def pages(rows: Any, field: str, size: int = PAGE) -> Iterator[list[Any]]:
    """The rows by a field and their key, some at a time: each page is one query, wherever it starts."""
    ordered = rows.order_by(field, "pk")
    page = list(ordered[:size])
    while page:
        yield page
        last = getattr(page[-1], field)
        later = Q(**{f"{field}__gt": last}) | Q(**{field: last, "pk__gt": page[-1].pk})
        page = list(ordered.filter(later, **{f"{field}__gte": last})[:size]) if len(page) == size else []
