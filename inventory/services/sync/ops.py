"""Operations as they come in a push, and the verdicts on them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from config.core.errors import AppError, BadText, FieldProblem, Invalid, ReferenceNotFound
from config.core.wire import BAD_TEXT, Mended, canonical_json, uuid_of
from inventory.services.sync.tables import Table

KINDS = ("create", "update", "delete")
MEMBERS = frozenset({"op_id", "sequence", "op", "table", "id", "data", "base", "base_revision"})
NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Op:
    """One operation as it came; `fingerprint` identifies its content, `error` says why it cannot be read."""

    op_id: UUID
    op: str
    table: str
    id: UUID
    fingerprint: str
    sequence: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    base: Mapping[str, Any] | None = None
    base_revision: int | None = None
    error: AppError | None = None


@dataclass(slots=True)
class Result:
    """The verdict on one operation: applied, duplicate, conflict or rejected."""

    op_id: UUID
    status: str
    table: Table | None = None
    row: Any = None
    error: AppError | None = None
    fields: tuple[str, ...] = ()
    verdict: str = ""
    code: str = ""  # why, where `verdict` was a conflict or a rejection

    @property
    def retryable(self) -> bool:
        """Whether the same operation may succeed later, trouble of our own included; such a verdict is not stored."""
        return self.error is not None and (
            isinstance(self.error, ReferenceNotFound) or self.error.status >= AppError.status
        )


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push answers: a result per operation, in order."""

    results: Sequence[Result]
    head: int
    next_sequence: int | None


def read_op(body: Any, index: int = 0) -> Op:
    """One operation from its JSON. Raises Invalid only where no verdict could be told (no op_id, bad sequence)."""
    where = f"ops.{index}"
    if not isinstance(body, dict):
        raise _invalid(where, "Give an object.")
    op_id = _uuid(body.get("op_id"))
    if op_id is None:
        raise _invalid(f"{where}.op_id", "Give a UUID.")
    sequence = body.get("sequence")
    if sequence is not None and not _is_count(sequence):
        raise _invalid(f"{where}.sequence", "Give a whole number from 1.")
    base_revision = body.get("base_revision")
    return Op(
        op_id=op_id,
        op=str(body.get("op")),
        table=str(body.get("table")),
        id=_uuid(body.get("id")) or NOBODY,
        fingerprint=_fingerprint(body),
        sequence=sequence,
        data=body.get("data") or {},
        base=body.get("base"),
        base_revision=base_revision,
        error=BadText(BAD_TEXT) if isinstance(body, Mended) else _problem(body, where),
    )


def _problem(body: Mapping[str, Any], where: str) -> Invalid | None:
    """What is wrong with the rest of it: a verdict on this operation alone."""
    unknown = sorted(set(body) - MEMBERS)
    data = body.get("data")
    row_id = _uuid(body.get("id"))
    meant = _uuid(data["id"]) if isinstance(data, dict) and "id" in data else row_id
    checks = (
        (unknown[0] if unknown else "", not unknown, "This member is not known."),
        ("op", body.get("op") in KINDS, f"Use one of {', '.join(KINDS)}."),
        ("id", row_id is not None, "Give a UUID."),
        ("data", isinstance(data, dict) or body.get("op") == "delete", "Give an object."),
        ("data.id", meant == row_id, "This is not the operation's `id`; leave it out."),
        ("base", body.get("base") is None or isinstance(body["base"], dict), "Give an object."),
        ("base_revision", body.get("base_revision") is None or _is_count(body["base_revision"]), "Give a revision."),
    )
    return next((_invalid(f"{where}.{name}", advice) for name, good, advice in checks if not good), None)


def _fingerprint(body: Mapping[str, Any]) -> str:
    content = {name: value for name, value in body.items() if name not in ("op_id", "sequence")}
    return hashlib.sha256(canonical_json(content)).hexdigest()


def _invalid(where: str, detail: str) -> Invalid:
    return Invalid(f"`{where[:80]}`: {detail}", errors=[FieldProblem(where[:80], "invalid", detail)])


def _uuid(value: Any) -> UUID | None:
    return uuid_of(value) if isinstance(value, str) else None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**62
