"""The history of a row, read from events, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import models

from devices.models import DeviceOwnedModel, Event, ServerEvent

MOST = 300  # characters of one value
COLOURS = {"created": "success", "restored": "success", "registered": "success", "deleted": "danger", "updated": "info"}


@dataclass(frozen=True, slots=True)
class Change:
    """One field: what it was and what it became, as text."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One event about one row."""

    event: Event | ServerEvent
    action: str
    colour: str
    changes: list[Change]


def read_history(model: type[models.Model], events: Iterable[Any]) -> list[Entry]:
    """Events of rows of one model, with references by name instead of by id (one query per referred model)."""
    found = list(events)
    names = _names(model, found)
    return [
        Entry(
            event,
            event.action.replace("_", " "),
            COLOURS.get(event.action, "warning" if event.action.startswith("standing") else ""),
            [
                Change(field.replace("_", " "), _text(field, before, names), _text(field, after, names))
                for field, (before, after) in event.changes.items()
            ],
        )
        for event in found
    ]


def _names(model: type[models.Model], events: list[Any]) -> dict[tuple[str, str], str]:
    named: dict[tuple[str, str], str] = {}
    for field in model._meta.concrete_fields:
        target: Any = field.related_model
        if not isinstance(field, models.ForeignKey) or not hasattr(target, "uuid"):
            continue
        wanted = {value for event in events for value in event.changes.get(field.name, ()) if _is_id(value)}
        if not wanted:
            continue
        rows = getattr(target, "all_objects", target._default_manager).filter(uuid__in=wanted)
        if issubclass(target, DeviceOwnedModel):  # the same id on another device is another row
            rows = rows.filter(device__in={event.device_id for event in events})
        named |= {(field.name, str(row.uuid)): str(row) for row in rows}
    return named


def _is_id(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(UUID(value))
    except ValueError:
        return False


def _text(field: str, value: Any, names: dict[tuple[str, str], str]) -> str:
    if value is None or value in ("", {}, []):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    text = names.get((field, str(value)), str(value))
    return text if len(text) <= MOST else f"{text[:MOST]}…"
