"""In whose inventory a request acts: the installation's device, or the user's device named by X-Device-ID."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from devices import errors
from devices.actors import Actor
from devices.models import Device, Installation, Standing


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
    try:
        uuid = UUID(wanted)
    except ValueError:
        raise errors.DeviceNotFound from None
    device: Device | None = Device.objects.for_user(caller).select_related("feed").filter(uuid=uuid).first()
    if device is None:
        raise errors.DeviceNotFound
    if device.standing == Standing.SUSPENDED:
        raise errors.DeviceSuspended
    if device.standing in (Standing.DRAINING, Standing.REVOKED):
        raise errors.DeviceRevoked
    return device
