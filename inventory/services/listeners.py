"""Who hears that a device has new events: told after the commit, so that writing costs nothing but the telling."""

from __future__ import annotations

from django.core.cache import cache

from inventory.models import WebhookEndpoint
from inventory.services.webhooks.sending import ring_listening

QUIET_SECONDS = 1  # a device that writes all the time is heard once a second; sweeps find the rest
ANYONE_SECONDS = 10


def hear_device(device_id: int) -> None:
    """Ring for the webhooks of a device, at most once a second."""
    if cache.add(f"heard:{device_id}", 1, QUIET_SECONDS) and _has_webhooks():
        ring_listening(device_id)


def _has_webhooks() -> bool:
    """Whether there is any webhook at all, as of a few seconds ago."""
    return bool(cache.get_or_set("webhooks", WebhookEndpoint.objects.filter(enabled=True).exists, ANYONE_SECONDS))
