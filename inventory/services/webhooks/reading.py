"""From the event log to deliveries: read in the feed's order, one row per endpoint and event, nothing at event time.

The position moves in the transaction that makes the rows, so a worker that dies anywhere loses and doubles nothing;
and whoever writes events does no work for webhooks.
"""

from __future__ import annotations

from typing import Any

from django.db import models, transaction
from django.utils import timezone

from devices.models import Event, Feed
from inventory.models import WebhookDelivery, WebhookEndpoint, WebhookPosition
from inventory.services.webhooks.patterns import type_of, wants

CHUNK = 500  # revisions at a time
OWN_TABLE = WebhookEndpoint._meta.db_table  # an endpoint's address and changes are nobody else's business


def read_some(endpoint: WebhookEndpoint) -> bool:
    """Read the next events of every device that has new ones. Returns whether there were any."""
    behind = devices_behind(endpoint)
    for device_id in behind:
        read_events(endpoint, device_id)
    return bool(behind)


def devices_behind(endpoint: WebhookEndpoint) -> list[int]:
    """Devices of the endpoint whose feed goes further than it has read."""
    read = WebhookPosition.objects.filter(
        endpoint=endpoint, device=models.OuterRef("device"), revision__gte=models.OuterRef("head")
    )
    feeds = Feed.objects.filter(~models.Exists(read))
    if endpoint.device_id is not None:
        feeds = feeds.filter(device=endpoint.device_id)
    return list(feeds.order_by("device").values_list("device", flat=True))


@transaction.atomic
def read_events(endpoint: WebhookEndpoint, device_id: int) -> None:
    """Turn at most 500 revisions of a device into deliveries and move the position past them.

    The head is read first: what is at or below a committed head is committed. Read once more after a replay,
    a delivery waits again under the id that it had.
    """
    position, _ = WebhookPosition.objects.select_for_update().get_or_create(endpoint=endpoint, device_id=device_id)
    head = Feed.objects.values_list("head", flat=True).get(device=device_id)
    upto = min(head, position.revision + CHUNK)
    events = Event.objects.filter(device=device_id, revision__gt=position.revision, revision__lte=upto)
    wanted = [
        event
        for event in events.exclude(table=OWN_TABLE).order_by("revision", "id")
        if wants(event, patterns=endpoint.events, conditions=endpoint.conditions)
    ]
    WebhookDelivery.objects.bulk_create(
        [_waiting(endpoint, event) for event in wanted],
        update_conflicts=True,
        unique_fields=["endpoint", "event"],
        update_fields=["status", "attempts", "next_attempt_at"],
    )
    position.revision = upto
    position.save(update_fields=["revision"])


def _waiting(endpoint: WebhookEndpoint, event: Event) -> WebhookDelivery:
    return WebhookDelivery(
        endpoint=endpoint,
        device_id=event.device_id,
        event=event,
        event_type=type_of(event),
        object_id=event.object_id,
        revision=event.revision,
        next_attempt_at=timezone.now(),
    )


def payload_of(delivery: WebhookDelivery) -> dict[str, Any]:
    """The body, the same at every attempt: an event never changes."""
    event = delivery.event
    if event is None:
        data: dict[str, Any] = delivery.body or {"webhook_id": delivery.endpoint.uuid}
        return {"type": delivery.event_type, "timestamp": delivery.created_at, "data": data}
    return {
        "type": delivery.event_type,
        "timestamp": event.created_at,
        "data": {
            "device_id": event.device.uuid,
            "revision": event.revision,
            "table": event.table,
            "id": event.object_id,
            "action": event.action,
            "actor": {"kind": event.actor_kind, "id": event.actor_id, "name": event.actor_name},
            "changes": event.changes,
            "request_id": event.request_id,
            "operation_id": event.operation_id,
        },
    }
