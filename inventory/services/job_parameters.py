"""Parameters of jobs: how each is read from JSON, from a form or from a command line."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_datetime

LONGEST_TEXT = 200
MANY = 500
BROKEN = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: `read` returns what is stored, or raises ValueError with a sentence for people.

    One with a `default` is never missing. `about` is a line for forms and for `run_job --help`.
    """

    read: Callable[[Any], Any]
    required: bool = True
    default: Any = None
    about: str = ""


def text(*, most: int = LONGEST_TEXT, **kept: Any) -> Parameter:
    """A text of 1 to `most` characters."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or not 1 <= len(value) <= most or BROKEN.search(value):
            raise ValueError(f"Give a text of 1 to {most} characters.")
        return value

    return Parameter(read, **kept)


def choice(*words: str, **kept: Any) -> Parameter:
    """One of a few words."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"Give one of: {', '.join(words)}.")
        return value

    return Parameter(read, **kept)


def whole(*, least: int = 0, most: int = 10**9, **kept: Any) -> Parameter:
    """A whole number; "5" is one too."""

    def read(value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"Give a whole number from {least} to {most}.")
        return value

    return Parameter(read, **kept)


def flag(**kept: Any) -> Parameter:
    """True or false."""

    def read(value: Any) -> bool:
        known = {"true": True, "false": False}.get(value) if isinstance(value, str) else value
        if not isinstance(known, bool):
            raise ValueError("Give true or false.")
        return known

    return Parameter(read, **kept)


def day(**kept: Any) -> Parameter:
    """A date, stored as ISO text."""

    def read(value: Any) -> str:
        try:
            return date.fromisoformat(value).isoformat()
        except (TypeError, ValueError):
            raise ValueError("Give a date such as 2026-01-31.") from None

    return Parameter(read, **kept)


def moment(**kept: Any) -> Parameter:
    """A time with its zone, stored as ISO text."""

    def read(value: Any) -> str:
        try:
            found: datetime | None = parse_datetime(value)
        except (TypeError, ValueError):
            found = None
        if found is None or found.tzinfo is None:
            raise ValueError("Give a time with its zone such as 2026-01-31T12:00:00Z.")
        return found.isoformat()

    return Parameter(read, **kept)


def ident(**kept: Any) -> Parameter:
    """An id. Whether it names a row of the device is for the kind's `check`."""

    def read(value: Any) -> str:
        try:
            return str(UUID(value))
        except (TypeError, ValueError, AttributeError):
            raise ValueError("Give an id (a UUID).") from None

    return Parameter(read, **kept)


def several(one: Parameter, *, most: int = MANY, **kept: Any) -> Parameter:
    """A list of 1 to `most`; a text is split at its commas."""

    def read(value: Any) -> list[Any]:
        found = value.split(",") if isinstance(value, str) else value
        if not isinstance(found, list) or not 1 <= len(found) <= most:
            raise ValueError(f"Give a list of 1 to {most}.")
        return [one.read(entry) for entry in found]

    return Parameter(read, **kept)


def mapping(*, most: int = MANY, **kept: Any) -> Parameter:
    """Texts by name, e.g. which column of a file is what."""
    name = text().read

    def read(value: Any) -> dict[str, str]:
        if not isinstance(value, dict) or len(value) > most:
            raise ValueError(f"Give an object of at most {most} texts.")
        return {name(key): name(entry) for key, entry in value.items()}

    return Parameter(read, **kept)
