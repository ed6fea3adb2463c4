"""Files that jobs make and files that are handed to jobs; the bytes lie in the storage "artifacts"."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.utils import timezone
from uuid_utils.compat import uuid7

from devices.models import Device
from inventory.models.jobs import Job


class StoredFileQuerySet(models.QuerySet[Any]):
    """Reads of files."""

    def for_device(self, device: Any) -> Self:
        """Files of one device that are not past their time."""
        return self.filter(device=device, expires_at__gt=timezone.now())

    def expired(self) -> Self:
        """What is past its time."""
        return self.filter(expires_at__lte=timezone.now())


class StoredFile(models.Model):
    """A file: `name` is what people see and save it as, `path` where the storage has it. It is never changed."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField("id", default=uuid7, editable=False, unique=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    name = models.CharField(max_length=200)
    media_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    path = models.CharField(max_length=200, editable=False)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects: Any = StoredFileQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Artifact(StoredFile):
    """A file that a job made. A job has one of each name: a later attempt's replaces an earlier one's."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="artifacts")

    class Meta:
        db_table = "artifacts"
        constraints = [models.UniqueConstraint(fields=["job", "name"], name="artifact_job_name")]
        indexes = [
            models.Index(fields=["expires_at"], name="artifact_expires"),
            models.Index(fields=["path"], name="artifact_path"),
        ]


class Upload(StoredFile):
    """A file that somebody sent for a job to read; jobs name it by its id."""

    class Meta:
        db_table = "uploads"
        indexes = [
            models.Index(fields=["expires_at"], name="upload_expires"),
            models.Index(fields=["path"], name="upload_path"),
        ]
