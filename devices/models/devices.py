"""Devices: each owns one inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.db import models

from config.core.models import AliveQuerySet, RecordModel, alive, with_tombstones

if TYPE_CHECKING:
    from devices.models.feed import Feed


class Standing(models.TextChoices):
    """What a device or an installation may do.

    active → draining → revoked; active ↔ suspended; suspended → draining | revoked.
    """

    ACTIVE = "active", "Active"
    SUSPENDED = "suspended", "Suspended"
    DRAINING = "draining", "Draining"
    REVOKED = "revoked", "Revoked"


NEXT_STANDINGS: dict[str, frozenset[str]] = {
    Standing.ACTIVE: frozenset({Standing.SUSPENDED, Standing.DRAINING, Standing.REVOKED}),
    Standing.SUSPENDED: frozenset({Standing.ACTIVE, Standing.DRAINING, Standing.REVOKED}),
    Standing.DRAINING: frozenset({Standing.REVOKED}),
    Standing.REVOKED: frozenset(),
}


class DeviceQuerySet(AliveQuerySet):
    """Reads of devices."""

    def for_user(self, user: Any) -> Self:
        """The devices that a user owns."""
        return self.filter(owner=user)

    def with_activity(self) -> Self:
        """Adds last_seen_at, queue_depth and installation_count (live installations) to each device."""
        return self.annotate(
            last_seen_at=models.Max("installations__presence__last_seen_at"),
            queue_depth=models.Sum("installations__presence__queue_depth"),
            installation_count=models.Count(
                "installations", filter=~models.Q(installations__standing=Standing.REVOKED)
            ),
        )


class Device(RecordModel):
    """A device owns one inventory; handsets work in it as installations."""

    if TYPE_CHECKING:
        feed: Feed

    name = models.CharField(max_length=200, blank=True)
    platform = models.CharField(max_length=100, blank=True)
    standing = models.CharField(max_length=10, choices=Standing.choices, default=Standing.ACTIVE)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="devices"
    )

    objects: ClassVar[Any] = alive(DeviceQuerySet)
    all_objects: ClassVar[Any] = with_tombstones(DeviceQuerySet)

    class Meta(RecordModel.Meta):
        db_table = "devices"
        constraints = [models.UniqueConstraint(fields=["uuid"], name="device_uuid")]
        indexes = [models.Index(fields=["owner", "name"], name="device_owner_name")]

    def __str__(self) -> str:
        return self.name or f"Device {str(self.uuid)[-8:]}"
