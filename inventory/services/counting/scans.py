"""Continuous scanning: raw codes on a sheet become scans that are kept and counts that add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from uuid_utils.compat import uuid7

from devices.actors import Actor
from devices.errors import IdAlreadyUsed
from devices.models import Device, Installation
from devices.services.owned import insert_many_owned, lock_device, refuse_reference
from inventory.models import CountEntry, CountSheet, Location, Lot, Product, ScanEvent, StockLevel
from inventory.services.counting.entries import note_counter, placing, record_entries, report_late, stocktakes_of
from inventory.services.locations import default_location
from inventory.services.positions import Position
from inventory.services.scan import Scan, resolve_scans

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

    A place that is scanned is where the next codes are counted. A serial counts once per pass. Constant queries.
    Raises ReferenceNotFound, IdAlreadyUsed.
    """
    device = sheet.device
    lock_device(device)
    stocktakes = stocktakes_of([ScanEvent(sheet=sheet)])
    _refuse_known(device, scans)
    places = _places(device, scans)
    place = _last_place(sheet, installation) or sheet.location or default_location(device)
    pairs = list(zip(scans, actors or [actor] * len(scans), strict=True))
    first: dict[str, Actor] = {}
    for raw, by in pairs:
        first.setdefault(raw.code, by)
    known = resolve_scans(device=device, actors=first)
    lots = meet_lots(device, known, actors=first)
    heard: list[Heard] = []
    for raw, by in pairs:
        scan = known[raw.code]
        place = (places[raw.location_id] if raw.location_id else None) or scan.location or place
        event = _event(sheet, raw, scan, place, lot=lots.get(raw.code), installation=installation)
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


def _places(device: Device, scans: Iterable[RawScan]) -> dict[UUID, Location]:
    """The places that scans name. Raises ReferenceNotFound."""
    ids = {raw.location_id for raw in scans if raw.location_id is not None}
    rows = Location.all_objects.for_device(device).filter(uuid__in=ids) if ids else ()
    found = {location.uuid: location for location in rows}
    return found if len(found) == len(ids) else refuse_reference("location_id")


def _last_place(sheet: CountSheet, installation: Installation | None) -> Location | None:
    """Where this installation scanned a place last on this sheet."""
    rows = ScanEvent.objects.filter(sheet=sheet, outcome=Outcome.PLACE, installation=installation)
    last = rows.select_related("location").order_by("-revision").first()
    return None if last is None else last.location


def _event(
    sheet: CountSheet, raw: RawScan, scan: Scan, place: Location, *, lot: Lot | None, installation: Installation | None
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
        lot=lot,
        quantity=None if scan.location else _units(scan) * raw.quantity,
        outcome=outcome,
        installation=installation,
        **placing(position=raw.position, counted_at=raw.counted_at, base_revision=raw.base_revision),
    )


def _units(scan: Scan) -> Decimal:
    """Units per scan; 1 where nobody knows."""
    return scan.quantity or ONE


def meet_lots(device: Device, scans: Mapping[str, Scan], *, actors: Mapping[str, Actor]) -> dict[str, Lot]:
    """The lot or serial of each code that names one; what nobody has met yet is made: it stands on the shelf.

    Under the feed lock since the codes were read, so that a name that was not found is free. Constant queries.
    """
    found = {code: scan.lot for code, scan in scans.items() if scan.lot is not None}
    fresh: dict[tuple[int, str], tuple[Lot, Actor]] = {}
    for code, scan in scans.items():
        name = scan.serial or scan.lot_code
        if code in found or scan.product is None or scan.product.is_deleted or not name:
            continue
        kind = Lot.Kind.SERIAL if scan.serial else Lot.Kind.LOT
        lot = Lot(device=device, product=scan.product, code=name, kind=kind, expires_on=scan.expires_on)
        found[code] = fresh.setdefault((scan.product.pk, name), (lot, actors[code]))[0]
    made, by = [lot for lot, _ in fresh.values()], [actor for _, actor in fresh.values()]
    if made:
        insert_many_owned(made, device=device, actor=by[0], actors=by)
    return found


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
        found.entry = _entry(found.event, found.event.product, found.event.lot, found.event.quantity)
    record_entries(
        device=device,
        actor=actor,
        entries=[found.entry for found, _ in counting if found.entry],
        actors=[by for _, by in counting],
    )


def entry_of_scan(event: ScanEvent, scan: Scan, *, lot: Lot | None) -> CountEntry:
    """The unsaved count of a scan that was not read as it came, by what its code stands for now."""
    return _entry(event, scan.product, lot, _units(scan) * (event.quantity or ONE))


def _entry(event: ScanEvent, product: Product | None, lot: Lot | None, quantity: Decimal | None) -> CountEntry:
    assert quantity is not None  # it counts
    return CountEntry(
        device=event.device,
        sheet=event.sheet,
        product=product,
        location=event.location,
        lot=lot,
        mode=CountEntry.Mode.ADD,
        quantity=quantity,
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
