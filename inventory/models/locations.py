"""Locations: where stock lies, a tree by `parent`."""

from __future__ import annotations

from django.db import models

from devices.models import DeviceOwnedModel
from inventory.models.products import ALIVE


class Location(DeviceOwnedModel):
    """A place for stock. Each device has one default location, made at registration."""

    class Kind(models.TextChoices):
        """What sort of place it is."""

        WAREHOUSE = "warehouse", "Warehouse"
        STORE = "store", "Store"
        ROOM = "room", "Room"
        ZONE = "zone", "Zone"
        AISLE = "aisle", "Aisle"
        RACK = "rack", "Rack"
        SHELF = "shelf", "Shelf"
        BIN = "bin", "Bin"
        VEHICLE = "vehicle", "Vehicle"
        OTHER = "other", "Other"

    name = models.CharField(max_length=200)
    code = models.CharField(max_length=100, blank=True)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.OTHER)
    is_default = models.BooleanField(default=False, editable=False)
    is_duplicate = models.BooleanField(default=False, editable=False)

    class Meta(DeviceOwnedModel.Meta):
        db_table = "locations"
        constraints = [
            *DeviceOwnedModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["device", "code"],
                condition=ALIVE & ~models.Q(code="") & models.Q(is_duplicate=False),
                name="location_code",
                violation_error_code="location_code_taken",
            ),
            models.UniqueConstraint(
                fields=["device"], condition=models.Q(is_default=True), name="location_one_default"
            ),
        ]
        indexes = [
            models.Index(fields=["device", "name"], name="location_name"),
            models.Index(fields=["device", "parent"], name="location_parent"),
        ]

    def __str__(self) -> str:
        return self.name
