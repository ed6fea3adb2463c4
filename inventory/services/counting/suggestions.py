"""Suggestions of what to count become tasks for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID, uuid5

from django.db import transaction

from devices.actors import Actor
from devices.models import Device
from devices.services.owned import insert_many_owned, lock_device
from inventory.models import Location, Task
from inventory.reports.count_suggestions import CountedBucket

MAX_TITLE = 300


@transaction.atomic
def make_count_tasks(
    *,
    device: Device,
    actor: Actor,
    buckets: Sequence[CountedBucket],
    due_date: date | None = None,
    assignee: str = "",
) -> list[Task]:
    """A task for each bucket that has none since it was last counted. Returns the new ones; constant queries."""
    lock_device(device)
    wanted = {task_id(bucket): bucket for bucket in buckets}
    known = set(Task.all_objects.for_device(device).filter(uuid__in=wanted).values_list("uuid", flat=True))
    fresh = {id: bucket for id, bucket in wanted.items() if id not in known}
    places = {place.uuid: place for place in Location.objects.for_device(device).filter(
        uuid__in={bucket.location_id for bucket in fresh.values()}
    )}  # fmt: skip
    tasks = [
        Task(
            device=device,
            uuid=id,
            title=_title(bucket)[:MAX_TITLE],
            location=places.get(bucket.location_id),
            due_date=due_date,
            assignee=assignee,
        )
        for id, bucket in fresh.items()
    ]
    insert_many_owned(tasks, device=device, actor=actor)
    return tasks


def task_id(bucket: CountedBucket) -> UUID:
    """The same bucket, not counted since, has the same task: asked for twice it is made once."""
    return uuid5(bucket.level_id, f"count/{bucket.last_counted_at or 'never'}")


def _title(bucket: CountedBucket) -> str:
    lot = f", lot {bucket.lot_code}" if bucket.lot_code else ""
    return f"Count {bucket.product_name}{lot} at {bucket.location_name}"
