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
from inventory.errors.cases import CaseClosed, NoActionOfCase
from inventory.models import Case, Product

State = Case.State
STILL_OPEN = (State.OPEN, State.CLAIMED)
MAX_KEY = 200


def case_key(key: str) -> str:
    """A key that fits its column: a longer one ends in its SHA-256, so that no two become one."""
    if len(key) <= MAX_KEY:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"{key[: MAX_KEY - len(digest) - 1]}#{digest}"


@transaction.atomic
def open_case(
    *,
    device: Device,
    actor: Actor,
    kind: Case.Kind,
    key: str,
    summary: str,
    evidence: Mapping[str, Any],
    product: Product | None = None,
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
    case = _unsaved(device, Trouble(kind, key, summary, evidence, product))
    return insert_owned(case, actor=actor, action="opened")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a case will be about, for open_cases()."""

    kind: Case.Kind
    key: str
    summary: str
    evidence: Mapping[str, Any]
    product: Product | None = None


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
        product=trouble.product,
    )


@transaction.atomic
def claim_case(case: Case, *, actor: Actor, expected_revision: int | None = None) -> Case:
    """Somebody looks into it. Raises CaseClosed, RevisionMismatch."""
    current, revision = lock_case(case, expected_revision=expected_revision)
    return change_owned(
        current, revision=revision, actor=actor, changes={"state": Case.State.CLAIMED}, action="claimed"
    )


def resolve_case(case: Case, *, actor: Actor, resolution: str = "", expected_revision: int | None = None) -> Case:
    """It is put right. Raises CaseClosed, NoActionOfCase, RevisionMismatch."""
    _refuse_quarantine(case, "resolve")
    return settle_case(case, State.RESOLVED, actor=actor, resolution=resolution, expected_revision=expected_revision)


def waive_case(case: Case, *, actor: Actor, resolution: str = "", expected_revision: int | None = None) -> Case:
    """It may stay as it is. Raises CaseClosed, NoActionOfCase, RevisionMismatch."""
    _refuse_quarantine(case, "waive")
    return settle_case(case, State.WAIVED, actor=actor, resolution=resolution, expected_revision=expected_revision)


def _refuse_quarantine(case: Case, action: str) -> None:
    """What it holds is carried out or dropped: closed without a word of it, it would be lost."""
    if case.kind == Case.Kind.QUARANTINE:
        raise NoActionOfCase(case.kind, action)


@transaction.atomic
def settle_case(
    case: Case, state: Case.State, *, actor: Actor, resolution: str, expected_revision: int | None = None
) -> Case:
    """Close it, whatever its kind, as the last step of what was done about it. Raises CaseClosed, RevisionMismatch."""
    current, revision = lock_case(case, expected_revision=expected_revision)
    changes = {"state": state, "resolution": resolution, "closed_at": timezone.now()}
    return change_owned(current, revision=revision, actor=actor, changes=changes, action=state.value)


def lock_case(case: Case, *, expected_revision: int | None = None) -> tuple[Case, int]:
    """Lock the device's feed: (the case as it is now, its next revision). Raises CaseClosed, RevisionMismatch."""
    current, revision = lock_owned(case, expected_revision=expected_revision)
    if current.state not in STILL_OPEN:
        raise CaseClosed
    return current, revision
