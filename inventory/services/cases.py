"""Cases: opened by services beside the fact, decided by staff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from devices.actors import Actor
from devices.models import Device
from devices.services.owned import change_owned, insert_owned, lock_device, lock_owned
from inventory.errors import CaseClosed
from inventory.models import Case

STILL_OPEN = (Case.State.OPEN, Case.State.CLAIMED)


@transaction.atomic
def open_case(
    *, device: Device, actor: Actor, kind: Case.Kind, key: str, summary: str, evidence: Mapping[str, Any]
) -> Case:
    """Open a case, or count the same trouble once more (with its newest evidence) where one is still open."""
    lock_device(device)
    known: Case | None = Case.objects.for_device(device).filter(kind=kind, key=key[:200], state__in=STILL_OPEN).first()
    if known is not None:
        current, revision = lock_owned(known)
        changes = {"times": current.times + 1, "summary": summary[:500], "evidence": dict(evidence)}
        return change_owned(current, revision=revision, actor=actor, changes=changes, action="seen_again")
    case = Case(device=device, kind=kind, key=key[:200], summary=summary[:500], evidence=dict(evidence))
    return insert_owned(case, actor=actor, action="opened")


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
