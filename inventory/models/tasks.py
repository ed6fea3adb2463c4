"""Tasks: work for people on a device."""

from __future__ import annotations

from django.db import models

from devices.models import DeviceOwnedModel
from inventory.models.locations import Location


class Task(DeviceOwnedModel):
    """Something to do by hand. `priority` 1 (urgent) … 5 (whenever)."""

    title = models.CharField(max_length=300)
    description = models.TextField(max_length=10_000, blank=True)
    priority = models.PositiveSmallIntegerField(default=3)
    due_date = models.DateField(null=True, blank=True)
    assignee = models.CharField(max_length=200, blank=True)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    completed = models.BooleanField(default=False)
    completed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta(DeviceOwnedModel.Meta):
        db_table = "tasks"
        constraints = [
            *DeviceOwnedModel.Meta.constraints,
            models.CheckConstraint(condition=models.Q(priority__range=(1, 5)), name="task_priority_range"),
        ]
        indexes = [models.Index(fields=["device", "completed", "due_date"], name="task_open")]

    def __str__(self) -> str:
        return self.title
