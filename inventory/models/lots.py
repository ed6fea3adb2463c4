"""Lots and serials of a product."""

from __future__ import annotations

from django.db import models

from devices.models import DeviceOwnedModel
from inventory.models.products import ALIVE, Product


class Lot(DeviceOwnedModel):
    """A batch that shares a code and an expiry date, or (kind serial) one single piece."""

    class Kind(models.TextChoices):
        """Many pieces or one."""

        LOT = "lot", "Lot"
        SERIAL = "serial", "Serial"

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="lots")
    code = models.CharField(max_length=100)
    kind = models.CharField(max_length=6, choices=Kind.choices, default=Kind.LOT)
    expires_on = models.DateField(null=True, blank=True)
    is_duplicate = models.BooleanField(default=False, editable=False)

    class Meta(DeviceOwnedModel.Meta):
        db_table = "lots"
        constraints = [
            *DeviceOwnedModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["device", "product", "code"],
                condition=ALIVE & models.Q(is_duplicate=False),
                name="lot_code",
                violation_error_code="lot_code_taken",
            ),
        ]
        indexes = [models.Index(fields=["device", "expires_on"], name="lot_expiry")]

    def __str__(self) -> str:
        return self.code
