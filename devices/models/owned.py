"""The base of everything a device owns."""

from __future__ import annotations

from typing import Any, ClassVar, Self
from uuid import UUID

from django.db import models

from config.core.models import AliveQuerySet, RecordModel, alive, with_tombstones


class DeviceOwnedQuerySet(AliveQuerySet):
    """Scoping starts here: every read of a door begins with for_device()."""

    def for_device(self, device: Any) -> Self:
        """Rows of one device."""
        return self.filter(device=device)

    def by_uuid(self, device: Any, uuid: UUID) -> Any:
        """The row with this wire id inside the device, or None."""
        return self.for_device(device).filter(uuid=uuid).first()


class DeviceOwnedModel(RecordModel):
    """A row of one device. `id` stays on the server; `uuid` is the wire id, unique within the device."""

    # No index of its own: both constraints below lead with the device, and one more misleads the planner.
    device = models.ForeignKey(
        "devices.Device", on_delete=models.PROTECT, related_name="+", editable=False, db_index=False
    )

    objects: ClassVar[Any] = alive(DeviceOwnedQuerySet)
    all_objects: ClassVar[Any] = with_tombstones(DeviceOwnedQuerySet)

    class Meta(RecordModel.Meta):
        abstract = True
        constraints = [
            models.UniqueConstraint(fields=["device", "uuid"], name="%(class)s_device_uuid"),
            models.UniqueConstraint(fields=["device", "revision"], name="%(class)s_device_revision"),
        ]
