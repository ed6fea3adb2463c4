"""Products and their stock, page by page: what several reports begin with."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from devices.models import Device
from inventory.formats.sheets import EXACT, Bar, Kind, shown_number
from inventory.models import Category, Location, Lot, Product
from inventory.reports.balances import ZERO, balances
from inventory.reports.kinds import Asked
from inventory.reports.scope import Scope, pages
from inventory.reports.trees import Tree

LARGEST = 8  # bars of a chart
Place = tuple[int, Lot | None]  # location, lot


@dataclass(frozen=True, slots=True)
class Stocked:
    """A product and the buckets of it that are not empty."""

    product: Product
    places: dict[Place, Decimal]

    @property
    def on_hand(self) -> Decimal:
        return sum(self.places.values(), ZERO)


def moment_of(asked: Asked) -> datetime | int | None:
    """The time or revision that was asked for."""
    return asked.get("at") or asked.get("revision")


def moment_facts(scope: Scope, asked: Asked) -> Iterator[tuple[str, str]]:
    """What narrows a report down, for its head."""
    if "at" in asked:
        yield "Stock at", f"{asked['at'].astimezone(scope.zone):%Y-%m-%d %H:%M} ({scope.zone})"
    if "revision" in asked:
        yield "Stock at", f"revision {asked['revision']:,}"
    for name, label in (("category_id", "Category"), ("location_id", "Location"), ("product_id", "Product")):
        if name in asked:
            yield label, str(asked[name])


def products_of(device: Device, asked: Asked) -> Any:
    """The products that were asked for, deleted ones too: what lies there lies there."""
    found = Product.all_objects.for_device(device)
    if "product_id" in asked:
        found = found.filter(pk=asked["product_id"].pk)
    if "category_id" in asked:
        found = found.filter(category__in=Tree(Category, device).below(asked["category_id"].pk))
    return found


def stocked(scope: Scope, device: Device, asked: Asked, products: Any = None) -> Iterator[Stocked]:
    """Every product with its stock, by name; three queries a page at most."""
    wanted: Collection[int] | None = None
    if "location_id" in asked:
        wanted = Tree(Location, device).below(asked["location_id"].pk)
    for page in pages(products_of(device, asked) if products is None else products, "name"):
        places: dict[int, dict[Place, Decimal]] = {product.pk: {} for product in page}
        found = balances(device, head=scope.heads[device.pk], at=moment_of(asked), products=list(places))
        lots = Lot.all_objects.in_bulk({lot for _, _, lot in found if lot is not None})
        for (product, location, lot), quantity in found.items():
            if wanted is None or location in wanted:
                places[product][location, lots[lot] if lot else None] = quantity
        yield from (Stocked(product, places[product.pk]) for product in page)


def largest(sums: dict[str, Decimal], *, unit: str = "", money: bool = False) -> list[Bar]:
    """The largest as bars, the others as one."""
    ordered = sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))
    shown, others = ordered[:LARGEST], ordered[LARGEST:]
    if others:
        rest = sum((value for _, value in others), ZERO)
        shown.append((f"{len(others):,} others", rest))
    return [Bar(label or "–", value, _with_unit(value, unit, money=money)) for label, value in shown]


def by_unit(sums: dict[str, Decimal]) -> str:
    """“12,345 pcs · 3.5 kg”: the largest three."""
    ordered = sorted(sums.items(), key=lambda pair: -abs(pair[1]))
    shown = [_with_unit(value, unit, money=False) for unit, value in ordered[:3] if value]
    return " · ".join(shown) + (" · …" if len(ordered) > len(shown) and len(shown) == 3 else "") or "0"  # noqa: PLR2004  # as said


def add(sums: dict[str, Decimal], key: str, value: Decimal) -> None:
    """Add to one of several sums, exactly."""
    sums[key] = EXACT.add(sums.get(key, ZERO), value)


def _with_unit(value: Decimal, unit: str, *, money: bool) -> str:
    return shown_number(value, Kind.MONEY) if money else f"{shown_number(value)} {unit}".rstrip()
