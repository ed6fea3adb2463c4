"""Server events: what was changed of what belongs to no device (people, groups, schedules, codes); append-only."""

from __future__ import annotations

from typing import Any, Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone


def key_of(row: Any) -> str:
    """How events name a row: by its wire id, or by its number where it has none."""
    return str(getattr(row, "uuid", row.pk))


class ServerEventQuerySet(models.QuerySet["ServerEvent"]):
    """Reads of server events."""

    def about(self, row: Any) -> Self:
        """The history of one row, newest first."""
        return self.filter(table=row._meta.db_table, object_id=key_of(row)).order_by("-id")


class ServerEvent(models.Model):
    """One change of one row that belongs to no device. `changes` = {field: [before, after]}; never a secret.

    `object_name` is what the row was called then: deleted people stay readable.
    """

    id = models.BigAutoField(primary_key=True)
    actor_kind = models.CharField(max_length=12)
    actor_id = models.CharField(max_length=100)
    actor_name = models.CharField(max_length=200)
    action = models.CharField(max_length=40)
    table = models.CharField(max_length=63)
    object_id = models.CharField(max_length=64)
    object_name = models.CharField(max_length=200)
    changes = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects: Any = ServerEventQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["table", "object_id", "id"], name="server_event_object")]

    def __str__(self) -> str:
        return f"{self.object_name} {self.action}"
