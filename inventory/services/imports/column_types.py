"""Types of columns, guessed from what stands in their first cells; nothing is read by them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from inventory.services.imports.fields import DAMAGED, PARTS, WORDS
from inventory.services.imports.guesses import CODE, guess_date_format

TYPES = (
    *("blank", "text", "code", "code_damaged", "whole_number", "decimal", "decimal_comma"),
    *("date", "time", "yes_no"),
)
ORDERS = ("iso", "dmy", "mdy", "ambiguous")

_WHOLE = re.compile(r"[+-]?[0-9]+")
_ZEROS = re.compile(r"0[0-9]+")
_DIGITS = re.compile(r"[0-9]+")
_POINT = re.compile(r"[+-]?[0-9]*\.[0-9]+")
_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T].+)?")
_CLOCK = re.compile(r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?")


def guess_type(cells: Sequence[str]) -> dict[str, Any]:
    """`type`, one of TYPES, and of dates `date_format`, one of ORDERS. Blank cells say nothing; all others must fit."""
    typed = [cell.strip() for cell in cells if cell.strip()]
    if not typed:
        return _found("blank")
    if any(DAMAGED.fullmatch(cell) for cell in typed):
        return _found("code_damaged")  # one is enough: the digits of all such codes are lost
    return next((_found(name) for name, fits in _TESTS if fits(typed)), None) or _dates(typed) or _found("text")


def _found(name: str, date_format: str | None = None) -> dict[str, Any]:
    return {"type": name, "date_format": date_format}


def _is_flag(cells: Sequence[str]) -> bool:
    return all(cell.lower() in WORDS for cell in cells) and not all(_DIGITS.fullmatch(cell) for cell in cells)


def _is_code(cells: Sequence[str]) -> bool:
    """Digits of which some begin with a zero that a number would not keep, or as many as a GTIN has."""
    if not all(_DIGITS.fullmatch(cell) for cell in cells):
        return False
    return any(_ZEROS.fullmatch(cell) for cell in cells) or all(CODE.fullmatch(cell) for cell in cells)


def _is_whole(cells: Sequence[str]) -> bool:
    return all(_WHOLE.fullmatch(cell) for cell in cells)


def _is_decimal(cells: Sequence[str]) -> bool:
    return all(_POINT.fullmatch(cell) or _WHOLE.fullmatch(cell) for cell in cells)


def _is_decimal_comma(cells: Sequence[str]) -> bool:
    """`1,234` alone may be a thousand: a comma that can be no such sign must be among them."""
    commas = [cell for cell in cells if _COMMA.fullmatch(cell)]
    return any(not _THOUSANDS.fullmatch(cell) for cell in commas) and _is_whole([c for c in cells if c not in commas])


def _is_clock(cells: Sequence[str]) -> bool:
    return all(_CLOCK.fullmatch(cell) for cell in cells)


_TESTS: tuple[tuple[str, Callable[[Sequence[str]], bool]], ...] = (
    ("yes_no", _is_flag),
    ("code", _is_code),
    ("whole_number", _is_whole),
    ("decimal", _is_decimal),
    ("decimal_comma", _is_decimal_comma),
    ("time", _is_clock),
)


def _dates(cells: Sequence[str]) -> dict[str, Any] | None:
    """Days, or days with a time; None where a cell is neither."""
    others = [cell for cell in cells if not _is_iso(cell)]
    parts = [PARTS.fullmatch(cell) for cell in others]
    if not all(parts):
        return None
    has_time = any(":" in cell for cell in cells)
    order = (guess_date_format(others) or _by_months(parts)) if others else "iso"
    return _found("time" if has_time else "date", order)


def _by_months(dates: Sequence[re.Match[str] | None]) -> str:
    """`31-Jan-2027` says its order itself."""
    return "dmy" if all(date is not None and date[2].isalpha() for date in dates) else "ambiguous"


def _is_iso(cell: str) -> bool:
    try:
        datetime.fromisoformat(cell)
    except ValueError:
        return False
    return _ISO.fullmatch(cell) is not None
