"""Alerts: what to look out for, what was found, and who wants to hear of it."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

from config.core.models import RecordModel, alive, with_tombstones
from config.core.quantities import QuantityField
from devices.models import Device, DeviceOwnedModel, DeviceOwnedQuerySet
from inventory.models.locations import Location
from inventory.models.products import Category, Product


class AlertRuleQuerySet(DeviceOwnedQuerySet):
    """Reads of rules."""

    def watching(self, device_id: int) -> Self:
        """Rules about a device: its own and those of every device."""
        return self.filter(models.Q(device=device_id) | models.Q(device=None))


class AlertRule(RecordModel):
    """What to look out for, on one device or (`device` empty, made by staff) on every device.

    `threshold`, `days` and `hours` are what the kind needs. `margin` = how far beyond the threshold it must be
    before the alert is cleared; `patience` = how many looks in a row must find it before it is raised.
    """

    class Kind(models.TextChoices):
        """What is looked for."""

        BELOW_MINIMUM = "below_minimum", "Below minimum"
        EXPIRING = "expiring", "Expiring"
        NOT_COUNTED = "not_counted", "Not counted for long"
        DEVICE_SILENT = "device_silent", "Device silent"
        QUEUE_STUCK = "queue_stuck", "Queue stuck"
        LEDGER_DRIFT = "ledger_drift", "Ledger drift"
        CASE_OPEN = "case_open", "Case open too long"

    device = models.ForeignKey(Device, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    name = models.CharField(max_length=200, blank=True)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    threshold = QuantityField(null=True, blank=True)
    margin = QuantityField(default=0)
    days = models.PositiveSmallIntegerField(null=True, blank=True)
    hours = models.PositiveSmallIntegerField(null=True, blank=True)
    patience = models.PositiveSmallIntegerField(default=1)
    enabled = models.BooleanField(default=True)

    objects: ClassVar[Any] = alive(AlertRuleQuerySet)
    all_objects: ClassVar[Any] = with_tombstones(AlertRuleQuerySet)

    class Meta(RecordModel.Meta):
        db_table = "alert_rules"
        constraints = [models.UniqueConstraint(fields=["device", "uuid"], name="alert_rule_device_uuid")]
        indexes = [models.Index(fields=["device", "enabled"], name="alert_rule_watching")]

    def __str__(self) -> str:
        return self.name or self.get_kind_display()


class AlertQuerySet(DeviceOwnedQuerySet):
    """Reads of alerts."""

    def standing(self) -> Self:
        """What is not cleared."""
        return self.exclude(state=Alert.State.CLEARED)


class Alert(DeviceOwnedModel):
    """Something that a rule found: one that stands per rule and key. `summary` is a sentence for people.

    open → acknowledged | snoozed → cleared, by the next look that does not find it any more; a snoozed one that
    is still there when its time is over is open again.
    """

    class State(models.TextChoices):
        """Where it stands."""

        OPEN = "open", "Open"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        SNOOZED = "snoozed", "Snoozed"
        CLEARED = "cleared", "Cleared"

    rule = models.ForeignKey(AlertRule, on_delete=models.PROTECT, related_name="alerts")
    kind = models.CharField(max_length=20, choices=AlertRule.Kind.choices)
    key = models.CharField(max_length=100)
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    summary = models.CharField(max_length=500)
    evidence = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    raised_at = models.DateTimeField(default=timezone.now)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    cleared_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = alive(AlertQuerySet)
    all_objects: ClassVar[Any] = with_tombstones(AlertQuerySet)

    class Meta(DeviceOwnedModel.Meta):
        db_table = "alerts"
        constraints = [
            *DeviceOwnedModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["device", "rule", "key"], condition=~models.Q(state="cleared"), name="alert_one_standing"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-raised_at"], name="alert_inbox"),
            models.Index(fields=["rule", "state"], name="alert_of_rule"),
            models.Index(fields=["device", "state", "-raised_at"], name="alert_of_device"),
        ]

    def __str__(self) -> str:
        return self.summary


class AlertSighting(models.Model):
    """What was found and is not raised yet: how many looks in a row have found it."""

    id = models.BigAutoField(primary_key=True)
    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="+")
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=100)
    times = models.PositiveSmallIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "device", "key"], name="alert_sighting")]

    def __str__(self) -> str:
        return f"{self.key} × {self.times}"


class AlertLook(models.Model):
    """The head of a device's feed when its rules were last looked at; a head beyond it asks for another look."""

    device = models.OneToOneField(Device, on_delete=models.CASCADE, primary_key=True, related_name="+")
    head = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"@{self.head}"


class AlertMail(models.Model):
    """Whether a person wants alerts by e-mail: at once, in a daily digest, or (no row) not at all.

    Staff hear of every device, others of the devices they own.
    """

    class When(models.TextChoices):
        """How often."""

        AT_ONCE = "at_once", "At once"
        DAILY = "daily", "Once a day"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="alert_mail"
    )
    when = models.CharField(max_length=10, choices=When.choices, default=When.DAILY)

    class Meta:
        verbose_name = "alert e-mail"

    def __str__(self) -> str:
        return f"{self.user}: {self.get_when_display()}"
