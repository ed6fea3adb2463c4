"""What people do with an alert: acknowledge it, or let it rest for a while."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from config.core.errors import FieldProblem
from devices.actors import Actor
from devices.services.owned import change_owned, lock_owned, writable
from inventory.errors import SyncReadOnly
from inventory.errors.alerts import AlertCleared, SnoozeInvalid
from inventory.models import Alert


def acknowledge_alert(alert: Alert, *, actor: Actor, expected_revision: int | None = None) -> Alert:
    """Somebody has seen it; it stays until a look does not find it any more. Raises AlertCleared, RevisionMismatch."""
    changes = {"state": Alert.State.ACKNOWLEDGED, "snoozed_until": None}
    return _move(alert, expected_revision, actor=actor, action="acknowledged", changes=changes)


def snooze_alert(alert: Alert, *, actor: Actor, until: datetime, expected_revision: int | None = None) -> Alert:
    """Nobody hears of it until then; what is still there by then is raised again.

    Raises AlertCleared, SnoozeInvalid, RevisionMismatch.
    """
    if until <= timezone.now():
        raise _invalid("Give a time that is still to come.", "until")
    changes = {"state": Alert.State.SNOOZED, "snoozed_until": until}
    return _move(alert, expected_revision, actor=actor, action="snoozed", changes=changes)


def update_alert(
    alert: Alert, *, actor: Actor, changes: Mapping[str, Any], expected_revision: int | None = None
) -> Alert:
    """What a device did with it offline: acknowledged or snoozed, nothing else. A rest that is over by now is
    stored all the same; the next look opens the alert again.

    Raises SyncReadOnly, AlertCleared, SnoozeInvalid, RevisionMismatch.
    """
    values = writable(changes, frozenset({"state", "snoozed_until"}))
    state = values.get("state", alert.state)
    until = values.get("snoozed_until", alert.snoozed_until if state == Alert.State.SNOOZED else None)
    if state not in (Alert.State.ACKNOWLEDGED, Alert.State.SNOOZED):
        raise SyncReadOnly("A device can acknowledge or snooze an alert; the rest follows from what rules find.")
    if (until is None) == (state == Alert.State.SNOOZED):
        raise _invalid("Give a time with `snoozed`, and only with it.", "snoozed_until")
    wanted = {"state": state, "snoozed_until": until}
    return _move(alert, expected_revision, actor=actor, action=state, changes=wanted)


def _invalid(detail: str, field: str) -> SnoozeInvalid:
    return SnoozeInvalid(detail, errors=[FieldProblem(field, "invalid", detail)])


@transaction.atomic
def _move(alert: Alert, expected_revision: int | None, *, actor: Actor, action: str, changes: dict[str, Any]) -> Alert:
    current, revision = lock_owned(alert, expected_revision=expected_revision)
    if current.state == Alert.State.CLEARED:
        raise AlertCleared
    return change_owned(current, revision=revision, actor=actor, changes=changes, action=action)
