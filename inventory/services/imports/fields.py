"""Fields of imports: what a cell may say, and how it is read."""

from __future__ import annotations

import calendar
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from functools import partial
from typing import Any
from uuid import UUID

from config.core.errors import BadText
from config.core.wire import refuse_unstorable
from inventory.formats.decimals import parse_quantity

MAX_VALUE = 200  # characters of a cell that a report repeats
MAX_ATTRIBUTES, MAX_ATTRIBUTE_BYTES, MAX_DEPTH = 100, 65_536, 5
DAMAGED = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+[0-9]{2,3}")  # what a spreadsheet makes of 8410000123457
YEARS = range(1900, 9000)
DATE_FORMATS = ("iso", "dmy", "mdy")
WORDS = {"true": True, "yes": True, "y": True, "1": True, "false": False, "no": False, "n": False, "0": False}

PARTS = re.compile(
    r"(\d{1,2})[-/. ](\d{1,2}|[A-Za-z]{3})[-/. ](\d{4}|\d{2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?"
)
_MONTHS = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6}
_MONTHS |= {"jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12}
_YEAR_MONTH = re.compile(r"(?:20)?(\d{2})-(0[1-9]|1[0-2])")
_CENTURY = 69  # two digits below: 20xx, as the C library has it


class CellProblem(ValueError):
    """A cell that cannot be taken: a code for programs, a sentence and a hint for people."""

    def __init__(self, internal_code: str, detail: str, *, hint: str = "", field: str = "") -> None:
        super().__init__(detail)
        self.internal_code, self.detail, self.hint, self.field = internal_code, detail, hint, field


@dataclass(frozen=True, slots=True)
class How:
    """How the cells of one file are read."""

    decimal_comma: bool = False
    date_format: str = ""  # "": ISO only, anything else is ambiguous until somebody chooses
    time_zone: tzinfo = UTC
    trim: bool = True
    guarded: bool = True  # cells carry the guard against formulas


REFUSED = object()
Read = Callable[[str, How], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One thing a row may say. `names`: header cells that mean it, the best first, as plain() writes them.

    `verbatim`: outer spaces are part of it. `blank`: what a cell that clears it stores; REFUSED: it cannot be cleared.
    """

    name: str
    title: str
    read: Read
    names: tuple[str, ...] = ()
    verbatim: bool = False
    blank: Any = REFUSED


def _text(text: str, how: How, *, most: int) -> str:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise CellProblem("import_bad_text", "The text holds a NUL or half a character.")
    if len(text) > most:
        raise CellProblem("import_too_long", f"It has {len(text):,} characters; {most:,} is the most.")
    return text


def text(most: int) -> Read:
    """Text of at most so many characters."""
    return partial(_text, most=most)


def _code(typed: str, how: How, *, most: int) -> str:
    if how.trim and DAMAGED.fullmatch(typed):  # untrimmed is our own export: it means what it says
        raise CellProblem(
            "import_code_damaged",
            f"{typed} is a code that a spreadsheet has shortened.",
            hint="Export the column as text and import again; the digits are lost in this file.",
        )
    return _text(typed, how, most=most)


def code(most: int) -> Read:
    """A code, kept as typed; what a spreadsheet has shortened is refused."""
    return partial(_code, most=most)


def quantity(typed: str, how: How) -> Any:
    """An exact decimal number."""
    try:
        return parse_quantity(typed, decimal_comma=how.decimal_comma)
    except ValueError as error:
        sign = "a comma" if "," in typed and not how.decimal_comma else "a point"
        hint = f"If {sign} is the decimal sign in this file, say so with decimal_comma." if set(",.") & {*typed} else ""
        raise CellProblem("import_not_a_quantity", str(error), hint=hint) from None


def amount(typed: str, how: How) -> Any:
    """A quantity that is not below zero."""
    found = quantity(typed, how)
    if found < 0:
        raise CellProblem("import_below_zero", f"{typed[:40]!r} is below zero.")
    return found


def flag(typed: str, how: How) -> bool:
    """true or false, in the usual words."""
    found = WORDS.get(typed.strip().lower())
    if found is None:
        raise CellProblem(
            "import_not_a_flag", f"{typed[:40]!r} is neither true nor false.", hint="Write true or false."
        )
    return found


def one_of(choices: tuple[str, ...], *, other: str = "") -> Read:
    """One of these words, whatever its case; `other`: what an unknown word means."""

    def read(typed: str, how: How) -> str:
        found = typed.strip().lower()
        if found in choices:
            return found
        if other:
            return other
        raise CellProblem("import_unknown_choice", f"{typed[:40]!r} is not one of: {', '.join(choices)}.")

    return read


def wire_id(typed: str, how: How) -> UUID:
    """A row's own id."""
    try:
        return UUID(typed.strip())
    except ValueError:
        raise CellProblem("import_not_an_id", f"{typed[:40]!r} is not an id.", hint="Ids are UUIDs.") from None


def moment(typed: str, how: How) -> datetime:
    """A time; one without a zone is in the file's."""
    try:
        found = datetime.fromisoformat(typed.strip())
    except ValueError:
        found = _chosen(typed.strip(), how)
    if found.year not in YEARS:
        raise CellProblem("import_not_a_date", f"The year {found.year} is out of range.")
    return found if found.tzinfo else found.replace(tzinfo=how.time_zone)


def day(typed: str, how: How) -> date:
    """A date; a time of day is left out."""
    return moment(typed, how).date()


def expiry(typed: str, how: How) -> date:
    """A date; `2015-11` or `15-11`, as labels have it, is the last day of that month."""
    found = _YEAR_MONTH.fullmatch(typed.strip())
    if found is None:
        return day(typed, how)
    year, month = 2000 + int(found[1]), int(found[2])
    return date(year, month, calendar.monthrange(year, month)[1])


def _chosen(typed: str, how: How) -> datetime:
    found = PARTS.fullmatch(typed)
    if found is None:
        detail = f"{typed[:40]!r} is not a time: write it as 2010-12-01 08:26:00."
        raise CellProblem("import_not_a_date", detail)
    if how.date_format not in ("dmy", "mdy"):
        raise CellProblem(
            "import_date_ambiguous",
            f"{typed[:40]!r} is one day in one country and another elsewhere.",
            hint="Choose date_format: dmy (day first) or mdy (month first).",
        )
    return _assembled(found, how)


def _assembled(found: re.Match[str], how: How) -> datetime:
    first, second, year = found[1], found[2], int(found[3])
    if how.date_format == "mdy" and second.isdigit():
        first, second = second, first
    month = int(second) if second.isdigit() else _MONTHS.get(second.lower(), 0)
    if len(found[3]) == len("yy"):
        year += 2000 if year < _CENTURY else 1900
    try:
        hour, minute, second_ = (int(part or 0) for part in found.groups()[3:])
        clock = time(hour, minute, second_)
        return datetime.combine(date(year, month, int(first)), clock)
    except ValueError:
        detail = f"{found[0][:40]!r} is no day when read as {how.date_format}."
        raise CellProblem("import_not_a_date", detail, hint="Is the other date_format the right one?") from None


def attributes(typed: str, how: How) -> dict[str, Any]:
    """A JSON object, as exports write it."""
    try:
        found = json.loads(typed, parse_float=str, parse_constant=_refuse)
        deep = _depth(found) > MAX_DEPTH
    except (ValueError, RecursionError):
        found, deep = None, False
    if not isinstance(found, dict) or deep or len(found) > MAX_ATTRIBUTES or len(typed.encode()) > MAX_ATTRIBUTE_BYTES:
        detail = f"Attributes are one JSON object of at most {MAX_ATTRIBUTES} keys."
        raise CellProblem("import_bad_attributes", detail)
    try:
        refuse_unstorable(found)
    except BadText as error:
        raise CellProblem("import_bad_text", error.detail) from None
    return found


def _refuse(word: str) -> Any:
    raise ValueError(word)


def _depth(value: Any) -> int:
    if isinstance(value, Mapping):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def shown(typed: str) -> str:
    """A cell as a report repeats it."""
    return "".join(letter if letter.isprintable() else "�" for letter in typed[:MAX_VALUE])
