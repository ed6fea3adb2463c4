"""Installations: one app on one handset, with its own credential and presence; and the codes they enrol with."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from uuid_utils.compat import uuid7

from devices.models.devices import Device, Standing


class Installation(models.Model):
    """One app instance on one handset that works in a device's inventory.

    `secret_hash` is `<pepper id>:<HMAC-SHA256 hex>`; `next_secret_hash` waits for its first use after a roll.
    """

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField("id", default=uuid7, editable=False)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="installations")
    name = models.CharField(max_length=200, blank=True)
    platform = models.CharField(max_length=100, blank=True)
    standing = models.CharField(max_length=10, choices=Standing.choices, default=Standing.ACTIVE)
    secret_hash = models.CharField(max_length=80, unique=True, editable=False)
    next_secret_hash = models.CharField(max_length=80, unique=True, null=True, editable=False)  # noqa: DJ001  # unique where set
    next_sequence = models.BigIntegerField(default=1, editable=False)  # of the next synced operation
    created_at = models.DateTimeField(auto_now_add=True)

    is_authenticated = True  # what DRF asks of request.user

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "uuid"], name="installation_device_uuid")]
        indexes = [models.Index(fields=["uuid"], name="installation_uuid")]

    def __str__(self) -> str:
        return self.name or f"Installation {str(self.uuid)[-8:]}"

    def effective_standing(self) -> str:
        """The stricter of the installation's and the device's standing."""
        order = list(Standing.values)
        return max(self.standing, self.device.standing, key=order.index)


class Presence(models.Model):
    """When an installation was last here and what it said; apart, so that nothing waits for it.

    `clock_offset_ms` = server time minus the device's clock as last measured, in milliseconds; `clock_flagged`: a
    push found it far off and opened a case.
    """

    installation = models.OneToOneField(
        Installation, on_delete=models.CASCADE, primary_key=True, related_name="presence"
    )
    last_seen_at = models.DateTimeField(default=timezone.now)
    address = models.CharField(max_length=64, blank=True)
    app_version = models.CharField(max_length=64, blank=True)
    queue_depth = models.PositiveIntegerField(default=0)
    battery = models.PositiveSmallIntegerField(null=True, blank=True, help_text="per cent")
    clock_offset_ms = models.BigIntegerField(default=0)
    clock_flagged = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "presence"
        indexes = [models.Index(fields=["last_seen_at"], name="presence_last_seen")]

    def __str__(self) -> str:
        return f"{self.installation_id}: {self.last_seen_at:%Y-%m-%d %H:%M}"


class EnrollmentCodeQuerySet(models.QuerySet["EnrollmentCode"]):
    """Reads of enrollment codes."""

    def usable(self) -> EnrollmentCodeQuerySet:
        """Codes that still enrol somebody."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=timezone.now(), used_count__lt=models.F("max_uses"))


class EnrollmentCode(models.Model):
    """Lets `max_uses` installations enrol before `expires_at`; only its HMAC and last 4 characters are kept."""

    id = models.BigAutoField(primary_key=True)
    code_hash = models.CharField(max_length=80, unique=True, editable=False)
    hint = models.CharField(max_length=4, editable=False)
    label = models.CharField(max_length=200, blank=True)
    device = models.ForeignKey(
        Device,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="enrollment_codes",
        help_text="The device that handsets join with this code; empty: each makes a new device.",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The user who will own the new devices.",
    )
    max_uses = models.PositiveIntegerField(default=1)
    used_count = models.PositiveIntegerField(default=0, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200, blank=True, editable=False)

    objects: Any = EnrollmentCodeQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.label or 'Enrollment code'} …{self.hint}"
