"""In whose inventory a request acts: the installation's device, or the user's device named by X-Device-ID."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from config.core.errors import AppError
from config.core.wire import uuid_of
from devices import errors
from devices.actors import Actor
from devices.models import Device, Installation, Standing

REFUSALS: dict[str, type[AppError]] = {
    Standing.SUSPENDED: errors.DeviceSuspended,
    Standing.DRAINING: errors.DeviceDraining,
    Standing.REVOKED: errors.DeviceRevoked,
}


class HasActor(BasePermission):
    """Somebody is known; what they may see is decided by scope, never by permission."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, Actor)


def acting_device(request: Request) -> Device:
    """The device whose inventory the request works in.

    Raises DeviceHeaderMissing or DeviceNotFound (alike for foreign, deleted and missing) for users.
    """
    caller: Any = request.user
    if isinstance(caller, Installation):
        return caller.device
    wanted = request.headers.get("X-Device-ID", "")
    if not wanted:
        raise errors.DeviceHeaderMissing
    uuid = uuid_of(wanted.strip())
    mine = Device.objects.for_user(caller).select_related("feed")
    device: Device | None = mine.filter(uuid=uuid).first() if uuid else None
    if device is None:
        raise errors.DeviceNotFound
    if device.standing in REFUSALS:
        raise REFUSALS[device.standing]
    return device


def scope_name(request: Request) -> str:
    """One string for the device that a request names, so that its Idempotency-Keys are its own."""
    caller: Any = request.user
    if isinstance(caller, Installation):
        return f"device:{caller.device_id}"
    return str(uuid_of(request.headers.get("X-Device-ID", "").strip()) or "")
