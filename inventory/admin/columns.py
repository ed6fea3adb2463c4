"""What several pages show alike: quantities, stock, paths."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db.models import Sum
from django.utils.html import format_html

from config.core.quantities import plain
from inventory.models import StockLevel


def shown(quantity: Decimal | None, unit: str = "") -> str:
    """A quantity as people read it; negative ones stand out."""
    if quantity is None:
        return "–"
    text = f"{plain(quantity)} {unit}".strip()
    return (
        format_html('<span class="font-semibold text-red-600 dark:text-red-400">{}</span>', text)
        if quantity < 0
        else text
    )


def on_hand(products: Iterable[Any]) -> dict[int, Decimal]:
    """The stock of many products: one query."""
    sums = StockLevel.all_objects.filter(product__in=list(products)).order_by().values("product")
    return {row["product"]: row["total"] for row in sums.annotate(total=Sum("quantity"))}


def path_to(row: Any, most: int = 4) -> str:
    """“Store › Aisle 1 › Shelf 2”: as far up as the parents were loaded with the row."""
    names: list[str] = []
    while row is not None and len(names) < most:
        names.append(str(row))
        row = row.parent if row.parent_id else None
    return " › ".join(reversed(names)) if row is None else " › ".join(["…", *reversed(names)])
