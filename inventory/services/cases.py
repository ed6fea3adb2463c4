"""Cases: opened by services beside the fact, decided by staff."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from devices.actors import Actor
from devices.models import Device
from devices.services.owned import (
    change_many_owned,
    change_owned,
    insert_many_owned,
    insert_owned,
    lock_device,
    lock_owned,
)
from inventory.errors import CaseClosed
from inventory.models import Case

STILL_OPEN = (Case.State.OPEN, Case.State.CLAIMED)
MAX_KEY = 200


def case_key(key: str) -> str:
    """A key that fits its column: a longer one ends in its SHA-256, so that no two become one."""
    if len(key) <= MAX_KEY:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"{key[: MAX_KEY - len(digest) - 1]}#{digest}"


@transaction.atomic
def open_case(
    *, device: Device, actor: Actor, kind: Case.Kind, key: str, summary: str, evidence: Mapping[str, Any]
) -> Case:
    """Open a case, or count the same trouble once more (with its newest evidence) where one is still open."""
    lock_device(device)
    known: Case | None = (
        Case.objects.for_device(device).filter(kind=kind, key=case_key(key), state__in=STILL_OPEN).first()
    )
    if known is not None:
        current, revision = lock_owned(known)
        changes = _once_more(current, summary, evidence)
        return change_owned(current, revision=revision, actor=actor, changes=changes, action="seen_again")
    case = _unsaved(device, Trouble(kind, key, summary, evidence))
    return insert_owned(case, actor=actor, action="opened")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a case will be about, for open_cases()."""

    kind: Case.Kind
    key: str
    summary: str
    evidence: Mapping[str, Any]


@transaction.atomic
def open_cases(
    *, device: Device, actor: Actor, troubles: Sequence[Trouble], actors: Sequence[Actor] | None = None
) -> list[Case]:
    """open_case() for many troubles with different keys, in a constant number of queries. Returns their cases.

    `actors`: one per trouble, where the events of new cases name different operations.
    """
    if not troubles:
        return []
    lock_device(device)
    keys = [case_key(trouble.key) for trouble in troubles]
    stored = Case.objects.for_device(device).filter(key__in=keys, state__in=STILL_OPEN)
    known = {(case.kind, case.key): case for case in stored.select_related("device")}
    cases, fresh, again = [], [], []
    for trouble, by in zip(troubles, actors or [actor] * len(troubles), strict=True):
        case = known.get((trouble.kind, case_key(trouble.key)))
        if case is None:
            case = _unsaved(device, trouble)
            fresh.append((case, by))
        else:
            again.append((case, _once_more(case, trouble.summary, trouble.evidence)))
        cases.append(case)
    change_many_owned(again, device=device, actor=actor, action="seen_again")
    new, makers = [case for case, _ in fresh], [by for _, by in fresh]
    insert_many_owned(new, device=device, actor=actor, action="opened", actors=makers)
    return cases


def _once_more(case: Case, summary: str, evidence: Mapping[str, Any]) -> dict[str, Any]:
    return {"times": case.times + 1, "summary": summary[:500], "evidence": dict(evidence)}


def _unsaved(device: Device, trouble: Trouble) -> Case:
    return Case(
        device=device,
        kind=trouble.kind,
        key=case_key(trouble.key),
        summary=trouble.summary[:500],
        evidence=dict(trouble.evidence),
    )


def claim_case(case: Case, *, actor: Actor) -> Case:
    """Somebody looks into it. Raises CaseClosed."""
    return _move(case, actor=actor, state=Case.State.CLAIMED, resolution="")


def resolve_case(case: Case, *, actor: Actor, resolution: str = "") -> Case:
    """It is put right. Raises CaseClosed."""
    return _move(case, actor=actor, state=Case.State.RESOLVED, resolution=resolution)


def waive_case(case: Case, *, actor: Actor, resolution: str = "") -> Case:
    """It may stay as it is. Raises CaseClosed."""
    return _move(case, actor=actor, state=Case.State.WAIVED, resolution=resolution)


@transaction.atomic
def _move(case: Case, *, actor: Actor, state: Case.State, resolution: str) -> Case:
    current, revision = lock_owned(case)
    if current.state not in STILL_OPEN:
        raise CaseClosed
    changes: dict[str, Any] = {"state": state}
    if state in (Case.State.RESOLVED, Case.State.WAIVED):
        changes |= {"resolution": resolution, "closed_at": timezone.now()}
    return change_owned(current, revision=revision, actor=actor, changes=changes, action=state.value)
