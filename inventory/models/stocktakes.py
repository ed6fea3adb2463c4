"""Stocktakes, and the campaigns that start them on many devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F
from uuid_utils.compat import uuid7

from config.core.models import alive, with_tombstones
from devices.models import DeviceOwnedModel, DeviceOwnedQuerySet
from inventory.models.count_policy import CountPolicy, read_policy
from inventory.models.locations import Location
from inventory.models.products import Category


class CountKind(models.TextChoices):
    """How much is counted: everything, a part in turn, or one doubtful place."""

    FULL = "full", "Full"
    CYCLE = "cycle", "Cycle"
    SPOT = "spot", "Spot"


class CampaignQuerySet(models.QuerySet["Campaign"]):
    """Reads of campaigns."""

    def for_user(self, user: Any) -> Self:
        """The campaigns of an owner of devices; staff see all."""
        return self if user.is_staff else self.filter(owner=user)

    def with_progress(self) -> Self:
        """Adds stocktake_count and ended_count (posted, closed or cancelled)."""
        ended = [Stocktake.State.POSTED, Stocktake.State.CLOSED, Stocktake.State.CANCELLED, Stocktake.State.REVERSED]
        return self.annotate(
            stocktake_count=models.Count("stocktakes"),
            ended_count=models.Count("stocktakes", filter=models.Q(stocktakes__state__in=ended)),
        )


class Campaign(models.Model):
    """One wish to count, fanned out to the stocktakes of many devices when it is launched.

    `device_ids`: the wire ids it is for; empty: all active devices of its owner (of the server, for staff's).
    `location_code` and `category_name` narrow what is counted, by what each device calls so.
    `revision` is its own counter: ETag and optimistic lock, no device's feed.
    """

    class State(models.TextChoices):
        """draft → launched → closed; draft → cancelled."""

        DRAFT = "draft", "Draft"
        LAUNCHED = "launched", "Launched"
        CLOSED = "closed", "Closed"
        CANCELLED = "cancelled", "Cancelled"

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField("id", default=uuid7, editable=False, unique=True)
    revision = models.BigIntegerField(default=1, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=5, choices=CountKind.choices, default=CountKind.FULL)
    state = models.CharField(max_length=9, choices=State.choices, default=State.DRAFT, editable=False)
    policy = models.JSONField(default=dict, blank=True)
    device_ids = models.JSONField(default=list, blank=True)
    location_code = models.CharField(max_length=100, blank=True)
    category_name = models.CharField(max_length=200, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    launched_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: Any = CampaignQuerySet.as_manager()

    class Meta:
        db_table = "campaigns"
        indexes = [models.Index(fields=["owner", "-id"], name="campaign_owner")]

    def __str__(self) -> str:
        return self.name


class StocktakeQuerySet(DeviceOwnedQuerySet):
    """Reads of stocktakes."""

    def with_counts(self) -> Self:
        """Adds line_count, counted_count (counted at least once) and decided_count to each."""
        lines = models.Q(lines__deleted_at__isnull=True)
        counted = models.Q(lines__state="counted") | ~models.Q(lines__counters=[])  # not evaluated yet; evaluated
        waiting = models.Q(lines__state__in=["to_count", "counted", "variance", "recount"])
        return self.annotate(
            line_count=models.Count("lines", filter=lines),
            counted_count=models.Count("lines", filter=lines & counted),
            decided_count=models.Count("lines", filter=lines & ~waiting),
        )

    def newest_first(self) -> Self:
        """In the order they were made, the last one first."""
        return self.order_by(F("created_at").desc(), "-id")


class Stocktake(DeviceOwnedModel):
    """One count of one device's stock, at any time, while it keeps moving.

    `location` (with all below it) and `category` narrow it; None: everything. `pass_number` = the pass that is
    counted now; `evaluated_head` = the feed position of the last evaluation.
    """

    class State(models.TextChoices):
        """See NEXT_STOCKTAKE."""

        DRAFT = "draft", "Draft"
        SCHEDULED = "scheduled", "Scheduled"
        OPEN = "open", "Open"
        COUNTING = "counting", "Counting"
        CLOSING = "closing", "Closing"
        REVIEW = "review", "Review"
        APPROVED = "approved", "Approved"
        POSTED = "posted", "Posted"
        CLOSED = "closed", "Closed"
        CANCELLED = "cancelled", "Cancelled"
        REVERSED = "reversed", "Reversed"

    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, null=True, blank=True, related_name="stocktakes", editable=False
    )
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=5, choices=CountKind.choices, default=CountKind.FULL)
    state = models.CharField(max_length=9, choices=State.choices, default=State.DRAFT, editable=False)
    note = models.TextField(max_length=10_000, blank=True)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    policy = models.JSONField(default=dict, blank=True, editable=False)
    scheduled_for = models.DateTimeField(null=True, blank=True)
    pass_number = models.PositiveSmallIntegerField(default=1, editable=False)
    evaluated_head = models.BigIntegerField(null=True, editable=False)
    opened_at = models.DateTimeField(null=True, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)
    posted_at = models.DateTimeField(null=True, editable=False)
    approved_by = models.CharField(max_length=200, blank=True, editable=False)

    objects: ClassVar[Any] = alive(StocktakeQuerySet)
    all_objects: ClassVar[Any] = with_tombstones(StocktakeQuerySet)

    class Meta(DeviceOwnedModel.Meta):
        db_table = "stocktakes"
        constraints = [
            *DeviceOwnedModel.Meta.constraints,
            models.UniqueConstraint(fields=["campaign", "device"], name="stocktake_one_of_campaign"),
        ]
        indexes = [models.Index(fields=["device", "state"], name="stocktake_state")]

    def __str__(self) -> str:
        return self.name

    @property
    def rules(self) -> CountPolicy:
        """Its policy."""
        return read_policy(self.policy)


State = Stocktake.State
BEFORE_POSTED = (
    State.DRAFT,
    State.SCHEDULED,
    State.OPEN,
    State.COUNTING,
    State.CLOSING,
    State.REVIEW,
    State.APPROVED,
)
COUNTABLE = (State.OPEN, State.COUNTING, State.CLOSING)  # a count that arrives now is on time

# (state, action) → the next state. What is not here is refused with stocktake_transition.
NEXT_STOCKTAKE: Mapping[tuple[str, str], str] = {
    (State.DRAFT, "schedule"): State.SCHEDULED,
    (State.DRAFT, "open"): State.OPEN,
    (State.SCHEDULED, "open"): State.OPEN,
    (State.OPEN, "count"): State.COUNTING,  # by the first count
    (State.OPEN, "close"): State.CLOSING,
    (State.COUNTING, "close"): State.CLOSING,
    (State.CLOSING, "evaluate"): State.REVIEW,  # once every sheet is sealed or abandoned
    (State.REVIEW, "recount"): State.COUNTING,
    (State.REVIEW, "approve"): State.APPROVED,
    (State.APPROVED, "reopen"): State.REVIEW,  # late data changed a number: look again
    (State.APPROVED, "post"): State.POSTED,
    (State.POSTED, "finish"): State.CLOSED,
    (State.POSTED, "reverse"): State.REVERSED,
    (State.CLOSED, "reverse"): State.REVERSED,
    **{(state, "cancel"): State.CANCELLED for state in BEFORE_POSTED},
}
STOCKTAKE_ACTIONS = tuple(dict.fromkeys(action for _, action in NEXT_STOCKTAKE))
