"""Stocktake lines: what was expected and what was found in one bucket, and what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Cast

from config.core.models import alive, with_tombstones
from config.core.quantities import QuantityField
from devices.models import DeviceOwnedModel, DeviceOwnedQuerySet
from inventory.models.locations import Location
from inventory.models.lots import Lot
from inventory.models.products import Product
from inventory.models.stock import StockMovement
from inventory.models.stocktakes import Stocktake


class VarianceReason(models.TextChoices):
    """Why the book and the shelf differ; one is required above tolerance."""

    DAMAGED = "damaged", "Damaged"
    EXPIRED = "expired", "Expired"
    FOUND = "found", "Found"
    MISSING = "missing", "Missing"
    STOLEN = "stolen", "Stolen"
    MISPLACED = "misplaced", "Misplaced"
    DATA_ENTRY = "data_entry", "Data entry error"
    UNIT_ERROR = "unit_error", "Unit error"
    LOT_ERROR = "lot_error", "Lot error"
    INBOUND_NOT_RECORDED = "inbound_not_recorded", "Inbound not recorded"
    OUTBOUND_NOT_RECORDED = "outbound_not_recorded", "Outbound not recorded"
    TRANSFER_NOT_RECORDED = "transfer_not_recorded", "Transfer not recorded"
    RETURN_NOT_RECORDED = "return_not_recorded", "Return not recorded"
    CONSUMED = "consumed", "Consumed"
    SCRAPPED = "scrapped", "Scrapped"
    SAMPLE = "sample", "Sample or gift"
    SHRINKAGE = "shrinkage", "Shrinkage"
    SUPPLIER_ERROR = "supplier_error", "Supplier error"
    LABEL_ERROR = "label_error", "Label error"
    RECOUNTED = "recounted", "Recounted"
    OPENING_STOCK = "opening_stock", "Opening stock"
    NOT_COUNTED = "not_counted", "Not counted"
    OTHER = "other", "Other"


class StocktakeLineQuerySet(DeviceOwnedQuerySet):
    """Reads of lines: the lists that stock controllers ask for."""

    def matched(self) -> Self:
        """Counted as expected, and nothing left to decide; what was assumed to be nothing was not counted."""
        return self.filter(counted__isnull=False, variance=0).exclude(state__in=WAITING).exclude(counters=[])

    def missing(self) -> Self:
        """Less than expected."""
        return self.filter(variance__lt=0)

    def surplus(self) -> Self:
        """More than expected."""
        return self.filter(variance__gt=0)

    def unexpected(self) -> Self:
        """Found where the book had nothing."""
        return self.surplus().filter(expected__lte=0)

    def not_counted(self) -> Self:
        """Nobody counted it, also where it is assumed to be nothing."""
        nobody = models.Q(counted__isnull=True) | models.Q(counters=[])
        return self.filter(nobody).exclude(state=Line.COUNTED)  # counted, but not evaluated yet

    def misplaced(self) -> Self:
        """Found unexpectedly here while the same product (and lot) is missing elsewhere in the stocktake."""
        elsewhere = self.model.objects.filter(
            device=models.OuterRef("device"),  # for the index of buckets
            stocktake=models.OuterRef("stocktake"),
            product=models.OuterRef("product"),
            variance__lt=0,
        ).exclude(location=models.OuterRef("location"))
        return self.unexpected().filter(models.Exists(elsewhere))

    def waiting(self) -> Self:
        """Not decided yet."""
        return self.filter(state__in=WAITING)

    def naming(self, column: str, word: str) -> Self:
        """Where `counters` or `flags`, lists of plain words, have this one."""
        text = Cast(column, models.TextField())
        return self.annotate(**{f"{column}_text": text}).filter(**{f"{column}_text__contains": f'"{word}"'})


class StocktakeLine(DeviceOwnedModel):
    """One bucket in one stocktake; its uuid is made from both, so there is never a second one.

    `expected` = the book at the count's own causal position, in units; variance = counted - expected. `head` is
    the feed position it was computed at, `doubts` the ids of movements whose order nobody can tell, `flags` why a
    person should look, `passes` the result of each pass. `movement` is what posting inserted (none: no variance,
    or the book was kept).
    """

    class State(models.TextChoices):
        """See NEXT_LINE."""

        TO_COUNT = "to_count", "To count"
        COUNTED = "counted", "Counted"
        MATCHED = "matched", "Matched"
        VARIANCE = "variance", "Variance"
        RECOUNT = "recount", "Recount"
        ACCEPTED = "accepted", "Accepted"
        REJECTED = "rejected", "Rejected"
        EXCUSED = "excused", "Excused"
        POSTED = "posted", "Posted"
        REVERSED = "reversed", "Reversed"

    stocktake = models.ForeignKey(Stocktake, on_delete=models.PROTECT, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    state = models.CharField(max_length=8, choices=State.choices, default=State.TO_COUNT)
    pass_number = models.PositiveSmallIntegerField(default=1)
    expected = QuantityField(null=True, blank=True)
    counted = QuantityField(null=True, blank=True)
    variance = QuantityField(null=True, blank=True)
    head = models.BigIntegerField(null=True)
    counted_at = models.DateTimeField(null=True)
    flags = models.JSONField(default=list, blank=True)
    doubts = models.JSONField(default=list, blank=True, encoder=DjangoJSONEncoder)
    passes = models.JSONField(default=list, blank=True, encoder=DjangoJSONEncoder)
    counters = models.JSONField(default=list, blank=True)
    reason = models.CharField(max_length=24, choices=VarianceReason.choices, blank=True)
    note = models.TextField(max_length=10_000, blank=True)
    decided_by = models.CharField(max_length=120, blank=True)
    decided_by_name = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True)
    movement = models.OneToOneField(
        StockMovement, on_delete=models.PROTECT, null=True, blank=True, related_name="stocktake_line"
    )

    objects: ClassVar[Any] = alive(StocktakeLineQuerySet)
    all_objects: ClassVar[Any] = with_tombstones(StocktakeLineQuerySet)

    class Meta(DeviceOwnedModel.Meta):
        db_table = "stocktake_lines"
        indexes = [
            models.Index(fields=["stocktake", "state"], name="line_state"),
            models.Index(fields=["device", "product", "location"], name="line_bucket"),
            models.Index(fields=["device", "counted_at"], name="line_posted", condition=models.Q(state="posted")),
        ]

    def __str__(self) -> str:
        return f"{self.product} at {self.location}"


# Why a person should look at a line.
LINE_FLAGS = (
    "ambiguous",
    "assumed_zero",
    "changed",
    "logging_lag",
    "not_independent",
    "not_recounted",
    "overlap",
    "serial_again",
    "while_counting",
)
Line = StocktakeLine.State
WAITING = (Line.TO_COUNT, Line.COUNTED, Line.VARIANCE, Line.RECOUNT)
DECIDED = (Line.MATCHED, Line.ACCEPTED, Line.REJECTED, Line.EXCUSED)

# (state, action) → the next state. What is not here is refused with line_transition.
NEXT_LINE: Mapping[tuple[str, str], str] = {
    (Line.TO_COUNT, "count"): Line.COUNTED,
    (Line.RECOUNT, "count"): Line.COUNTED,
    (Line.COUNTED, "match"): Line.MATCHED,  # inside tolerance, by the evaluation
    (Line.COUNTED, "vary"): Line.VARIANCE,
    (Line.COUNTED, "lose"): Line.TO_COUNT,  # all that counted it was on a sheet that was abandoned
    (Line.TO_COUNT, "vary"): Line.VARIANCE,  # not counted, and the policy says it is nothing
    (Line.RECOUNT, "vary"): Line.VARIANCE,  # nobody counted it again: the earlier count stands
    (Line.MATCHED, "vary"): Line.VARIANCE,  # late data changed the number
    (Line.ACCEPTED, "vary"): Line.VARIANCE,
    (Line.TO_COUNT, "recount"): Line.RECOUNT,
    (Line.VARIANCE, "recount"): Line.RECOUNT,
    (Line.MATCHED, "recount"): Line.RECOUNT,
    (Line.ACCEPTED, "recount"): Line.RECOUNT,
    (Line.REJECTED, "recount"): Line.RECOUNT,
    (Line.EXCUSED, "recount"): Line.RECOUNT,
    (Line.VARIANCE, "accept"): Line.ACCEPTED,
    (Line.VARIANCE, "reject"): Line.REJECTED,  # the book is kept
    (Line.TO_COUNT, "excuse"): Line.EXCUSED,
    (Line.VARIANCE, "excuse"): Line.EXCUSED,
    (Line.RECOUNT, "excuse"): Line.EXCUSED,
    **{(state, "post"): Line.POSTED for state in DECIDED},
    (Line.POSTED, "reverse"): Line.REVERSED,
}
LINE_ACTIONS = tuple(dict.fromkeys(action for _, action in NEXT_LINE))
