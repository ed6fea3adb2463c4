"""Answers that are kept so that a repeated request is not a second effect."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from devices.models.devices import Device
from devices.models.installations import Installation


class IdempotencyKey(models.Model):
    """The stored answer of one POST, written in the transaction of its effect.

    `fingerprint` = SHA-256 over method, path and body. Unique per actor and key.
    """

    id = models.BigAutoField(primary_key=True)
    actor = models.CharField(max_length=120)
    key = models.CharField(max_length=128)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    answer = models.BinaryField()
    etag = models.CharField(max_length=64, blank=True)
    location = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["actor", "key"], name="idempotency_actor_key")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_created")]

    def __str__(self) -> str:
        return self.key


class Operation(models.Model):
    """The verdict on one synced operation, written in the transaction of its effect; append-only.

    `fingerprint` = SHA-256 of its content. Unique per device and op_id.
    """

    id = models.BigAutoField(primary_key=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="+", db_index=False)
    installation = models.ForeignKey(Installation, on_delete=models.PROTECT, null=True, related_name="+")
    op_id = models.UUIDField()
    sequence = models.BigIntegerField(null=True)
    fingerprint = models.CharField(max_length=64)
    op = models.CharField(max_length=10)
    table = models.CharField(max_length=63)
    object_id = models.UUIDField()
    status = models.CharField(max_length=12)
    internal_code = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "op_id"], name="operation_device_op")]
        indexes = [
            models.Index(fields=["installation", "sequence"], name="operation_sequence"),
            models.Index(fields=["created_at"], name="operation_created"),
        ]

    def __str__(self) -> str:
        return f"{self.op} {self.table} {self.status}"
