"""News that are no events of a device's rows: `reports.ready`, `exports.ready`; to whoever asked for such patterns."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from devices.models import Device, Event
from inventory.models import WebhookDelivery, WebhookEndpoint
from inventory.services.webhooks.endpoints import ring
from inventory.services.webhooks.patterns import type_of, wants


@transaction.atomic
def announce(*, table: str, device: Device | None, about: UUID, body: dict[str, Any]) -> int:
    """One delivery about a job to each endpoint of its device, or (None) of all devices, that wants it.

    A disabled endpoint gets it once it is enabled, as it does events. `conditions` are compared with the texts and
    numbers in `body`. To be called in the transaction that ends the job. Returns how many there are.
    """
    news = Event(table=table, action="ready", changes={name: [None, value] for name, value in body.items()})
    endpoints = [
        endpoint
        for endpoint in WebhookEndpoint.objects.telling_of(device).order_by("pk")
        if wants(news, patterns=endpoint.events, conditions=endpoint.conditions)
    ]
    told = {"device": device, "object_id": about, "event_type": type_of(news), "body": body}
    WebhookDelivery.objects.bulk_create([WebhookDelivery(endpoint=endpoint, **told) for endpoint in endpoints])
    for endpoint in endpoints:
        ring(endpoint)
    return len(endpoints)
