"""Every model of the devices app."""

from devices.models.accounts import User
from devices.models.devices import NEXT_STANDINGS, Device, Standing
from devices.models.events import Event, PurgePermit
from devices.models.feed import Feed
from devices.models.installations import EnrollmentCode, Installation, Presence
from devices.models.operations import IdempotencyKey, Operation
from devices.models.owned import DeviceOwnedModel, DeviceOwnedQuerySet
from devices.models.server_events import ServerEvent, key_of

__all__ = [
    "NEXT_STANDINGS",
    "Device",
    "DeviceOwnedModel",
    "DeviceOwnedQuerySet",
    "EnrollmentCode",
    "Event",
    "Feed",
    "IdempotencyKey",
    "Installation",
    "Operation",
    "Presence",
    "PurgePermit",
    "ServerEvent",
    "Standing",
    "User",
    "key_of",
]
