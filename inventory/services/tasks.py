"""Tasks: work for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from devices.actors import Actor
from devices.models import Device
from devices.services.owned import (
    change_owned,
    delete_owned,
    find_reference,
    insert_owned,
    lock_device,
    lock_owned,
    restore_owned,
    writable,
)
from inventory.models import Location, Task

FIELDS = frozenset({"title", "description", "priority", "due_date", "assignee", "location_id", "completed"})


def with_completion(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a new task with the time of its completion, if it is completed."""
    return {**values, "completed_at": timezone.now() if values.get("completed") else None}


@transaction.atomic
def create_task(
    *,
    device: Device,
    actor: Actor,
    title: str,
    description: str = "",
    priority: int = 3,
    due_date: date | None = None,
    assignee: str = "",
    location_id: UUID | None = None,
    completed: bool = False,
    id: UUID | None = None,
) -> Task:
    """Raises ReferenceNotFound, IdAlreadyUsed."""
    lock_device(device)
    task = Task(
        device=device,
        uuid=id or uuid7(),
        title=title,
        description=description,
        priority=priority,
        due_date=due_date,
        assignee=assignee,
        location=find_reference(Location, device=device, id=location_id, field="location_id"),
        completed=completed,
        completed_at=timezone.now() if completed else None,
    )
    return insert_owned(task, actor=actor)


@transaction.atomic
def update_task(task: Task, *, actor: Actor, changes: Mapping[str, Any], expected_revision: int | None = None) -> Task:
    """Raises NotFound, RevisionMismatch, ReferenceNotFound."""
    current, revision = lock_owned(task, expected_revision=expected_revision)
    values = writable(changes, FIELDS)
    if "location_id" in values:
        location_id = values.pop("location_id")
        values["location"] = find_reference(Location, device=current.device, id=location_id, field="location_id")
    action = "updated"
    if values.get("completed", current.completed) != current.completed:
        values["completed_at"] = timezone.now() if values["completed"] else None
        action = "completed" if values["completed"] else "reopened"
    return change_owned(current, revision=revision, actor=actor, changes=values, action=action)


def complete_task(task: Task, *, actor: Actor, expected_revision: int | None = None) -> Task:
    """Done; completing a completed task changes nothing."""
    return update_task(task, actor=actor, changes={"completed": True}, expected_revision=expected_revision)


def reopen_task(task: Task, *, actor: Actor, expected_revision: int | None = None) -> Task:
    """Not done after all."""
    return update_task(task, actor=actor, changes={"completed": False}, expected_revision=expected_revision)


@transaction.atomic
def delete_task(task: Task, *, actor: Actor, expected_revision: int | None = None) -> Task:
    """Raises NotFound, RevisionMismatch."""
    current, revision = lock_owned(task, expected_revision=expected_revision)
    return delete_owned(current, revision=revision, actor=actor)


@transaction.atomic
def restore_task(task: Task, *, actor: Actor, expected_revision: int | None = None) -> Task:
    """Raises NotDeleted."""
    current, revision = lock_owned(task, expected_revision=expected_revision, deleted=True)
    return restore_owned(current, revision=revision, actor=actor)
