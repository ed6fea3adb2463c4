"""Imports: a file on its way into a device, what became of each of its lines, and saved mappings."""

from __future__ import annotations

from typing import Any, Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from uuid_utils.compat import uuid7

from devices.models import Device
from inventory.models.artifacts import Upload
from inventory.models.jobs import Job


def nothing_detected() -> dict[str, Any]:
    """What is told of a file that nobody has looked at in this way."""
    return {"line_ends": None, "types": []}


class ImportSessionQuerySet(models.QuerySet["ImportSession"]):
    """Reads of imports."""

    def for_device(self, device: Any) -> Self:
        """Imports of one device."""
        return self.filter(device=device)


class ImportSession(models.Model):
    """One file: draft → ready (dry run) → running → applied → reverted; failed where a run broke off.

    `reading`, `columns`, `sample` = how the file is read and what is in it; `detected` = what else was found out
    (line ends, types of columns), to be looked at alone; `mapping` = field → column(s).
    `checked_revision` = the device's head when the dry run began: rows changed since are left alone.
    `done` = rows of the file that committed chunks have gone past; `first_revision`, `last_revision` = where its
    events lie in the feed, all of them with the session's id as operation_id.
    """

    class Status(models.TextChoices):
        """Where it stands."""

        DRAFT = "draft", "Draft"
        READY = "ready", "Ready to apply"
        RUNNING = "running", "Running"
        APPLIED = "applied", "Applied"
        FAILED = "failed", "Failed"
        REVERTED = "reverted", "Reverted"

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField("id", default=uuid7, editable=False, unique=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="+")
    upload = models.ForeignKey(Upload, on_delete=models.SET_NULL, null=True, related_name="+")
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="+")
    file_name = models.CharField("file", max_length=200)
    kind = models.CharField(max_length=20)
    profile = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    reading = models.JSONField(default=dict)
    columns = models.JSONField(default=list)
    sample = models.JSONField(default=list)
    detected = models.JSONField(default=nothing_detected)
    mapping = models.JSONField(default=dict)
    options = models.JSONField(default=dict)
    summary = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    checked_revision = models.BigIntegerField(null=True)
    first_revision = models.BigIntegerField(null=True)
    last_revision = models.BigIntegerField(null=True)
    done = models.PositiveBigIntegerField(default=0)
    actor_kind = models.CharField(max_length=12)
    actor_id = models.CharField(max_length=100)
    actor_name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: Any = ImportSessionQuerySet.as_manager()

    class Meta:
        db_table = "imports"
        verbose_name = "import"
        indexes = [
            models.Index(fields=["device", "-id"], name="import_device"),
            models.Index(fields=["updated_at"], name="import_updated"),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.kind})"

    @property
    def standing(self) -> str:
        """The status; `failed` where its job ended without it."""
        if self.status == self.Status.RUNNING and self.job is not None and self.job.has_ended:
            return self.Status.FAILED
        return self.status


class ImportRow(models.Model):
    """What became of one line, in the dry run or, since then, for good."""

    class Outcome(models.TextChoices):
        """What was done."""

        CREATED = "created", "Created"
        UPDATED = "updated", "Updated"
        UNCHANGED = "unchanged", "Unchanged"
        SKIPPED = "skipped", "Skipped"
        ERROR = "error", "Error"

    id = models.BigAutoField(primary_key=True)
    session = models.ForeignKey(ImportSession, on_delete=models.CASCADE, related_name="rows", db_index=False)
    number = models.PositiveBigIntegerField("line")
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    internal_code = models.CharField(max_length=60, blank=True)
    column = models.CharField(max_length=200, blank=True)
    value = models.CharField(max_length=200, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    hint = models.CharField(max_length=500, blank=True)
    object_id = models.UUIDField(null=True)

    class Meta:
        db_table = "import_rows"
        indexes = [models.Index(fields=["session", "outcome", "number"], name="import_row_outcome")]

    def __str__(self) -> str:
        return f"line {self.number}: {self.outcome}"


class ImportProfileQuerySet(models.QuerySet["ImportProfile"]):
    """Reads of saved mappings."""

    def usable_by(self, device: Any) -> Self:
        """Profiles of one device, and those that staff share with all."""
        return self.filter(models.Q(device=device) | models.Q(device__isnull=True))


class ImportProfile(models.Model):
    """A mapping that was saved under a name: of one device, or without one shared by all."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField("id", default=uuid7, editable=False, unique=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20)
    mapping = models.JSONField(default=dict)
    options = models.JSONField(default=dict)
    reading = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: Any = ImportProfileQuerySet.as_manager()

    class Meta:
        db_table = "import_profiles"
        constraints = [
            models.UniqueConstraint(
                fields=["device", "name"],
                name="import_profile_name",
                violation_error_code="import_profile_taken",
            ),
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(device__isnull=True),
                name="import_profile_shared_name",
                violation_error_code="import_profile_taken",
            ),
        ]

    def __str__(self) -> str:
        return self.name
