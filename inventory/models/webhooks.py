"""Webhooks: where events are sent, how far each endpoint is, and every delivery."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from uuid_utils.compat import uuid7

from config.core.models import RecordModel, alive, with_tombstones
from devices.models import Device, DeviceOwnedQuerySet, Event, Feed


class WebhookEndpointQuerySet(DeviceOwnedQuerySet):
    """Reads of endpoints."""

    def listening_to(self, device_id: int) -> Self:
        """Enabled endpoints that get the events of a device."""
        return self.filter(models.Q(device=device_id) | models.Q(device=None), enabled=True)

    def telling_of(self, device: Device | None) -> Self:
        """Endpoints that hear of a device; of all devices together those hear that belong to none."""
        return self.filter(models.Q(device=device) | models.Q(device=None) if device else models.Q(device=None))

    def due(self) -> Self:
        """Enabled endpoints that nobody works on, are not held back, and have something to read or to send."""
        now = timezone.now()
        free = models.Q(run__leased_until=None) | models.Q(run__leased_until__lt=now)
        held = models.Q(run__resume_at__gt=now)
        sends = models.Exists(WebhookDelivery.objects.due().filter(endpoint=models.OuterRef("pk")))
        own = models.Exists(unread_feeds().filter(device=models.OuterRef("device")))
        wide = models.Q(device=None) & models.Exists(unread_feeds())
        return self.filter(free, sends | own | wide, enabled=True).exclude(held)


def unread_feeds() -> models.QuerySet[Feed]:
    """As a subquery of endpoints: the feeds that go further than the endpoint has read."""
    read = WebhookPosition.objects.filter(
        endpoint=models.OuterRef(models.OuterRef("pk")),
        device=models.OuterRef("device"),
        revision__gte=models.OuterRef("head"),
    )
    return Feed.objects.filter(~models.Exists(read))


class WebhookEndpoint(RecordModel):
    """One receiver of events: of one device, or of every device (`device` empty, made by staff).

    `events` are patterns such as `stock_movements.created`, `cases.*` and `*`. `conditions` = {field: value or
    list of values}: what an event must have set them to. `disabled_reason` says why the server gave up on it.
    """

    device = models.ForeignKey(Device, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    url = models.CharField("URL", max_length=2000)
    description = models.CharField(max_length=200, blank=True)
    events = models.JSONField(default=list)
    conditions = models.JSONField(default=dict, blank=True, encoder=DjangoJSONEncoder)
    enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=300, blank=True, editable=False)

    objects: ClassVar[Any] = alive(WebhookEndpointQuerySet)
    all_objects: ClassVar[Any] = with_tombstones(WebhookEndpointQuerySet)

    class Meta(RecordModel.Meta):
        db_table = "webhook_endpoints"
        constraints = [models.UniqueConstraint(fields=["device", "uuid"], name="webhook_device_uuid")]
        indexes = [models.Index(fields=["device", "enabled"], name="webhook_listening")]

    def __str__(self) -> str:
        return self.description or self.url


class WebhookRun(models.Model):
    """How the deliveries of an endpoint go; apart, so that no revision moves with it.

    `failures` in a row hold the endpoint back until `resume_at`; one worker at a time has its lease, and `fence`
    tells a worker that woke up late that another went on.
    """

    endpoint = models.OneToOneField(WebhookEndpoint, on_delete=models.CASCADE, primary_key=True, related_name="run")
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    resume_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.failures} failures"


class WebhookSecret(models.Model):
    """What an endpoint's deliveries are signed with. After a rotation the old one signs too, until it expires."""

    id = models.BigAutoField(primary_key=True)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="secrets")
    secret = models.CharField(max_length=100, editable=False)
    expires_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return "secret"


class WebhookPosition(models.Model):
    """The revision up to which an endpoint has read a device's events."""

    id = models.BigAutoField(primary_key=True)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="positions")
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="+")
    revision = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["endpoint", "device"], name="webhook_position")]

    def __str__(self) -> str:
        return f"@{self.revision}"


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    """Reads of deliveries."""

    def for_device(self, device: Any) -> Self:
        """What the endpoints of one device were sent; not what staff's endpoints were."""
        return self.filter(endpoint__device=device, endpoint__deleted_at=None)

    def waiting(self) -> Self:
        """What is still to be delivered."""
        return self.filter(status=WebhookDelivery.Status.WAITING)

    def due(self) -> Self:
        """What may be sent now: its time has come, and nothing earlier about the same object waits."""
        earlier = self.model.objects.waiting().filter(
            endpoint=models.OuterRef("endpoint"),
            device=models.OuterRef("device"),
            object_id=models.OuterRef("object_id"),
            event__lt=models.OuterRef("event"),
        )
        return self.waiting().filter(~models.Exists(earlier), next_attempt_at__lte=timezone.now())


class WebhookDelivery(models.Model):
    """One event on its way to one endpoint: exactly one row for the two, however often it is read again.

    waiting → delivered | dead. Its uuid is the `webhook-id`, the same at every attempt. A ping has no event; nor has
    the news that a file is ready: it has a `body` of its own, one to each endpoint about each job (`object_id`).
    """

    class Status(models.TextChoices):
        """Where it stands."""

        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        DEAD = "dead", "Dead"

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField("id", default=uuid7, editable=False, unique=True)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    device = models.ForeignKey(Device, on_delete=models.PROTECT, null=True, related_name="+")
    event = models.ForeignKey(Event, on_delete=models.CASCADE, null=True, related_name="+")
    event_type = models.CharField(max_length=120)
    body = models.JSONField(null=True, editable=False)
    object_id = models.UUIDField(null=True)
    revision = models.BigIntegerField(null=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    response_code = models.PositiveSmallIntegerField(null=True)
    excerpt = models.CharField(max_length=500, blank=True)
    trouble = models.CharField(max_length=300, blank=True)
    duration_ms = models.PositiveIntegerField(null=True)
    attempted_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects: Any = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        db_table = "webhook_deliveries"
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="webhook_one_delivery"),
            models.UniqueConstraint(
                fields=["endpoint", "object_id"],
                condition=models.Q(event=None, object_id__isnull=False),
                name="webhook_one_announcement",
            ),
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "next_attempt_at", "id"],
                condition=models.Q(status="waiting"),
                name="webhook_delivery_due",
            ),
            models.Index(
                fields=["endpoint", "object_id", "event"],
                condition=models.Q(status="waiting"),
                name="webhook_delivery_object",
            ),
            models.Index(fields=["endpoint", "-id"], name="webhook_delivery_log"),
            models.Index(fields=["status", "created_at"], name="webhook_delivery_ended"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {str(self.uuid)[-8:]}"
