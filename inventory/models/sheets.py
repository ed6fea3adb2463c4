"""Count sheets, and the facts that are recorded on them: scans and count entries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Self

from django.db import models
from django.utils import timezone

from config.core.models import alive, with_tombstones
from config.core.quantities import QuantityField
from devices.models import DeviceOwnedModel, DeviceOwnedQuerySet, Installation
from inventory.models.clocks import corrected_time
from inventory.models.locations import Location
from inventory.models.lots import Lot
from inventory.models.products import Product
from inventory.models.stocktakes import Stocktake


class CountSheet(DeviceOwnedModel):
    """One zone in one pass of a stocktake, counted by one person or installation.

    The zone is `location` and `name` together (see `zone`): two sheets of one pass add up unless their zones overlap.
    `assigned_to` = the id of the installation that shall count it, `held_by` of the one that does;
    `final_sequence` = its last operation.
    """

    class State(models.TextChoices):
        """See NEXT_SHEET."""

        OFFERED = "offered", "Offered"
        DOWNLOADED = "downloaded", "Downloaded"
        IN_PROGRESS = "in_progress", "In progress"
        SUBMITTED = "submitted", "Submitted"
        SEALED = "sealed", "Sealed"
        ABANDONED = "abandoned", "Abandoned"

    stocktake = models.ForeignKey(Stocktake, on_delete=models.PROTECT, related_name="sheets")
    name = models.CharField(max_length=200, blank=True)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    pass_number = models.PositiveSmallIntegerField(default=1, editable=False)
    assigned_to = models.UUIDField(null=True, blank=True)
    assignee_name = models.CharField(max_length=200, blank=True)
    blind = models.BooleanField(default=False, editable=False)
    state = models.CharField(max_length=11, choices=State.choices, default=State.OFFERED)
    final_sequence = models.BigIntegerField(null=True, blank=True)
    held_by = models.UUIDField(null=True, blank=True, editable=False)
    submitted_at = models.DateTimeField(null=True, editable=False)
    sealed_at = models.DateTimeField(null=True, editable=False)

    class Meta(DeviceOwnedModel.Meta):
        db_table = "count_sheets"
        indexes = [
            models.Index(fields=["stocktake", "pass_number"], name="sheet_pass"),
            models.Index(fields=["device", "held_by", "state"], name="sheet_holder"),
        ]

    def __str__(self) -> str:
        return self.name or (str(self.location) if self.location else "Everywhere")

    @property
    def zone(self) -> tuple[int | None, str]:
        """Location (None: everywhere) and name: a name is a part of its location, no name is all of it."""
        return self.location_id, self.name.strip().casefold()


Sheet = CountSheet.State
WORKED_ON = (Sheet.OFFERED, Sheet.DOWNLOADED, Sheet.IN_PROGRESS, Sheet.SUBMITTED)

# (state, action) → the next state. What is not here is refused with sheet_transition.
NEXT_SHEET: Mapping[tuple[str, str], str] = {
    (Sheet.OFFERED, "download"): Sheet.DOWNLOADED,
    (Sheet.OFFERED, "start"): Sheet.IN_PROGRESS,
    (Sheet.DOWNLOADED, "start"): Sheet.IN_PROGRESS,
    (Sheet.OFFERED, "submit"): Sheet.SUBMITTED,
    (Sheet.DOWNLOADED, "submit"): Sheet.SUBMITTED,
    (Sheet.IN_PROGRESS, "submit"): Sheet.SUBMITTED,
    (Sheet.SUBMITTED, "seal"): Sheet.SEALED,  # the server holds every operation up to final_sequence
    **{(state, "abandon"): Sheet.ABANDONED for state in WORKED_ON},
}
SHEET_ACTIONS = tuple(dict.fromkeys(action for _, action in NEXT_SHEET))


class CountFact(DeviceOwnedModel):
    """What scans and entries share: who recorded it on which sheet, and its place in everybody's order.

    `counted_at` is the counter's own clock (None: not told), `clock_offset_ms` what that clock was off by;
    `sequence` = its place in the installation's order; `base_revision` = the feed position that the installation
    had pulled when it counted, `pushed_base` when it pushed; None where it did not say. `counter` is the actor's
    key. `is_late`: it came after its sheet was sealed or abandoned, or after counting had ended; it is kept and
    never counted by itself.
    """

    sheet = models.ForeignKey(CountSheet, on_delete=models.PROTECT, related_name="+")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    counted_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(default=timezone.now, editable=False)
    installation = models.ForeignKey(
        Installation, on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    sequence = models.BigIntegerField(null=True, editable=False)
    base_revision = models.BigIntegerField(null=True, blank=True)
    pushed_base = models.BigIntegerField(null=True, editable=False)
    clock_offset_ms = models.BigIntegerField(default=0, editable=False)
    counter = models.CharField(max_length=120, blank=True, editable=False)
    counter_name = models.CharField(max_length=200, blank=True, editable=False)
    is_late = models.BooleanField(default=False, editable=False)

    class Meta(DeviceOwnedModel.Meta):
        abstract = True

    @property
    def corrected_at(self) -> datetime:
        """When it was counted by the server's clock, never later than its receipt."""
        told = self.counted_at or self.received_at
        return corrected_time(told, offset_ms=self.clock_offset_ms, received_at=self.received_at)

    @property
    def counters(self) -> set[str]:
        """Who counted: the person or installation that acted, and the installation it was done on."""
        return {self.counter} | ({f"installation:{self.installation.uuid}"} if self.installation else set())


class ScanEventQuerySet(DeviceOwnedQuerySet):
    """Reads of scans."""

    def uncounted(self) -> Self:
        """Those that nobody could read, and nobody has counted since."""
        return self.filter(outcome=ScanEvent.Outcome.UNKNOWN, entry=None)


class ScanEvent(CountFact):
    """One raw scan as it came, kept for ever: what it was read as, and what became of it.

    `quantity` = units that it counts; of a code that nobody could read how many packs there were.
    """

    class Outcome(models.TextChoices):
        """What the scan was."""

        COUNTED = "counted", "Counted"
        PLACE = "place", "A place"
        SERIAL_AGAIN = "serial_again", "Serial seen again"
        UNKNOWN = "unknown", "Unknown"

    code = models.TextField(max_length=1000)
    match = models.CharField(max_length=10, blank=True, editable=False)
    quantity = QuantityField(null=True, editable=False)
    outcome = models.CharField(max_length=12, choices=Outcome.choices, default=Outcome.UNKNOWN, editable=False)

    objects: ClassVar[Any] = alive(ScanEventQuerySet)
    all_objects: ClassVar[Any] = with_tombstones(ScanEventQuerySet)

    class Meta(CountFact.Meta):
        db_table = "scan_events"
        indexes = [models.Index(fields=["sheet", "outcome"], name="scan_sheet")]

    def __str__(self) -> str:
        return self.code


class CountEntryQuerySet(DeviceOwnedQuerySet):
    """Reads of entries."""

    def on_time(self) -> Self:
        """Those that count: not late, and not on an abandoned sheet."""
        return self.filter(is_late=False).exclude(sheet__state=CountSheet.State.ABANDONED)


class CountEntry(CountFact):
    """One count of one bucket (product, location, lot), insert-only; a correction is another entry.

    mode add: so many more; set: so many in all on this sheet, in place of its earlier entries; empty: the
    location was looked at and holds nothing else (no product).
    """

    class Mode(models.TextChoices):
        """How the quantity is meant."""

        ADD = "add", "So many more"
        SET = "set", "So many in all"
        EMPTY = "empty", "Confirmed empty"

    mode = models.CharField(max_length=5, choices=Mode.choices, default=Mode.SET)
    quantity = QuantityField(default=0)
    scan = models.OneToOneField(
        ScanEvent, on_delete=models.PROTECT, null=True, blank=True, related_name="entry", editable=False
    )
    note = models.TextField(max_length=10_000, blank=True)

    objects: ClassVar[Any] = alive(CountEntryQuerySet)
    all_objects: ClassVar[Any] = with_tombstones(CountEntryQuerySet)

    class Meta(CountFact.Meta):
        db_table = "count_entries"
        constraints = [
            *DeviceOwnedModel.Meta.constraints,
            models.CheckConstraint(condition=models.Q(quantity__gte=0), name="entry_quantity_not_negative"),
            models.CheckConstraint(
                condition=models.Q(product__isnull=False) | models.Q(mode="empty", quantity=0),
                name="entry_of_a_product_or_empty",
            ),
        ]
        indexes = [
            models.Index(fields=["sheet", "product", "location"], name="entry_bucket"),
            models.Index(fields=["device", "product"], name="entry_product"),
        ]

    def __str__(self) -> str:
        return "empty" if self.mode == self.Mode.EMPTY else f"{self.mode} {self.quantity:f}"
