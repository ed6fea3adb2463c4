"""Continuous scanning: raw codes on a sheet become scans that are kept and counts that add up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from uuid_utils.compat import uuid7

from devices.actors import Actor
from devices.errors import IdAlreadyUsed
from devices.models import Device, Installation
from devices.services.owned import find_reference, insert_many_owned, lock_device, refuse_reference
from inventory.models import CountEntry, CountSheet, Location, Lot, ScanEvent, StockLevel
from inventory.services.counting.entries import note_counter, placing, record_entries, report_late, stocktakes_of
from inventory.services.locations import default_location
from inventory.services.lots import create_lot
from inventory.services.positions import Position
from inventory.services.scan import Scan, resolve_scan

Outcome = ScanEvent.Outcome
ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class RawScan:
    """One code as it was scanned; `quantity` = how many of them at once, `location_id` where (None: as before)."""

    code: str
    quantity: Decimal = ONE
    location_id: UUID | None = None
    counted_at: datetime | None = None
    base_revision: int | None = None
    id: UUID | None = None
    position: Position | None = None


@dataclass(slots=True)
class Heard:
    """What a scan was: its event, its entry if it counted, the total of its bucket on this sheet so far.

    `flags`: misplaced (the book has it elsewhere and not here), already_counted (on another sheet of this pass).
    """

    event: ScanEvent
    scan: Scan
    entry: CountEntry | None = None
    total: Decimal | None = None
    flags: list[str] = field(default_factory=list)


@transaction.atomic
def record_scans(
    sheet: CountSheet,
    *,
    actor: Actor,
    scans: Sequence[RawScan],
    installation: Installation | None = None,
    actors: Sequence[Actor] | None = None,
) -> list[Heard]:
    """Keep raw scans in order and count what they name; an unknown one is kept as a case, late ones too.

    A place that is scanned is where the next codes are counted. A serial counts once per pass.
    Raises ReferenceNotFound, IdAlreadyUsed.
    """
    device = sheet.device
    lock_device(device)
    stocktakes = stocktakes_of([ScanEvent(sheet=sheet)])
    _refuse_known(device, scans)
    place = _last_place(sheet, installation) or sheet.location or default_location(device)
    heard: list[Heard] = []
    known: dict[str, Scan] = {}
    for raw, by in zip(scans, actors or [actor] * len(scans), strict=True):
        scan = known.get(raw.code) or resolve_scan(device=device, actor=by, code=raw.code)
        known[raw.code] = scan
        told = find_reference(Location, device=device, id=raw.location_id, field="location_id", tombstones=True)
        place = told or scan.location or place
        event = _event(sheet, raw, scan, place, installation=installation, actor=by)
        note_counter(event, by, stocktakes)
        heard.append(Heard(event, scan))
    _flag_serials(sheet, heard)
    insert_many_owned([found.event for found in heard], device=device, actor=actor, actors=actors)
    _count(heard, device=device, actor=actor, actors=actors)
    report_late([found.event for found in heard if found.entry is None], stocktakes, device=device, actor=actor)
    _add_totals(sheet, heard)
    return heard


def _refuse_known(device: Device, scans: Iterable[RawScan]) -> None:
    ids = [raw.id for raw in scans if raw.id is not None]
    if ids and ScanEvent.all_objects.for_device(device).filter(uuid__in=ids).exists():
        raise IdAlreadyUsed("One of these scans has an id that is used already.")


def _last_place(sheet: CountSheet, installation: Installation | None) -> Location | None:
    """Where this installation scanned a place last on this sheet."""
    rows = ScanEvent.objects.filter(sheet=sheet, outcome=Outcome.PLACE, installation=installation)
    last = rows.select_related("location").order_by("-revision").first()
    return None if last is None else last.location


def _event(
    sheet: CountSheet, raw: RawScan, scan: Scan, place: Location, *, installation: Installation | None, actor: Actor
) -> ScanEvent:
    outcome = Outcome.COUNTED if scan.product else Outcome.PLACE if scan.location else Outcome.UNKNOWN
    return ScanEvent(
        device=sheet.device,
        uuid=raw.id or uuid7(),
        sheet=sheet,
        code=raw.code,
        match=scan.match,
        product=scan.product,
        location=place,
        lot=scan.lot or _new_lot(sheet.device, scan, actor),
        quantity=(scan.quantity or ONE) * raw.quantity if scan.product else None,
        outcome=outcome,
        installation=installation,
        **placing(position=raw.position, counted_at=raw.counted_at, base_revision=raw.base_revision),
    )


def _new_lot(device: Device, scan: Scan, actor: Actor) -> Lot | None:
    """A lot or serial that the code names and nobody has met yet: it stands on the shelf, so it exists."""
    code = scan.serial or scan.lot_code
    if scan.product is None or not code or scan.product.is_deleted:
        return None
    known: Lot | None = Lot.objects.for_device(device).filter(product=scan.product, code=code).first()
    if known is not None:
        return known
    kind = Lot.Kind.SERIAL if scan.serial else Lot.Kind.LOT
    return create_lot(
        device=device, actor=actor, product_id=scan.product.uuid, code=code, kind=kind, expires_on=scan.expires_on
    )


def _flag_serials(sheet: CountSheet, heard: Sequence[Heard]) -> None:
    """A serial that this pass has counted already is not counted again."""
    serials = {found.event.lot for found in heard if found.event.lot and found.event.lot.kind == Lot.Kind.SERIAL}
    if not serials:
        return
    counted = CountEntry.objects.on_time().filter(
        sheet__stocktake=sheet.stocktake_id, sheet__pass_number=sheet.pass_number, lot__in=serials, quantity__gt=0
    )
    seen = set(counted.values_list("lot_id", flat=True))
    for found in heard:
        lot = found.event.lot
        if lot in serials:
            if lot.pk in seen:
                found.event.outcome = Outcome.SERIAL_AGAIN
            seen.add(lot.pk)


def _count(heard: Sequence[Heard], *, device: Device, actor: Actor, actors: Sequence[Actor] | None) -> None:
    """An entry for each scan that counts."""
    pairs = list(zip(heard, actors or [actor] * len(heard), strict=True))
    counting = [(found, by) for found, by in pairs if found.event.outcome == Outcome.COUNTED]
    for found, _ in counting:
        found.entry = _entry(found.event)
    record_entries(
        device=device,
        actor=actor,
        entries=[found.entry for found, _ in counting if found.entry],
        actors=[by for _, by in counting],
    )


def _entry(event: ScanEvent) -> CountEntry:
    assert event.quantity is not None  # it counted
    return CountEntry(
        device=event.device,
        sheet=event.sheet,
        product=event.product,
        location=event.location,
        lot=event.lot,
        mode=CountEntry.Mode.ADD,
        quantity=event.quantity,
        scan=event,
        installation=event.installation,
        counted_at=event.counted_at,
        received_at=event.received_at,
        sequence=event.sequence,
        base_revision=event.base_revision,
        pushed_base=event.pushed_base,
        clock_offset_ms=event.clock_offset_ms,
    )


def _add_totals(sheet: CountSheet, heard: Sequence[Heard]) -> None:
    """The quantity so far of each bucket on this sheet, and what is odd about it; constant queries."""
    products = {found.event.product for found in heard if found.event.product is not None}
    if not products:
        return
    mine: dict[Any, Decimal] = {}
    elsewhere = set()
    rows = CountEntry.objects.on_time().filter(sheet__stocktake=sheet.stocktake_id, product__in=products)
    rows = rows.filter(Q(sheet=sheet) | Q(sheet__pass_number=sheet.pass_number))
    for entry in rows.order_by("revision"):
        key = (entry.product_id, entry.location_id, entry.lot_id)
        if entry.sheet_id != sheet.pk:
            elsewhere.add(key)
        else:
            before = mine.get(key, Decimal(0)) if entry.mode == CountEntry.Mode.ADD else Decimal(0)
            mine[key] = before + entry.quantity
    held = StockLevel.objects.filter(device=sheet.device, product__in=products, quantity__gt=0)
    book = set(held.values_list("product_id", "location_id"))
    stocked = {product for product, _ in book}
    for found in heard:
        event = found.event
        if event.product is None:
            continue
        key = (event.product_id, event.location_id, event.lot_id)
        found.total = mine.get(key, Decimal(0))
        if event.product_id in stocked and (event.product_id, event.location_id) not in book:
            found.flags.append("misplaced")
        if key in elsewhere:
            found.flags.append("already_counted")


@dataclass(frozen=True, slots=True)
class Queued:
    """A scan that a device queued while it was offline, and the sheet it was made on."""

    sheet: CountSheet
    raw: RawScan
    installation: Installation | None


def queue_scan(
    *,
    find: Callable[..., Any],
    code: str = "",
    sheet_id: UUID | None = None,
    location_id: UUID | None = None,
    counted_at: datetime | None = None,
    base_revision: int | None = None,
    installation: Installation | None = None,
    position: Position | None = None,
    id: UUID | None = None,
) -> Queued:
    """A scan for record_queue(). `find(model, id=, field=)` looks references up. Raises what `find` raises."""
    sheet = find(CountSheet, id=sheet_id, field="sheet_id") or refuse_reference("sheet_id")
    find(Location, id=location_id, field="location_id")
    raw = RawScan(
        code=code,
        location_id=location_id,
        counted_at=counted_at,
        base_revision=base_revision,
        id=id,
        position=position,
    )
    return Queued(sheet, raw, installation)


@transaction.atomic
def record_queue(
    rows: Sequence[Queued], *, device: Device, actor: Actor, actors: Sequence[Actor] | None = None
) -> list[ScanEvent]:
    """Queued scans, sheet by sheet; their counts are made here. Returns their events in the order given."""
    by_sheet: dict[CountSheet, list[tuple[int, Queued, Actor]]] = {}
    for number, (row, by) in enumerate(zip(rows, actors or [actor] * len(rows), strict=True)):
        by_sheet.setdefault(row.sheet, []).append((number, row, by))
    events: dict[int, ScanEvent] = {}
    for sheet, some in by_sheet.items():
        heard = record_scans(
            sheet,
            actor=actor,
            scans=[row.raw for _, row, _ in some],
            installation=some[0][1].installation,
            actors=[by for _, _, by in some],
        )
        events |= {number: found.event for (number, _, _), found in zip(some, heard, strict=True)}
    return [events[number] for number in sorted(events)]


def record_queued_scans(
    *, device: Device, installation: Installation | None, find: Callable[..., Any], entries: Sequence[Any]
) -> list[ScanEvent]:
    """Record a batch of scans that came in a push (each with actor, id, values, position)."""
    build = partial(queue_scan, find=find, installation=installation)
    rows = [build(id=entry.id, position=entry.position, **entry.values) for entry in entries]
    actors = [entry.actor for entry in entries]
    return record_queue(rows, device=device, actor=actors[0], actors=actors)


@transaction.atomic
def record_scan(*, device: Device, actor: Actor, **values: Any) -> ScanEvent:
    """One queued scan; takes what queue_scan() takes. Raises ReferenceNotFound, IdAlreadyUsed."""
    lock_device(device)
    find = partial(find_reference, device=device, tombstones=True)
    return record_queue([queue_scan(find=find, **values)], device=device, actor=actor)[0]
