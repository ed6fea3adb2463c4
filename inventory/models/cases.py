"""Cases: facts that need a decision by staff; one inbox."""

from __future__ import annotations

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from devices.models import DeviceOwnedModel
from inventory.models.products import Product


class Case(DeviceOwnedModel):
    """Trouble that was stored instead of refused, with its evidence.

    `key` names what the case is about: one open case per device, kind and key; the same again adds to `times`.
    `product` is set where it is about one, always where it tells of the stock (inventory/models/blindness.py).
    """

    class Kind(models.TextChoices):
        """What sort of trouble."""

        NEGATIVE_STOCK = "negative_stock", "Negative stock"
        VARIANCE_OVER_LIMIT = "variance_over_limit", "Variance over limit"
        AMBIGUOUS_MOVEMENT = "ambiguous_movement", "Ambiguous movement"
        LATE_MOVEMENT = "late_movement", "Late movement"
        LATE_COUNT = "late_count", "Late count"
        OVERLAP = "overlap", "Overlapping counts"
        SERIAL_IN_TWO_PLACES = "serial_in_two_places", "Serial in two places"
        UNKNOWN_BARCODE = "unknown_barcode", "Unknown barcode"
        DUPLICATE_PRODUCT = "duplicate_product", "Duplicate product"
        CLOCK_SKEW = "clock_skew", "Clock skew"
        DEVICE_SILENT = "device_silent", "Device silent"
        SEQUENCE_GAP = "sequence_gap", "Sequence gap"
        PAYLOAD_CONFLICT = "payload_conflict", "Payload conflict"
        LEDGER_DRIFT = "ledger_drift", "Ledger drift"
        EXPIRED_ON_HAND = "expired_on_hand", "Expired stock on hand"
        IMPORT_DAMAGED = "import_damaged", "Damaged import"
        QUARANTINE = "quarantine", "Quarantined operation"
        WEBHOOK_DISABLED = "webhook_disabled", "Webhook disabled"

    class State(models.TextChoices):
        """open → claimed → resolved | waived."""

        OPEN = "open", "Open"
        CLAIMED = "claimed", "Claimed"
        RESOLVED = "resolved", "Resolved"
        WAIVED = "waived", "Waived"

    kind = models.CharField(max_length=24, choices=Kind.choices)
    key = models.CharField(max_length=200)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    summary = models.CharField(max_length=500)
    evidence = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    times = models.PositiveIntegerField(default=1)
    resolution = models.TextField(blank=True, max_length=10_000)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta(DeviceOwnedModel.Meta):
        db_table = "cases"
        constraints = [
            *DeviceOwnedModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["device", "kind", "key"],
                condition=models.Q(state__in=["open", "claimed"], deleted_at__isnull=True),
                name="case_one_open",
            ),
        ]
        indexes = [models.Index(fields=["state", "-updated_at"], name="case_inbox")]

    def __str__(self) -> str:
        return self.summary
