"""The horizon: tombstones and verdicts past it are removed, and the floor of the feed moves with them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models.functions import Greatest

from devices.models import Device, Feed
from devices.services.feed import take_revisions
from devices.services.replay import forget_operations
from inventory.services.sync.tables import Table, registry

CHUNK = 500


@transaction.atomic
def purge_horizon(*, device: Device, before: datetime, limit: int = CHUNK) -> int:
    """Remove at most `limit` tombstones and as many verdicts that are older than `before`. Returns how many.

    0 = nothing is left. What the ledger or a kept row refers to stays. The floor moves in the same transaction,
    under the feed lock: a client that had not pulled a removed tombstone is told to start again (410).
    """
    take_revisions(device, 0)
    removed, floor = 0, 0
    for table in reversed(list(registry().values())):  # children first
        if table.delete is None or removed >= limit:
            continue
        found = list(_removable(table, device, before).values_list("pk", "revision")[: limit - removed])
        if found:
            table.model.all_objects.filter(pk__in=[pk for pk, _ in found]).purge()
            removed += len(found)
            floor = max(floor, *(revision for _, revision in found))
    if floor:
        Feed.objects.filter(pk=device.pk).update(floor=Greatest(models.F("floor"), floor))
    return removed + forget_operations(device, before=before, limit=limit)


def _removable(table: Table, device: Device, before: datetime) -> Any:
    """Tombstones that nothing refers to any more."""
    rows = table.model.all_objects.for_device(device).deleted().filter(deleted_at__lt=before).order_by("revision")
    for relation in table.model._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ManyToOneRel):
            referring: Any = relation.related_model
            name = relation.field.name
            rows = rows.exclude(models.Exists(referring._base_manager.filter(**{name: models.OuterRef("pk")})))
    return rows
