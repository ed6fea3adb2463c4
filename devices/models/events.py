"""Events: what was changed, by whom, why; append-only."""

from __future__ import annotations

from typing import Any, Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

from devices.models.devices import Device


class EventQuerySet(models.QuerySet["Event"]):
    """Reads of events."""

    def for_device(self, device: Any) -> Self:
        """Events of one device."""
        return self.filter(device=device)

    def about(self, row: Any) -> Self:
        """The history of one row, newest first."""
        device = row if isinstance(row, Device) else row.device
        return self.filter(device=device, table=row._meta.db_table, object_id=row.uuid).order_by("-revision", "-id")


class Event(models.Model):
    """One change of one row. `changes` = {field: [before, after]}; `revision` is the row's own."""

    id = models.BigAutoField(primary_key=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="+", db_index=False)
    revision = models.BigIntegerField()
    actor_kind = models.CharField(max_length=12)
    actor_id = models.CharField(max_length=100)
    actor_name = models.CharField(max_length=200)
    action = models.CharField(max_length=40)
    table = models.CharField(max_length=63)
    object_id = models.UUIDField()
    changes = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    request_id = models.CharField(max_length=64, blank=True)
    operation_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects: Any = EventQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["device", "revision"], name="event_device_revision"),
            models.Index(fields=["device", "table", "object_id", "revision"], name="event_object"),
        ]

    def __str__(self) -> str:
        return f"{self.table} {self.action} @{self.revision}"


class PurgePermit(models.Model):
    """While a row stands here, in an uncommitted transaction, append-only tables may be purged (retention)."""

    id = models.BigAutoField(primary_key=True)
    reason = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.reason
