"""The ledger: movements are facts and never change; levels are their sum."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.db import models
from django.utils import timezone

from config.core.models import alive, with_tombstones
from config.core.quantities import QuantityField
from devices.models import DeviceOwnedModel, DeviceOwnedQuerySet, Installation
from inventory.models.clocks import corrected_time
from inventory.models.locations import Location
from inventory.models.lots import Lot
from inventory.models.products import Product

LEVEL_LIMIT = Decimal(9000000000000)  # units in one bucket; 64 bits of micro-units hold a little more


class StockMovementQuerySet(DeviceOwnedQuerySet):
    """Reads of the ledger."""

    def until(self, then: datetime | int) -> Self:
        """What had happened by a time (occurred_at) or a revision of the feed."""
        if isinstance(then, datetime):
            return self.filter(occurred_at__lte=then)
        return self.filter(revision__lte=then)


class StockMovement(DeviceOwnedModel):
    """One fact: `quantity` (> 0) of a product came, went, or moved; the side gives the sign.

    Insert-only, guarded by a trigger on both engines; a mistake is reversed by another movement.
    """

    class Kind(models.TextChoices):
        """receipt: to; issue: from; transfer: both in one row; adjustment, count: one side."""

        RECEIPT = "receipt", "Receipt"
        ISSUE = "issue", "Issue"
        TRANSFER = "transfer", "Transfer"
        ADJUSTMENT = "adjustment", "Adjustment"
        COUNT = "count", "Count"

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    quantity = QuantityField()
    from_location = models.ForeignKey(Location, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    to_location = models.ForeignKey(Location, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=100, blank=True)
    note = models.TextField(max_length=10_000, blank=True)
    reference = models.CharField(max_length=200, blank=True)
    occurred_at = models.DateTimeField(default=timezone.now)
    received_at = models.DateTimeField(default=timezone.now, editable=False)
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversed_by", editable=False
    )
    installation = models.ForeignKey(
        Installation, on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    sequence = models.BigIntegerField(null=True, editable=False)  # its number in the installation's order
    clock_offset_ms = models.BigIntegerField(default=0, editable=False)  # to be added to occurred_at

    objects: ClassVar[Any] = alive(StockMovementQuerySet)
    all_objects: ClassVar[Any] = with_tombstones(StockMovementQuerySet)

    class Meta(DeviceOwnedModel.Meta):
        db_table = "stock_movements"
        constraints = [
            *DeviceOwnedModel.Meta.constraints,
            models.CheckConstraint(condition=models.Q(quantity__gt=0), name="movement_quantity_positive"),
            models.CheckConstraint(
                condition=models.Q(from_location__isnull=False) | models.Q(to_location__isnull=False),
                name="movement_has_a_side",
            ),
        ]
        indexes = [
            models.Index(fields=["device", "product", "revision"], name="movement_product"),
            models.Index(fields=["device", "occurred_at"], name="movement_occurred"),
            models.Index(fields=["device", "reference"], name="movement_reference"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.quantity:f}"

    @property
    def corrected_at(self) -> datetime:
        """When it happened by the server's clock, never later than the receipt."""
        return corrected_time(self.occurred_at, offset_ms=self.clock_offset_ms, received_at=self.received_at)


class StockLevelQuerySet(DeviceOwnedQuerySet):
    """Reads of levels."""

    def revivable(self) -> Self:
        """Tombstones whose product, location and lot are all alive (again)."""
        no_lot_or_alive = models.Q(lot__isnull=True) | models.Q(lot__deleted_at__isnull=True)
        return self.deleted().filter(
            no_lot_or_alive, product__deleted_at__isnull=True, location__deleted_at__isnull=True
        )


class StockLevel(DeviceOwnedModel):
    """What the ledger sums to in one bucket (product, location, lot); moved in the movement's transaction.

    Its uuid is made from the bucket, so the same bucket has the same id on every run. It is deleted while its
    product, location or lot is; the quantity follows the ledger all the same.
    """

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="levels")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="levels")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, null=True, blank=True, related_name="levels")
    quantity = QuantityField(default=0)

    objects: ClassVar[Any] = alive(StockLevelQuerySet)
    all_objects: ClassVar[Any] = with_tombstones(StockLevelQuerySet)

    class Meta(DeviceOwnedModel.Meta):
        db_table = "stock_levels"
        constraints = [
            *DeviceOwnedModel.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(quantity__range=(-LEVEL_LIMIT, LEVEL_LIMIT)),
                name="level_in_range",
                violation_error_code="quantity_out_of_range",
            ),
        ]
        indexes = [
            models.Index(fields=["device", "product"], name="level_product"),
            models.Index(fields=["device", "location"], name="level_location"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity:f}"
