"""Which events an endpoint wants: patterns of their type, and conditions on what they set."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from config.core.errors import FieldProblem
from devices.models import Event
from inventory.errors import WebhookInvalid

MOST_PATTERNS = 50
MOST_CONDITIONS = 20
PATTERN = re.compile(r"\*|(?:\*|[a-z][a-z_]{0,62})\.(?:\*|[a-z][a-z_]{0,39})")


def type_of(event: Event) -> str:
    """`stock_movements.created`"""
    return f"{event.table}.{event.action}"


def wants(event: Event, *, patterns: Sequence[str], conditions: Mapping[str, Any]) -> bool:
    """Whether an event matches one of the patterns and sets every conditioned field to one of the values."""
    if not any(_matches(pattern, event) for pattern in patterns):
        return False
    return all(_set_to(event, name) in _as_list(wanted) for name, wanted in conditions.items())


def check_patterns(patterns: Sequence[str]) -> list[str]:
    """Raises WebhookInvalid."""
    if not 1 <= len(patterns) <= MOST_PATTERNS:
        raise _invalid("events", f"Give 1 to {MOST_PATTERNS} patterns.")
    for pattern in patterns:
        if not PATTERN.fullmatch(pattern):
            raise _invalid(
                "events", f"`{pattern[:80]}` is no pattern such as `stock_movements.created`, `cases.*`, `*`."
            )
    return list(dict.fromkeys(patterns))


def check_conditions(conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Raises WebhookInvalid."""
    if len(conditions) > MOST_CONDITIONS:
        raise _invalid("conditions", f"Give at most {MOST_CONDITIONS} conditions.")
    for name, wanted in conditions.items():
        if not all(value is None or isinstance(value, str | int) for value in _as_list(wanted)):
            raise _invalid("conditions", f"`{name[:80]}` takes a text, a whole number, true, false, null or a list.")
    return dict(conditions)


def _matches(pattern: str, event: Event) -> bool:
    table, _, action = pattern.partition(".")
    return table in ("*", event.table) and action in ("", "*", event.action)


def _set_to(event: Event, name: str) -> Any:
    change = event.changes.get(name)
    return NOTHING if change is None else change[1]


NOTHING = object()  # equal to no value that a condition may name


def _as_list(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]


def _invalid(field: str, detail: str) -> WebhookInvalid:
    return WebhookInvalid(detail, errors=[FieldProblem(field, "invalid", detail)])
