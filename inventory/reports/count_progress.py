"""Progress of a stocktake: sheets, lines, counters, open cases, and the job that runs: seven queries at any size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, Min, Q

from inventory.models import Case, CountEntry, CountSheet, Job, ScanEvent, Stocktake
from inventory.models.lines import WAITING, Line

UNFINISHED = (Job.Status.QUEUED, Job.Status.RUNNING)
STILL_OPEN = (Case.State.OPEN, Case.State.CLAIMED)
COUNTED = Q(state=Line.COUNTED) | ~Q(counters=[])  # not evaluated yet; evaluated
DECIDED = ~Q(state__in=WAITING)


@dataclass(frozen=True, slots=True)
class LocationProgress:
    """Lines of one location."""

    location_id: UUID
    location_name: str
    lines: int
    counted: int
    decided: int


@dataclass(frozen=True, slots=True)
class CounterProgress:
    """What one person or installation counted; `counter` is the actor's key."""

    counter: str
    counter_name: str
    counts: int
    late: int
    products: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stocktake is; `lines` and `sheets` by state, `cases` by kind."""

    state: str
    pass_number: int
    lines: dict[str, int]
    sheets: dict[str, int]
    unknown_scans: int
    cases: dict[str, int]
    by_location: list[LocationProgress]
    by_counter: list[CounterProgress]
    job: Job | None

    @property
    def total(self) -> int:
        """All lines."""
        return sum(place.lines for place in self.by_location)

    @property
    def counted(self) -> int:
        """Counted at least once."""
        return sum(place.counted for place in self.by_location)

    @property
    def decided(self) -> int:
        """Matched, decided or posted."""
        return sum(place.decided for place in self.by_location)


def progress_of(stocktake: Stocktake) -> Progress:
    """The progress of one stocktake, as it is now."""
    sheets, entries = (
        CountSheet.objects.filter(stocktake=stocktake),
        CountEntry.objects.filter(sheet__stocktake=stocktake),
    )
    unknown = ScanEvent.objects.uncounted().filter(sheet__stocktake=stocktake)
    cases = Case.objects.for_device(stocktake.device_id).filter(
        state__in=STILL_OPEN, evidence__stocktake_id=str(stocktake.uuid)
    )
    jobs = Job.objects.filter(
        device=stocktake.device_id, status__in=UNFINISHED, parameters__stocktake=str(stocktake.uuid)
    )
    return Progress(
        state=stocktake.state,
        pass_number=stocktake.pass_number,
        lines=_tally(stocktake.lines.all(), "state"),
        sheets=_tally(sheets, "state"),
        unknown_scans=unknown.count(),
        cases=_tally(cases, "kind"),
        by_location=_by_location(stocktake),
        by_counter=_by_counter(entries),
        job=jobs.order_by("id").first(),
    )


def _tally(rows: Any, column: str) -> dict[str, int]:
    return dict(rows.order_by().values_list(column).annotate(number=Count("pk")).order_by(column))


def _by_location(stocktake: Stocktake) -> list[LocationProgress]:
    rows: Any = (
        stocktake.lines.order_by()
        .values("location")
        .annotate(
            location_id_=F("location__uuid"),
            name=F("location__name"),
            lines=Count("pk"),
            counted=Count("pk", filter=COUNTED),
            decided=Count("pk", filter=DECIDED),
        )
    )
    places = rows.order_by("name", "location").values_list("location_id_", "name", "lines", "counted", "decided")
    return [LocationProgress(*place) for place in places]


def _by_counter(entries: Any) -> list[CounterProgress]:
    rows = (
        entries.order_by()
        .values("counter")
        .annotate(
            name=Max("counter_name"),
            counts=Count("pk"),
            late=Count("pk", filter=Q(is_late=True)),
            products=Count("product", distinct=True),
            last_at=Max("received_at"),
            first_at=Min("received_at"),
        )
    )
    found = rows.order_by("first_at", "counter")
    columns = ("counter", "name", "counts", "late", "products", "last_at")
    return [CounterProgress(*row) for row in found.values_list(*columns)]
