"""Deliveries on their way: one sender per endpoint, tried again for three days, held back while nobody answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from config.core.wire import to_json
from devices.actors import system
from inventory.errors import OutboundFailed, OutboundRefused
from inventory.models import Case, WebhookDelivery, WebhookEndpoint, WebhookRun
from inventory.services.cases import open_case
from inventory.services.outbound import Reply, send
from inventory.services.webhooks.endpoints import disable_webhook, ring
from inventory.services.webhooks.reading import payload_of, read_some
from inventory.services.webhooks.signing import signed_headers

SENDER = system("webhooks")
LADDER = (
    *(timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)  # waits between the attempts at one delivery: about three days
GIVE_UP = sum(LADDER, timedelta())
PATIENCE = 3  # failures in a row before the whole endpoint is held back
SECONDS = 60  # a worker's turn at one endpoint
EXCERPT = 500
GONE, TOO_MANY, UNAVAILABLE = 410, 429, 503
Status = WebhookDelivery.Status


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to send for an endpoint, until the lease ends or another worker takes it."""

    endpoint: WebhookEndpoint
    fence: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt; `trouble` is empty where it was taken."""

    trouble: str
    milliseconds: int
    code: int | None = None
    excerpt: str = ""
    wait: timedelta | None = None  # as the receiver asked


def ring_due() -> int:
    """The sweep: ring for every endpoint that has something to do. Returns how many."""
    due = list(WebhookEndpoint.objects.due().order_by("pk"))
    for endpoint in due:
        ring(endpoint)
    return len(due)


def ring_listening(device_id: int) -> None:
    """Ring for the endpoints that get a device's events."""
    for endpoint in WebhookEndpoint.objects.listening_to(device_id).order_by("pk"):
        ring(endpoint)


def deliver_due(endpoint_id: int, *, seconds: float = SECONDS) -> int:
    """Read what is new and send what is due, one after the other, as long as a turn lasts. Returns how many were sent.

    Does nothing where another worker has the turn, the endpoint is disabled, or it is held back.
    """
    sent, until = 0, monotonic() + seconds
    with _turn(endpoint_id) as turn:
        if turn is None:
            return 0
        while monotonic() < until:
            is_new = read_some(turn.endpoint)
            delivery = _next(turn.endpoint)
            if delivery is not None:
                outcome = attempt(delivery)
                sent += 1
                if not _goes_on(turn, delivery, outcome):
                    break
            elif not is_new:
                break
    if WebhookEndpoint.objects.due().filter(pk=endpoint_id).exists():
        ring(turn.endpoint)  # its time was over, or a bell rang while it was busy
    return sent


def attempt(delivery: WebhookDelivery) -> Outcome:
    """Send it once. Writes nothing."""
    endpoint, now = delivery.endpoint, timezone.now()
    body = to_json(payload_of(delivery))
    valid = models.Q(expires_at=None) | models.Q(expires_at__gt=now)
    keys = endpoint.secrets.filter(valid).order_by("-id").values_list("secret", flat=True)
    headers = {
        "content-type": "application/json",
        "user-agent": "CountOnMe-Webhooks/1",
        **signed_headers(id=str(delivery.uuid), at=now, body=body, keys=keys),
    }
    start = monotonic()
    try:
        reply = send("POST", endpoint.url, headers=headers, body=body, seconds=settings.WEBHOOK_SECONDS)
    except (OutboundRefused, OutboundFailed) as error:
        return Outcome(trouble=error.detail[:300], milliseconds=round((monotonic() - start) * 1000))
    return _judge(reply)


def _judge(reply: Reply) -> Outcome:
    text = reply.body[: EXCERPT * 4].decode("utf-8", "replace").replace("\x00", "\ufffd")[:EXCERPT]
    outcome: dict[str, Any] = {"milliseconds": reply.milliseconds, "code": reply.status, "excerpt": text}
    if 200 <= reply.status < 300:  # noqa: PLR2004  # the range of success
        return Outcome(trouble="", **outcome)
    if 300 <= reply.status < 400:  # noqa: PLR2004  # redirects
        return Outcome(trouble=f"{reply.status}: redirects are not followed.", **outcome)
    wait = None
    asked = reply.headers.get("retry-after", "")
    if reply.status in (TOO_MANY, UNAVAILABLE) and asked.isascii() and asked.isdigit():
        wait = min(timedelta(seconds=int(asked[:6])), LADDER[-1])
    return Outcome(trouble=f"The receiver answered {reply.status}.", wait=wait, **outcome)


@contextmanager
def _turn(endpoint_id: int) -> Iterator[Turn | None]:
    now = timezone.now()
    free = models.Q(leased_until=None) | models.Q(leased_until__lt=now)
    held = models.Q(resume_at__gt=now)
    taken = (
        WebhookRun.objects.filter(free, pk=endpoint_id, endpoint__enabled=True, endpoint__deleted_at=None)
        .exclude(held)
        .update(leased_until=_lease_end(), fence=models.F("fence") + 1)
    )
    if not taken:
        yield None
        return
    endpoint: Any = WebhookEndpoint.objects.select_related("run", "device").get(pk=endpoint_id)
    turn = Turn(endpoint, endpoint.run.fence)
    try:
        yield turn
    finally:
        WebhookRun.objects.filter(pk=endpoint_id, fence=turn.fence).update(leased_until=None)


def _next(endpoint: WebhookEndpoint) -> WebhookDelivery | None:
    due = endpoint.deliveries.due().select_related("event__device", "device")
    found: WebhookDelivery | None = due.order_by("next_attempt_at", "id").first()
    if found is not None:
        found.endpoint = endpoint
    return found


def _goes_on(turn: Turn, delivery: WebhookDelivery, outcome: Outcome) -> bool:
    """Note what came of an attempt. Returns whether the turn goes on with the next delivery."""
    run = _note(turn, delivery, outcome)
    if run is None or run.endpoint.revision != turn.endpoint.revision:
        return False
    if outcome.code == GONE:
        _give_up(turn.endpoint, delivery, "The receiver answered 410 Gone.")
        return False
    if run.failing_since is not None and timezone.now() - run.failing_since >= GIVE_UP:
        _give_up(turn.endpoint, delivery, f"It has taken nothing since {run.failing_since:%Y-%m-%d %H:%M} UTC.")
        return False
    return run.resume_at is None


@transaction.atomic
def _note(turn: Turn, delivery: WebhookDelivery, outcome: Outcome) -> WebhookRun | None:
    """How the endpoint stands after an attempt; None where another worker has it: it sends the same id again."""
    found = WebhookRun.objects.select_for_update(of=("self",)).select_related("endpoint")
    run = found.filter(pk=turn.endpoint.pk, fence=turn.fence).first()
    if run is None:
        return None
    now = timezone.now()
    delivery.attempts += 1
    delivery.attempted_at, delivery.duration_ms = now, outcome.milliseconds
    delivery.response_code, delivery.excerpt, delivery.trouble = outcome.code, outcome.excerpt, outcome.trouble
    if outcome.trouble:
        _failed(run, delivery, outcome, now)
    else:
        delivery.status = Status.DELIVERED
        run.failures, run.failing_since, run.resume_at = 0, None, None
    delivery.save()
    run.leased_until = _lease_end()
    run.save()
    return run


def _failed(run: WebhookRun, delivery: WebhookDelivery, outcome: Outcome, now: datetime) -> None:
    """When this delivery is tried again, if ever, and until when the endpoint is held back, if it is."""
    if delivery.attempts > len(LADDER):
        delivery.status = Status.DEAD
    else:
        wait = LADDER[delivery.attempts - 1]
        delivery.next_attempt_at = now + max(wait, outcome.wait or wait)
    run.failures += 1
    run.failing_since = run.failing_since or now
    held = LADDER[min(run.failures - PATIENCE, len(LADDER) - 1)] if run.failures >= PATIENCE else None
    waits = [wait for wait in (held, outcome.wait) if wait is not None]
    run.resume_at = now + max(waits) if waits else None


def _give_up(endpoint: WebhookEndpoint, delivery: WebhookDelivery, reason: str) -> None:
    """Disable it, and tell staff in the inbox of the device it was about."""
    disable_webhook(endpoint, actor=SENDER, reason=reason)
    if delivery.device is not None:
        open_case(
            device=delivery.device,
            actor=SENDER,
            kind=Case.Kind.WEBHOOK_DISABLED,
            key=str(endpoint.uuid),
            summary=f"Webhook {endpoint} was disabled: {reason}"[:500],
            evidence={"webhook_id": endpoint.uuid, "delivery_id": delivery.uuid, "trouble": delivery.trouble},
        )


def _lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.JOB_LEASE_SECONDS + settings.WEBHOOK_SECONDS)
