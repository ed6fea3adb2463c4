"""Standing: suspend, resume, drain and revoke devices and installations; rename a device."""

from __future__ import annotations

from django.db import transaction

from devices.actors import Actor
from devices.errors import RevisionMismatch, TransitionNotAllowed
from devices.models import NEXT_STANDINGS, Device, Installation, Standing, User
from devices.services.events import record_event
from devices.services.feed import give_back, next_revision


@transaction.atomic
def set_standing(
    *, device: Device, actor: Actor, standing: Standing, installation: Installation | None = None
) -> Device:
    """Move a device (or one of its installations) to another standing; the same again changes nothing.

    Raises TransitionNotAllowed where NEXT_STANDINGS has no such step.
    """
    current, revision = _lock(device)
    target = current if installation is None else current.installations.get(pk=installation.pk)
    before = target.standing
    if before == standing:
        give_back(device, revision)
        return current
    if standing not in NEXT_STANDINGS[before]:
        raise TransitionNotAllowed(f"From {before} there is no way to {standing}.")
    target.standing = standing
    if isinstance(target, Installation):
        target.save(update_fields=["standing"])
    current.revision = revision
    current.save(update_fields=["standing", "revision", "updated_at"])
    changes: dict[str, tuple[object, object]] = {"standing": (before, standing.value)}
    if isinstance(target, Installation):
        changes["installation"] = (target.uuid, target.uuid)
    record_event(current, actor=actor, action=f"standing_{standing.value}", changes=changes)
    return current


@transaction.atomic
def update_device(
    *,
    device: Device,
    actor: Actor,
    expected_revision: int | None = None,
    name: str | None = None,
    platform: str | None = None,
    owner: User | None = None,
    disown: bool = False,
) -> Device:
    """Rename a device, correct its platform or hand it to another owner; None leaves a field as it is.

    Raises RevisionMismatch.
    """
    current, revision = _lock(device)
    if expected_revision is not None and current.revision != expected_revision:
        raise RevisionMismatch(current)
    wanted: dict[str, object] = {"name": name, "platform": platform, "owner": owner}
    changes = {
        field: (getattr(current, field), value)
        for field, value in wanted.items()
        if value is not None and getattr(current, field) != value
    }
    if disown and current.owner is not None:
        changes["owner"] = (current.owner, None)
    if not changes:
        give_back(device, revision)
        return current
    current.revision = revision
    for field, (_, value) in changes.items():
        setattr(current, field, value)
    current.save(update_fields=[*changes, "revision", "updated_at"])
    record_event(current, actor=actor, action="updated", changes=changes)
    return current


def _lock(device: Device) -> tuple[Device, int]:
    """The device read afresh under its feed lock, and its next revision."""
    revision = next_revision(device)
    return Device.all_objects.select_related("owner").get(pk=device.pk), revision
