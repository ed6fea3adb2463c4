"""Endpoints: made, changed, rotated, tried out and replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from config.core.dispatch import enqueue
from config.core.errors import FieldProblem
from devices.actors import Actor
from devices.models import Device, Feed
from devices.services.owned import lock_device, writable
from devices.services.wide import change_wide, delete_wide, insert_wide, lock_wide, restore_wide, touch_wide
from inventory.errors import OutboundRefused, TooManyWebhooks, WebhookDisabled, WebhookInvalid
from inventory.models import WebhookDelivery, WebhookEndpoint, WebhookPosition, WebhookRun, WebhookSecret
from inventory.services.outbound import check_url
from inventory.services.webhooks.patterns import check_conditions, check_patterns
from inventory.services.webhooks.signing import new_secret

FIELDS = frozenset({"url", "description", "events", "conditions", "enabled"})
OVERLAP = timedelta(hours=24)  # the old secret signs too
DELIVER = "inventory.jobs.deliver_webhooks"
PING = "ping"
CALM: dict[str, Any] = {"failures": 0, "failing_since": None, "resume_at": None}


@transaction.atomic
def create_webhook(
    *,
    actor: Actor,
    device: Device | None,
    url: str,
    events: Sequence[str],
    conditions: Mapping[str, Any] | None = None,
    description: str = "",
    enabled: bool = True,
    id: UUID | None = None,
) -> WebhookEndpoint:
    """An endpoint for what happens from now on, on one device or (None) on all; its secret is `shown_secret`, once.

    Raises WebhookInvalid, OutboundRefused, TooManyWebhooks, IdAlreadyUsed.
    """
    if device is not None:
        lock_device(device)
        if WebhookEndpoint.objects.for_device(device).count() >= settings.WEBHOOKS_PER_DEVICE:
            raise TooManyWebhooks
    endpoint: Any = WebhookEndpoint(
        device=device,
        uuid=id or uuid7(),
        description=description,
        enabled=enabled,
        **_checked({"url": url, "events": events, "conditions": conditions or {}}),
    )
    insert_wide(endpoint, actor=actor)
    WebhookRun.objects.create(endpoint=endpoint)
    _start_at_the_heads(endpoint)
    endpoint.shown_secret = _add_secret(endpoint)
    return endpoint  # type: ignore[no-any-return]  # Any only to carry the secret


@transaction.atomic
def update_webhook(
    endpoint: WebhookEndpoint, *, actor: Actor, changes: Mapping[str, Any], expected_revision: int | None = None
) -> WebhookEndpoint:
    """To enable is to forget past failures and to go on where it stopped.

    Raises NotFound, RevisionMismatch, WebhookInvalid, OutboundRefused.
    """
    current, revision = lock_wide(endpoint, expected_revision=expected_revision)
    values = _checked(writable(changes, FIELDS))
    if values.get("enabled"):
        values["disabled_reason"] = ""
        WebhookRun.objects.filter(pk=current.pk).update(**CALM)
    changed: WebhookEndpoint = change_wide(current, revision=revision, actor=actor, changes=values)
    ring(changed)
    return changed


@transaction.atomic
def disable_webhook(endpoint: WebhookEndpoint, *, actor: Actor, reason: str) -> WebhookEndpoint:
    """Nothing is sent any more; what waits and what comes is kept for when it is enabled again."""
    current, revision = lock_wide(endpoint)
    changes = {"enabled": False, "disabled_reason": reason[:300]}
    disabled: WebhookEndpoint = change_wide(current, revision=revision, actor=actor, changes=changes, action="disabled")
    return disabled


@transaction.atomic
def delete_webhook(endpoint: WebhookEndpoint, *, actor: Actor, expected_revision: int | None = None) -> WebhookEndpoint:
    """Raises NotFound, RevisionMismatch."""
    current, revision = lock_wide(endpoint, expected_revision=expected_revision)
    deleted: WebhookEndpoint = delete_wide(current, revision=revision, actor=actor)
    return deleted


@transaction.atomic
def restore_webhook(
    endpoint: WebhookEndpoint, *, actor: Actor, expected_revision: int | None = None
) -> WebhookEndpoint:
    """It goes on where it stopped. Raises NotDeleted, RevisionMismatch."""
    current, revision = lock_wide(endpoint, expected_revision=expected_revision, deleted=True)
    restored: WebhookEndpoint = restore_wide(current, revision=revision, actor=actor)
    ring(restored)
    return restored


@transaction.atomic
def rotate_secret(endpoint: WebhookEndpoint, *, actor: Actor) -> WebhookEndpoint:
    """A new secret (`shown_secret`, once); for 24 hours deliveries are signed with the old one too."""
    current, revision = lock_wide(endpoint)
    now = timezone.now()
    current.secrets.filter(expires_at__lte=now).delete()
    current.secrets.filter(expires_at=None).update(expires_at=now + OVERLAP)
    touch_wide(current, revision=revision, actor=actor, action="secret_rotated")
    rotated: Any = current
    rotated.shown_secret = _add_secret(current)
    return rotated  # type: ignore[no-any-return]  # as in create_webhook


@transaction.atomic
def ping_webhook(endpoint: WebhookEndpoint, *, actor: Actor) -> WebhookDelivery:
    """Send a test event at once; while one waits, that one is the answer. Raises WebhookDisabled."""
    _refuse_disabled(endpoint)
    waiting = endpoint.deliveries.waiting().filter(event_type=PING).first()
    ping: WebhookDelivery = waiting or WebhookDelivery.objects.create(
        endpoint=endpoint, device=endpoint.device, event_type=PING
    )
    return send_now(ping)


@transaction.atomic
def resend_delivery(delivery: WebhookDelivery, *, actor: Actor) -> WebhookDelivery:
    """Send it (again) at once, with the same id and a fresh row of attempts. Raises WebhookDisabled."""
    _refuse_disabled(delivery.endpoint)
    current: WebhookDelivery = WebhookDelivery.objects.select_for_update().get(pk=delivery.pk)
    current.status, current.attempts = WebhookDelivery.Status.WAITING, 0
    return send_now(current)


def send_now(delivery: WebhookDelivery) -> WebhookDelivery:
    """Make a delivery due, and its endpoint free to try."""
    delivery.next_attempt_at = timezone.now()
    delivery.save(update_fields=["status", "attempts", "next_attempt_at"])
    WebhookRun.objects.filter(pk=delivery.endpoint_id).update(resume_at=None)
    ring(delivery.endpoint)
    return delivery


@transaction.atomic
def replay_webhook(endpoint: WebhookEndpoint, *, actor: Actor, device: Device, revision: int) -> WebhookEndpoint:
    """Deliver a device's events again from a revision on, with the ids they had; one beyond the head skips to now.

    Raises WebhookInvalid.
    """
    lock_device(device)
    head = Feed.objects.values_list("head", flat=True).get(device=device)
    if not 1 <= revision <= head + 1:
        raise invalid("revision", f"Give a revision from 1 to {head + 1}, one beyond the newest.")
    if endpoint.device_id not in (None, device.pk):
        raise invalid("device", "This endpoint does not get the events of that device.")
    WebhookPosition.objects.update_or_create(endpoint=endpoint, device=device, defaults={"revision": revision - 1})
    ring(endpoint)
    return endpoint


def ring(endpoint: WebhookEndpoint) -> None:
    """Tell a worker, once the transaction is committed, that there may be something to send."""
    enqueue(DELIVER, endpoint_id=str(endpoint.pk))


def _start_at_the_heads(endpoint: WebhookEndpoint) -> None:
    """What happened before the endpoint is not sent; a device that comes later is read from its beginning."""
    feeds = Feed.objects.all() if endpoint.device is None else Feed.objects.filter(device=endpoint.device)
    positions = [
        WebhookPosition(endpoint=endpoint, device_id=device, revision=head)
        for device, head in feeds.values_list("device", "head")
    ]
    WebhookPosition.objects.bulk_create(positions, batch_size=500)


def _add_secret(endpoint: WebhookEndpoint) -> str:
    return WebhookSecret.objects.create(endpoint=endpoint, secret=new_secret()).secret


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    if "url" in values:
        try:
            check_url(values["url"])
        except OutboundRefused as error:
            raise OutboundRefused(
                error.detail, errors=[FieldProblem("url", "outbound_refused", error.detail)]
            ) from None
    if "events" in values:
        values["events"] = check_patterns(values["events"])
    if "conditions" in values:
        values["conditions"] = check_conditions(values["conditions"])
    return values


def _refuse_disabled(endpoint: WebhookEndpoint) -> None:
    if not endpoint.enabled:
        raise WebhookDisabled


def invalid(field: str, detail: str) -> WebhookInvalid:
    """A refusal that names its field."""
    return WebhookInvalid(detail, errors=[FieldProblem(field, "invalid", detail)])
