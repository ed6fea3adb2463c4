"""Count accuracy: how often the count and the book agreed, by counter, device, zone or product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q, Sum

from devices.models import Device, Installation, User
from inventory.models import StocktakeLine
from inventory.models.lines import Line

NOTHING = Decimal(0)
CENT = Decimal("0.01")
CHUNK = 2000
BOOKED = Q(movement__isnull=False) | Q(variance=0)  # elsewhere the count was judged wrong and the book kept
COLUMNS: Mapping[str, tuple[str, str]] = {
    "device": ("device__uuid", "device__name"),
    "zone": ("location__uuid", "location__name"),
    "product": ("product__uuid", "product__name"),
}
WAYS = ("counter", *COLUMNS)


@dataclass(slots=True)
class Accuracy:
    """One group: posted `lines`, how many were `exact`, and what was gained and lost against the book (units).

    `value` = the size of all differences at unit cost, as far as costs are known. By counter a line is a count in a
    pass, exact where it is what was posted, and the differences are the counter's own errors.
    """

    key: str
    name: str
    lines: int = 0
    exact: int = 0
    gained: Decimal = NOTHING
    lost: Decimal = NOTHING
    value: Decimal = NOTHING

    @property
    def percent(self) -> Decimal:
        """Exact lines in a hundred."""
        return (Decimal(100 * self.exact) / self.lines).quantize(CENT, ROUND_HALF_EVEN)

    def add(self, error: Decimal, cost: Decimal | None, *, lines: int = 1, exact: int | None = None) -> None:
        """Add a difference (counted less book)."""
        self.lines += lines
        self.exact += int(error == 0) if exact is None else exact
        self.gained += max(error, NOTHING)
        self.lost += max(-error, NOTHING)
        self.value += abs(error) * (cost or NOTHING)


def accuracy_by(
    way: str, *, devices: Iterable[Device], since: datetime | None = None, limit: int = 500
) -> list[Accuracy]:
    """The groups with the most value, then units, at stake first. One query, by counter three, at any size."""
    lines = StocktakeLine.objects.filter(device__in=devices, state=Line.POSTED, counted__isnull=False)
    if since is not None:
        lines = lines.filter(counted_at__gte=since)
    found = _by_counter(lines) if way == "counter" else _by_column(lines.filter(BOOKED), *COLUMNS[way])
    found.sort(key=lambda one: (-one.value, -(one.gained + one.lost), one.name, one.key))
    return found[:limit]


def _by_column(lines: Any, key: str, name: str) -> list[Accuracy]:
    groups: dict[str, Accuracy] = {}
    rows = (
        lines.order_by()
        .values(key, name, cost=F("product__unit_cost"))
        .annotate(
            number=Count("pk"),
            fine=Count("pk", filter=Q(variance=0)),
            up=Sum("variance", filter=Q(variance__gt=0)),
            down=Sum("variance", filter=Q(variance__lt=0)),
        )
    )
    for row in rows.iterator(CHUNK):
        group = groups.setdefault(str(row[key]), Accuracy(str(row[key]), row[name]))
        group.add(row["up"] or NOTHING, row["cost"], lines=row["number"], exact=row["fine"])
        group.add(row["down"] or NOTHING, row["cost"], lines=0, exact=0)
    return list(groups.values())


def _by_counter(lines: Any) -> list[Accuracy]:
    groups: dict[str, Accuracy] = {}
    rows = lines.order_by().values_list("passes", "variance", "movement", "product__unit_cost")
    for passes, variance, movement, cost in rows.iterator(CHUNK):
        truth = variance if movement is not None else NOTHING
        for result in passes:
            for key in result["counters"]:
                group = groups.setdefault(key, Accuracy(key, key))
                group.add(Decimal(result["variance"]) - truth, cost)
    for key, name in _names(groups).items():
        groups[key].name = name
    return list(groups.values())


def _names(keys: Iterable[str]) -> dict[str, str]:
    """What people call the installations and people behind actors' keys."""
    ids: dict[str, list[UUID]] = {}
    for key in keys:
        kind, _, id = key.partition(":")
        ids.setdefault("installation" if kind == "installation" else "person", []).append(_uuid(id))
    known = Installation.objects.filter(uuid__in=ids.get("installation", ())).values_list("uuid", "name")
    names = {f"installation:{uuid}": name for uuid, name in known if name}
    people = User.objects.filter(uuid__in=ids.get("person", ())).values_list("uuid", "username")
    names |= {f"{kind}:{uuid}": name for uuid, name in people for kind in ("user", "staff")}
    return {key: names[key] for key in keys if key in names}


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)  # the system's own
