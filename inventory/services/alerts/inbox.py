"""What people do with an alert: acknowledge it, or let it rest for a while."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from config.core.errors import FieldProblem
from devices.actors import Actor
from devices.services.owned import change_owned, lock_owned
from inventory.errors.alerts import AlertCleared, AlertRuleInvalid
from inventory.models import Alert


def acknowledge_alert(alert: Alert, *, actor: Actor, expected_revision: int | None = None) -> Alert:
    """Somebody has seen it; it stays until a look does not find it any more. Raises AlertCleared, RevisionMismatch."""
    changes = {"state": Alert.State.ACKNOWLEDGED, "snoozed_until": None}
    return _move(alert, expected_revision, actor=actor, action="acknowledged", changes=changes)


def snooze_alert(alert: Alert, *, actor: Actor, until: datetime, expected_revision: int | None = None) -> Alert:
    """Nobody hears of it until then; what is still there by then is raised again.

    Raises AlertCleared, AlertRuleInvalid, RevisionMismatch.
    """
    if until <= timezone.now():
        detail = "Give a time that is still to come."
        raise AlertRuleInvalid(detail, errors=[FieldProblem("until", "invalid", detail)])
    changes = {"state": Alert.State.SNOOZED, "snoozed_until": until}
    return _move(alert, expected_revision, actor=actor, action="snoozed", changes=changes)


@transaction.atomic
def _move(alert: Alert, expected_revision: int | None, *, actor: Actor, action: str, changes: dict[str, Any]) -> Alert:
    current, revision = lock_owned(alert, expected_revision=expected_revision)
    if current.state == Alert.State.CLEARED:
        raise AlertCleared
    return change_owned(current, revision=revision, actor=actor, changes=changes, action=action)
