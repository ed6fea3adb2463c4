"""Kinds of reports: what each is called, what it can be asked for, and how it is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from inventory.formats.sheets import Sheet
from inventory.models import Category, Location, Product, StockMovement
from inventory.reports.periods import PERIODS
from inventory.reports.scope import Scope

Asked = Mapping[str, Any]  # filter → its value: a datetime, date, int, bool, str, or the row that an id names
FilterType = Literal["moment", "day", "whole", "flag", "choice", "id"]


@dataclass(frozen=True, slots=True)
class Filter:
    """One thing to ask a report for. `model` is what an id names; `most` is the largest whole number."""

    name: str
    type: FilterType
    about: str
    default: Any = None
    choices: tuple[str, ...] = ()
    most: int = 0
    model: Any = None


@dataclass(frozen=True, slots=True)
class ReportKind:
    """`build` returns a sheet whose rows are read as they are written; nothing is read before."""

    name: str
    title: str
    about: str
    build: Callable[[Scope, Asked], Sheet]
    filters: tuple[Filter, ...] = ()


_PERIOD = "A period by name instead of its days; where a report is of a moment, its end"
PERIOD = Filter("period", "choice", _PERIOD, choices=tuple(PERIODS))
AT = Filter("at", "moment", "As it was at this time, by when movements happened")
REVISION = Filter("revision", "whole", "As it was at this revision of the feed", most=10**18 - 1)
FROM_DAY = Filter("from_day", "day", "First day of the period, in the server's time zone")
TO_DAY = Filter("to_day", "day", "Last day of the period, included")
CATEGORY = Filter("category_id", "id", "Products of this category and of those below it", model=Category)
LOCATION = Filter("location_id", "id", "Stock at this location and at those below it", model=Location)
PRODUCT = Filter("product_id", "id", "This product alone", model=Product)
MOVEMENT = Filter("kind", "choice", "Movements of this kind", choices=tuple(StockMovement.Kind.values))
