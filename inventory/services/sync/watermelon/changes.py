"""Changes: what a WatermelonDB client pushes, told apart into rows, deletions and what cannot be used."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn
from uuid import UUID

from config.core.errors import FieldProblem, Invalid
from config.core.quantities import plain
from config.core.wire import to_json
from devices.actors import Actor
from devices.models import Device
from inventory.models import Case
from inventory.services.cases import Trouble, open_cases
from inventory.services.sync.watermelon.columns import Layout, read_id

Layouts = Mapping[str, Layout]
EVIDENCE_TEXT = 100_000  # letters kept of one value
EVIDENCE_COLUMNS = 200
MAX_SAFE_INTEGER = 2**53
OURS = ("_status", "_changed")  # the library's own notes on a row


@dataclass(slots=True)
class Row:
    """One created or updated row as it came; `fresh` where the client says that it is new."""

    id: UUID
    raw: Mapping[str, Any]
    fresh: bool


@dataclass(frozen=True, slots=True)
class Flag:
    """Something that was accepted although it is not as it should be."""

    table: str
    id: str
    reasons: Sequence[str]
    raw: Any

    @property
    def key(self) -> str:
        """The same content gives the same key, so that a replay is known."""
        digest = hashlib.sha256(to_json([self.reasons, evidence(self.raw)])).hexdigest()[:16]
        return f"watermelon:{self.table[:63]}:{self.id[:36]}:{digest}"


@dataclass(slots=True)
class Changes:
    """A change set: rows and deletions per known table."""

    rows: dict[str, dict[UUID, Row]] = field(default_factory=dict)
    deleted: dict[str, list[UUID]] = field(default_factory=dict)
    flags: list[Flag] = field(default_factory=list)


def read_changes(body: Any, layouts: Layouts) -> Changes:
    """A change set from its JSON. Raises Invalid where it is none; tables and ids we cannot know are flagged."""
    found = Changes()
    for name, value in _object(body, "body").items():
        lists = _object(value, name)
        given = {part: _list(lists.get(part), f"{name}.{part}") for part in ("created", "updated", "deleted")}
        if name not in layouts:
            if any(given.values()):
                found.flags.append(Flag(name, "", ["this table is not synced"], {}))
            continue
        _read_rows(found, name, given)
        _read_deleted(found, name, given["deleted"])
    return found


def _read_rows(found: Changes, name: str, given: Mapping[str, list[Any]]) -> None:
    rows = found.rows.setdefault(name, {})
    for part in ("created", "updated"):
        for index, raw in enumerate(given[part]):
            where = f"{name}.{part}.{index}"
            text = _text(_object(raw, where).get("id"), f"{where}.id")
            id = read_id(text)
            if id is None:
                found.flags.append(Flag(name, text, ["id: neither a UUID nor an id of WatermelonDB"], raw))
            else:
                rows[id] = Row(id, raw, fresh=part == "created" or (id in rows and rows[id].fresh))


def _read_deleted(found: Changes, name: str, given: list[Any]) -> None:
    ids = (read_id(_text(text, f"{name}.deleted.{index}")) for index, text in enumerate(given))
    found.deleted[name] = list(dict.fromkeys(id for id in ids if id is not None))


def _object(value: Any, where: str) -> dict[str, Any]:
    return value if isinstance(value, dict) else _refuse(where, "Give an object.")


def _list(value: Any, where: str) -> list[Any]:
    found: list[Any] = [] if value is None else value
    return found if isinstance(found, list) else _refuse(where, "Give a list.")


def _text(value: Any, where: str) -> str:
    return value if isinstance(value, str) else _refuse(where, "Give the id as text.")


def _refuse(where: str, detail: str) -> NoReturn:
    raise Invalid(f"`{where[:80]}`: {detail}", errors=[FieldProblem(where[:80], "invalid", detail)])


def evidence(raw: Any) -> Any:
    """A pushed row as a case keeps it: all of it but what has no bounds; decimals and huge numbers as text."""
    if isinstance(raw, Mapping):
        columns = [(name, value) for name, value in raw.items() if name not in OURS][:EVIDENCE_COLUMNS]
        return {name[:EVIDENCE_TEXT]: evidence(value) for name, value in columns}
    if isinstance(raw, str):
        return raw[:EVIDENCE_TEXT]
    if isinstance(raw, Decimal):
        return plain(raw) if abs(raw.adjusted()) < EVIDENCE_COLUMNS else str(raw)
    if isinstance(raw, int) and abs(raw) > MAX_SAFE_INTEGER:
        return str(raw)
    return [evidence(value) for value in raw[:EVIDENCE_COLUMNS]] if isinstance(raw, list) else raw


def open_flags(flags: Iterable[Flag], *, device: Device, actor: Actor) -> int:
    """One case for each, unless the same was flagged before, open or closed. Returns how many are new."""
    by_key = {flag.key: flag for flag in flags}
    known: set[str] = set()
    keys = list(by_key)
    for start in range(0, len(keys), 500):
        cases = Case.all_objects.for_device(device).filter(
            kind=Case.Kind.PAYLOAD_CONFLICT, key__in=keys[start : start + 500]
        )
        known.update(cases.values_list("key", flat=True))
    troubles = [
        Trouble(
            kind=Case.Kind.PAYLOAD_CONFLICT,
            key=key,
            summary=f"{flag.table[:63]} {flag.id[:36]}: {'; '.join(flag.reasons)}",
            evidence={"table": flag.table[:200], "id": flag.id, "reasons": flag.reasons, "raw": evidence(flag.raw)},
        )
        for key, flag in by_key.items()
        if key not in known
    ]
    for start in range(0, len(troubles), 500):
        open_cases(device=device, actor=actor, troubles=troubles[start : start + 500])
    return len(troubles)
