"""Jobs: background work as a row first; the broker is only a doorbell."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from uuid_utils.compat import uuid7

from devices.models import Device


class JobQuerySet(models.QuerySet["Job"]):
    """Reads of jobs."""

    def for_device(self, device: Any) -> Self:
        """Jobs of one device."""
        return self.filter(device=device)

    def due(self) -> Self:
        """What a worker may take now: queued and due, or running with a lease that ran out."""
        now = timezone.now()
        return self.filter(
            models.Q(status=Job.Status.QUEUED, run_at__lte=now)
            | models.Q(status=Job.Status.RUNNING, leased_until__lt=now)
        )

    def to_ring(self) -> Self:
        """What is due and has not been rung for a while: its bell may be lost."""
        return self.due().filter(ring_at__lte=timezone.now())

    def pending(self) -> Self:
        """What has not ended yet."""
        return self.filter(status__in=[Job.Status.QUEUED, Job.Status.RUNNING])

    def ended_before(self, then: datetime) -> Self:
        """What ended before a time, however it ended."""
        return self.filter(finished_at__lt=then).exclude(status__in=[Job.Status.QUEUED, Job.Status.RUNNING])


class Job(models.Model):
    """One piece of background work and its story.

    queued → running → succeeded | failed | cancelled, and succeeded → reverted where its effect was undone.
    A lease that runs out is taken again, with the next `fence`: a worker that wakes
    up late finds another fence and its effect is rolled back.

    `attempts` = leases since it was queued by somebody, `lost` = those whose worker fell silent. While it runs,
    `done` and `result` are what its committed effects have reached: the next attempt goes on from there.
    `deliver` = the schedule that asked for it, and who is told of its file: {schedule, mail: [addresses], webhook}.
    `once` = at most one job of this kind ever has this name ("2026-03-01"); empty: no limit.
    """

    class Status(models.TextChoices):
        """Where it stands."""

        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"
        REVERTED = "reverted", "Reverted"

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField("id", default=uuid7, editable=False, unique=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=40)
    parameters = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(null=True)
    message = models.CharField(max_length=500, blank=True)
    log = models.JSONField(default=list, encoder=DjangoJSONEncoder)
    result = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    attempts = models.PositiveSmallIntegerField(default=0)
    lost = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    deliver = models.JSONField(default=dict, blank=True, editable=False)
    once = models.CharField(max_length=60, blank=True, editable=False)
    run_at = models.DateTimeField(default=timezone.now)
    ring_at = models.DateTimeField(default=timezone.now, editable=False)
    leased_until = models.DateTimeField(null=True)
    cancel_requested = models.BooleanField(default=False)
    internal_code = models.CharField(max_length=60, blank=True)
    actor_kind = models.CharField(max_length=12)
    actor_id = models.CharField(max_length=100)
    actor_name = models.CharField(max_length=200)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects: Any = JobQuerySet.as_manager()

    class Meta:
        db_table = "jobs"
        constraints = [
            models.UniqueConstraint(fields=["kind", "once"], condition=~models.Q(once=""), name="job_once"),
        ]
        indexes = [
            models.Index(fields=["status", "run_at"], name="job_due"),
            models.Index(fields=["device", "-id"], name="job_device"),
            models.Index(fields=["finished_at"], name="job_finished"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {str(self.uuid)[-8:]}"

    @property
    def has_ended(self) -> bool:
        return self.status not in (self.Status.QUEUED, self.Status.RUNNING)
