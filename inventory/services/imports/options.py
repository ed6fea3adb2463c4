"""Options of an import: how a file is read and what may be done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, tzinfo
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from config.core.errors import FieldProblem
from inventory.errors import ImportOptions
from inventory.services.imports.fields import DATE_FORMATS, How

EXISTING = ("update", "fill", "skip")
MATCH = ("code", "name")
SIGN = ("stock", "sales")
MAX_TEXT, MAX_LIST = 200, 50


@dataclass(frozen=True, slots=True)
class Options:
    """What may be said about an import; docs/imports.md tells what each is for."""

    existing: str = "update"
    match: str = "code"
    create_missing: bool = True
    sign: str = "stock"
    reason: str = ""
    source: str = ""
    decimal_comma: bool = False
    date_format: str = ""
    time_zone: str = "UTC"
    trim: bool = True
    guarded: bool = True
    path_separator: str = "/"
    join: str = " / "
    prefixes: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    fill_down: Sequence[str] = ()
    dropped: Sequence[str] = ()
    clear: str = ""
    sheet: str = ""
    location: str = ""

    def how(self) -> How:
        """How cells are read."""
        zone: tzinfo = UTC if self.time_zone == "UTC" else ZoneInfo(self.time_zone)
        return How(self.decimal_comma, self.date_format, zone, self.trim, self.guarded)


def _one_of(*choices: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if value not in choices:
            raise ValueError(f"One of: {', '.join(choice or '(empty)' for choice in choices)}.")
        return value

    return check


def _flag(value: Any) -> Any:
    if not isinstance(value, bool):
        raise ValueError("true or false.")
    return value


def _text(value: Any) -> Any:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise ValueError(f"Text of at most {MAX_TEXT} characters.")
    return value


def _zone(value: Any) -> Any:
    try:
        ZoneInfo(_text(value))
    except (KeyError, ValueError, OSError):
        raise ValueError("A time zone such as Europe/London.") from None
    return value


def _id(value: Any) -> Any:
    try:
        return value and str(UUID(_text(value)))
    except ValueError:
        raise ValueError("The id of a count sheet.") from None


def _texts(value: Any) -> Any:
    if not isinstance(value, list) or len(value) > MAX_LIST:
        raise ValueError(f"A list of at most {MAX_LIST} texts.")
    return [_text(entry) for entry in value]


def _pairs(value: Any) -> Any:
    if not isinstance(value, dict) or len(value) > MAX_LIST:
        raise ValueError(f"An object of at most {MAX_LIST} texts.")
    return {_text(name): _text(entry) for name, entry in value.items()}


CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "existing": _one_of(*EXISTING),
    "match": _one_of(*MATCH),
    "create_missing": _flag,
    "sign": _one_of(*SIGN),
    "reason": _text,
    "source": _text,
    "decimal_comma": _flag,
    "date_format": _one_of("", *DATE_FORMATS),
    "time_zone": _zone,
    "trim": _flag,
    "guarded": _flag,
    "path_separator": _text,
    "join": _text,
    "prefixes": _pairs,
    "defaults": _pairs,
    "fill_down": _texts,
    "dropped": _texts,
    "clear": _text,
    "sheet": _id,
    "location": _text,
}


def read_options(given: Mapping[str, Any]) -> Options:
    """Raises ImportOptions with every problem."""
    problems = []
    for name, value in given.items():
        if name not in CHECKS:
            problems.append(FieldProblem(f"options.{name[:80]}", "unknown_field", "This option is not known."))
            continue
        try:
            CHECKS[name](value)
        except ValueError as error:
            problems.append(FieldProblem(f"options.{name}", "invalid", str(error)))
    if problems:
        raise ImportOptions(f"`{problems[0].field}`: {problems[0].detail}", errors=problems)
    return Options(**given)


def given_options(options: Options) -> dict[str, Any]:
    """What differs from the defaults, as it is stored."""
    plain = Options()
    return {
        entry.name: getattr(options, entry.name)
        for entry in fields(Options)
        if getattr(options, entry.name) != getattr(plain, entry.name)
    }
