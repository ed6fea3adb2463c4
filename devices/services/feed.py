"""The feed's lock: every write transaction starts here."""

from __future__ import annotations

from django.db import connection, models, transaction

from devices.errors import DeviceNotFound
from devices.models import Device, Feed


def take_revisions(device: Device, count: int = 1) -> range:
    """Lock the device's feed to commit and hand out `count` numbers, in order.

    Must run inside a transaction. Source: PROTOCOL §2 (one UPDATE … RETURNING is lock and counter in one).
    Raises DeviceNotFound if the device has no feed.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("take_revisions() needs a transaction: the lock must be held to commit")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE devices_feed SET head = head + %s WHERE device_id = %s RETURNING head", [count, device.pk]
        )
        found = cursor.fetchone()
    if found is None:
        raise DeviceNotFound
    head = int(found[0])
    return range(head - count + 1, head + 1)


def give_back(device: Device, revision: int) -> None:
    """Return the number taken last, for a write that found nothing to change: its caches stay valid."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE devices_feed SET head = head - 1 WHERE device_id = %s AND head = %s", [device.pk, revision]
        )


def next_revision(device: Device) -> int:
    """Lock the feed and take one number."""
    return take_revisions(device)[0]


@transaction.atomic
def bump_epoch(device: Device | None = None) -> int:
    """Start a new epoch for one device or all: every cursor of before is told to start again (410).

    For after a restore, when devices may know rows and revisions that the backup does not. Returns how many.
    """
    feeds = Feed.objects.all() if device is None else Feed.objects.filter(device=device)
    return feeds.update(epoch=models.F("epoch") + 1)
