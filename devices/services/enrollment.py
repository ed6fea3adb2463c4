"""Enrolment: how an app becomes an installation of a device; a lost answer never strands it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from uuid_utils.compat import uuid7

from config.core.errors import Conflict
from devices import errors
from devices.actors import Actor
from devices.models import Device, EnrollmentCode, Feed, Installation, Presence, Standing, User
from devices.services.credentials import (
    clean_code,
    hash_secret,
    holds,
    new_code,
    new_secret,
    possible_hashes,
    refuse_weak_secret,
    token_of,
)
from devices.services.events import first_values, record_event
from devices.services.feed import next_revision
from devices.services.server_rows import record_server_event


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asks for when it registers; everything may be left out."""

    device_id: UUID | None = None
    installation_id: UUID | None = None
    secret: str | None = None
    name: str = ""
    platform: str = ""
    app_version: str = ""
    enrollment_code: str = ""
    address: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The answer: `token` is shown this once; `created` is False for a repeated request."""

    installation: Installation
    token: str
    created: bool


def register_device(wish: Wish) -> Enrolled:
    """Enrol a new device, join an existing one by code, or repeat a lost answer.

    Raises DeviceAlreadyRegistered, InstallationAlreadyRegistered, SecretAlreadyUsed, SecretTooWeak,
    EnrollmentCodeRequired, EnrollmentCodeInvalid, DeviceSuspended, DeviceRevoked.
    """
    if wish.secret:
        refuse_weak_secret(wish.secret)
    try:
        return _register(wish)
    except IntegrityError:  # two at once: the other one is stored now, so this is a repetition or a conflict
        return _register(wish)
    except (Conflict, errors.EnrollmentCodeInvalid):
        # The twin of this request may have taken the id or the code's last use while this one waited for it.
        if wish.secret and (same := _same_again(wish, wish.secret)):
            return same
        raise


@transaction.atomic
def _register(wish: Wish) -> Enrolled:
    if wish.secret and (same := _same_again(wish, wish.secret)):
        return same
    device = Device.all_objects.filter(uuid=wish.device_id).first() if wish.device_id else None
    code = _use_code(wish, device)
    if code and code.device:
        device = code.device
    if device is None:
        device = _create_device(wish, code)
    elif code is None or code.device_id != device.pk:
        raise errors.DeviceAlreadyRegistered
    else:
        _refuse_retired(device)
    return _install(wish, device)


def _same_again(wish: Wish, secret: str) -> Enrolled | None:
    """The first answer once more, for whoever holds the secret of that registration."""
    hashes = possible_hashes(secret)
    found = Installation.objects.filter(models.Q(secret_hash__in=hashes) | models.Q(next_secret_hash__in=hashes))
    installation = found.select_related("device").first()
    if installation is None or not holds(installation, hashes):
        return None
    if wish.device_id not in (None, installation.device.uuid):
        raise errors.SecretAlreadyUsed
    if wish.installation_id not in (None, installation.uuid):
        raise errors.SecretAlreadyUsed
    _refuse_unusable(installation)
    return Enrolled(installation, token_of(installation, secret), created=False)


def _use_code(wish: Wish, device: Device | None) -> EnrollmentCode | None:
    """Take one use of the code that was sent; its row is locked to commit, so n uses are n."""
    if not wish.enrollment_code:
        if settings.ENROLLMENT == "code" and device is None:
            raise errors.EnrollmentCodeRequired
        return None
    usable = EnrollmentCode.objects.usable().filter(code_hash__in=possible_hashes(clean_code(wish.enrollment_code)))
    if device is not None:
        usable = usable.filter(device=device)
    elif wish.device_id is not None:
        usable = usable.filter(device__isnull=True)
    if not usable.update(used_count=models.F("used_count") + 1):
        raise errors.DeviceAlreadyRegistered() if device else errors.EnrollmentCodeInvalid()
    hashes = possible_hashes(clean_code(wish.enrollment_code))
    found: EnrollmentCode = EnrollmentCode.objects.select_related("device").get(code_hash__in=hashes)
    return found


def _create_device(wish: Wish, code: EnrollmentCode | None) -> Device:
    device = Device(
        uuid=wish.device_id or uuid7(),
        name=wish.name,
        platform=wish.platform,
        owner_id=code.owner_id if code else None,
        revision=1,
    )
    device.save(force_insert=True)
    device.feed = Feed.objects.create(device=device)
    actor = Actor(kind="system", id="enrollment", name=wish.name or "enrolment", request_id=wish.request_id)
    record_event(device, actor=actor, action="registered", changes=first_values(device))
    for path in settings.DEVICE_PROVISIONERS:
        import_string(path)(device=device, actor=actor)
    return device


def _install(wish: Wish, device: Device) -> Enrolled:
    """Add the installation; raises where its id is taken on this device. Nobody has its secret: _same_again looked."""
    secret = wish.secret or new_secret()
    if wish.installation_id and device.installations.filter(uuid=wish.installation_id).exists():
        raise errors.InstallationAlreadyRegistered
    installation = Installation.objects.create(
        uuid=wish.installation_id or uuid7(),
        device=device,
        name=wish.name,
        platform=wish.platform,
        secret_hash=hash_secret(secret),
    )
    Presence.objects.create(installation=installation, app_version=wish.app_version, address=wish.address)
    device.revision = next_revision(device)
    device.save(update_fields=["revision", "updated_at"])
    actor = actor_of(installation, request_id=wish.request_id)
    record_event(device, actor=actor, action="installation_added", changes={"installation": (None, installation.uuid)})
    return Enrolled(installation, token_of(installation, secret), created=True)


def _refuse_unusable(installation: Installation) -> None:
    """A token that is answered with 200 works: at least to push a queue."""
    standing = installation.effective_standing()
    if standing == Standing.REVOKED or installation.device.is_deleted:
        raise errors.DeviceRevoked
    if standing == Standing.SUSPENDED:
        raise errors.DeviceSuspended


def _refuse_retired(device: Device) -> None:
    if device.is_deleted or device.standing in (Standing.REVOKED, Standing.DRAINING):
        raise errors.DeviceRevoked
    if device.standing == Standing.SUSPENDED:
        raise errors.DeviceSuspended


def actor_of(installation: Installation, *, request_id: str = "") -> Actor:
    """The actor that stands for an installation."""
    return Actor(
        kind="installation",
        id=str(installation.uuid),
        name=installation.name or str(installation.device),
        request_id=request_id,
    )


@transaction.atomic
def create_enrollment_code(
    *,
    actor: Actor,
    device: Device | None = None,
    owner: User | None = None,
    label: str = "",
    max_uses: int = 1,
    valid_for: timedelta = timedelta(days=7),
) -> tuple[EnrollmentCode, str]:
    """Make a code; returns its row and the code itself, which is shown this once."""
    code = new_code()
    row = EnrollmentCode.objects.create(
        code_hash=hash_secret(clean_code(code)),
        hint=code[-4:],
        label=label,
        device=device,
        owner=owner,
        max_uses=max_uses,
        expires_at=timezone.now() + valid_for,
        created_by=actor.name,
    )
    told = {"label": label, "device": device, "owner": owner, "max_uses": max_uses, "expires_at": row.expires_at}
    given = {name: (None, value) for name, value in told.items() if value not in (None, "")}
    record_server_event(row, actor=actor, action="created", changes=given)
    return row, code


@transaction.atomic
def revoke_enrollment_code(code: EnrollmentCode, *, actor: Actor) -> None:
    """End a code; what enrolled by it stays. The same again changes nothing."""
    ended = EnrollmentCode.objects.filter(pk=code.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
    if ended:
        record_server_event(code, actor=actor, action="revoked")


def qr_text(code: str) -> str:
    """What an enrollment QR holds: {"v":1,"url":…,"code":…} (PROTOCOL §1)."""
    return json.dumps({"v": 1, "url": settings.PUBLIC_URL, "code": code}, separators=(",", ":"))
