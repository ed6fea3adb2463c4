"""A finished table on its way to a file: its name, its columns, its rows, and what they sum to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from decimal import Context, Decimal
from enum import Enum
from typing import Any

from config.core.quantities import plain

Cell = str | Decimal | int | bool | date | datetime | None
Cells = Sequence[Cell]
EXACT = Context(prec=80)  # a quantity times a price has up to 34 digits; Python's default rounds to 28


class Kind(Enum):
    """What a column holds."""

    TEXT = "text"
    QUANTITY = "quantity"  # Decimal, exact
    MONEY = "money"  # Decimal, exact; people are shown two decimals
    NUMBER = "number"  # int
    FLAG = "flag"
    DATE = "date"
    TIME = "time"  # aware datetime


NUMERIC = (Kind.QUANTITY, Kind.MONEY, Kind.NUMBER)


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is for programs, `title` for people; `width` in characters; `total`: its sum means something.

    `within` names the column that must say the same in every row for that: pieces and kilograms have no sum.
    """

    name: str
    title: str
    kind: Kind = Kind.TEXT
    width: int = 12
    total: bool = False
    within: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart; a negative value is drawn to the other side."""

    label: str
    value: Decimal
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A small picture of what the rows say: few bars, or one thin column per step of time."""

    title: str
    bars: Sequence[Bar]
    columns: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """What is known once all rows have been read: figures (label, text) and charts."""

    figures: Sequence[tuple[str, str]] = ()
    charts: Sequence[Chart] = ()


def no_summary() -> Summary:
    """Nothing to add to the rows."""
    return Summary()


@dataclass
class Sheet:
    """Rows are read once, as a stream; `count` and `totals` grow with them.

    `facts` (label, text) say what it is about and when it was true. `zone` is the time zone that people are
    shown times in; programs always get UTC. `nothing` is what no rows mean.
    """

    title: str
    columns: Sequence[Column]
    rows: Iterable[Cells]
    facts: Sequence[tuple[str, str]] = ()
    subtitle: str = ""
    zone: tzinfo = UTC
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    summarise: Callable[[], Summary] = no_summary
    nothing: str = "There is nothing to show."
    count: int = field(default=0, init=False)
    totals: dict[str, Decimal] = field(default_factory=dict, init=False)

    def __iter__(self) -> Iterator[Cells]:
        places = {column.name: place for place, column in enumerate(self.columns)}
        summed = [(places[column.name], column.name) for column in self.columns if column.total]
        alike = {column.name: places[column.within] for column in self.columns if column.within}
        first: Cells | None = None
        self.totals = {name: Decimal(0) for _, name in summed}
        for cells in self.rows:
            self.count += 1
            first = cells if first is None else first
            for name in [name for name, place in alike.items() if cells[place] != first[place]]:
                del alike[name], self.totals[name]
                summed = [(place, other) for place, other in summed if other != name]
            for place, name in summed:
                value: Any = cells[place]
                if value is not None:
                    self.totals[name] = EXACT.add(self.totals[name], Decimal(value))
            yield cells

    def total(self, column: Column) -> Decimal | None:
        """The sum of a column over the rows read so far; None where it has none."""
        return self.totals.get(column.name)


def for_programs(cell: Cell) -> str:
    """A cell as exact text: decimals as on the wire, times in UTC, true and false."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, Decimal):
        return plain(cell)
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def for_people(cell: Cell, kind: Kind, zone: tzinfo) -> str:
    """A cell as it is read: 1,234.5, two decimals of money, a true minus, local time to the minute."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, Decimal | int):
        return shown_number(Decimal(cell), kind)
    if isinstance(cell, datetime):
        return local(cell, zone).isoformat(" ", "minutes")[:16]
    return cell.isoformat() if isinstance(cell, date) else cell


def local(moment: datetime, zone: tzinfo) -> datetime:
    """The time in a zone; at the ends of the calendar, where there is none, as it is."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment


def shown_number(number: Decimal, kind: Kind = Kind.QUANTITY) -> str:
    """1234.50 → 1,234.5; as money 1,234.50; −3 with a minus, not a hyphen."""
    text = f"{number:,.2f}" if kind == Kind.MONEY else f"{number:,f}"
    if "." in text and kind != Kind.MONEY:
        text = text.rstrip("0").rstrip(".")
    return f"−{text[1:]}" if text.startswith("-") and text.strip("-0.") else text.removeprefix("-")
