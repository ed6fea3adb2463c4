"""Count sheets of a file: a stocktake with one sheet, and an entry for each bucket that was counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID, uuid5

from django.db import transaction

from devices.actors import Actor
from devices.models import Device
from devices.services.owned import insert_many_owned, lock_device
from inventory.formats.count_sheets import CountLine, CountReading, LeftOut
from inventory.models import CountEntry, CountKind, CountSheet, Location, Lot, Product, Stocktake
from inventory.services.counting.entries import placing, record_entries
from inventory.services.counting.sheets import create_sheet, submit_sheet
from inventory.services.counting.stocktakes import create_stocktake, open_stocktake
from inventory.services.imports.earlier import LINES
from inventory.services.imports.references import Products, Tree, find_lots

CHUNK = 500


@dataclass(slots=True)
class CountImport:
    """What came of a sheet: `entries` recorded, `known` there already; `blank` lines were not counted."""

    stocktake: Stocktake
    sheet: CountSheet
    lines: int = 0
    entries: int = 0
    known: int = 0
    blank: int = 0
    products: int = 0
    lots: int = 0
    locations: int = 0
    left_out: list[LeftOut] = field(default_factory=list)


@dataclass(slots=True)
class _Counted:
    """One bucket of the sheet: lines about the same one add up."""

    line: CountLine
    quantity: Decimal


def import_count_sheet(
    *, device: Device, actor: Actor, reading: CountReading, source: str, location: Location
) -> CountImport:
    """Make a stocktake of a file: missing products, lots and bins are made, blank counts are not counted.

    A bin lies under `location`; lines about one bucket are summed. ≤ 500 entries a transaction; the same file again,
    also after a kill, adds what is missing. The sheet is submitted: close, decide, approve and post it.
    """
    counted, blank = _summed(reading.lines())
    found = _stocktake(device, actor, source, location)
    found.left_out, found.blank = reading.left_out, blank
    found.lines = len(counted) + blank
    for start in range(0, len(counted), CHUNK):
        _record(device, actor, found, counted[start : start + CHUNK], location)
    if found.sheet.state != CountSheet.State.SUBMITTED and found.entries:
        found.sheet.refresh_from_db()
        found.sheet = submit_sheet(found.sheet, actor=actor)
    return found


def _summed(lines: Iterable[CountLine]) -> tuple[list[_Counted], int]:
    """The counted buckets in the order they come, and how many lines were blank."""
    found: dict[tuple[str, str, str], _Counted] = {}
    blank = 0
    for line in lines:
        if line.counted is None:
            blank += 1
            continue
        key = (line.code, line.lot, line.bin)
        if key in found:
            found[key].quantity += line.counted
        else:
            found[key] = _Counted(line, line.counted)
    return list(found.values()), blank


@transaction.atomic
def _stocktake(device: Device, actor: Actor, source: str, location: Location) -> CountImport:
    """The stocktake of this file: made and opened, or the one that an earlier run made."""
    lock_device(device)
    id, sheet_id = uuid5(LINES, f"stocktake\n{source}"), uuid5(LINES, f"sheet\n{source}")
    known: Stocktake | None = Stocktake.all_objects.by_uuid(device, id)
    if known is not None:
        return CountImport(known, CountSheet.all_objects.by_uuid(device, sheet_id))
    made = create_stocktake(
        device=device,
        actor=actor,
        name=source[:200],
        kind=CountKind.SPOT,
        location_id=location.uuid,
        policy={"recount": "optional"},  # the paper is all there is: nobody can count its day again
        id=id,
    )
    opened = open_stocktake(made, actor=actor)
    sheet = create_sheet(
        device=device, actor=actor, stocktake_id=opened.uuid, name=source[:200], location_id=location.uuid, id=sheet_id
    )
    return CountImport(opened, sheet)


@transaction.atomic
def _record(device: Device, actor: Actor, found: CountImport, counted: Sequence[_Counted], location: Location) -> None:
    lock_device(device)
    products = _products(device, actor, found, [one.line for one in counted])
    bins = _bins(device, actor, found, {one.line.bin for one in counted}, location)
    lots = _lots(device, actor, found, [(products[one.line.code], one.line) for one in counted if one.line.lot])
    ids = {_entry_id(found, one.line): one for one in counted}
    there = set(CountEntry.all_objects.for_device(device).filter(uuid__in=ids).values_list("uuid", flat=True))
    sheet = CountSheet.objects.select_related("stocktake", "location", "device").get(pk=found.sheet.pk)
    entries = [
        CountEntry(
            device=device,
            uuid=id,
            sheet=sheet,
            product=products[one.line.code],
            location=bins[one.line.bin],
            lot=lots.get((products[one.line.code].pk, one.line.lot)),
            mode=CountEntry.Mode.SET,
            quantity=one.quantity,
            note="",
            **placing(position=None, counted_at=None, base_revision=None),
        )
        for id, one in ids.items()
        if id not in there
    ]
    if entries:
        record_entries(device=device, actor=actor, entries=entries)
    found.entries += len(entries)
    found.known += len(there)


def _entry_id(found: CountImport, line: CountLine) -> UUID:
    return uuid5(found.sheet.uuid, f"{line.code}\n{line.lot}\n{line.bin}")


def _products(device: Device, actor: Actor, found: CountImport, lines: Sequence[CountLine]) -> dict[str, Product]:
    known = Products(device, codes={line.code for line in lines}, ids=(), names=())
    products: dict[str, Product] = {}
    fresh = []
    for line in lines:
        if line.code in products:
            continue
        product = known.find(code=line.code)
        if product is None:
            product = Product(device=device, sku=line.code[:100], name=(line.name or line.code)[:300])
            fresh.append(product)
        products[line.code] = product
    insert_many_owned(fresh, device=device, actor=actor)
    found.products += len(fresh)
    return products


def _bins(device: Device, actor: Actor, found: CountImport, names: set[str], location: Location) -> dict[str, Location]:
    """Bin → its location: by its code, else by its name under the sheet's location."""
    tree = Tree(Location, device, actor, separator="")
    bins = {"": location}
    for name in sorted(names - {""}):
        bins[name] = tree.codes.get(name) or tree.under(location, name)
    found.locations += tree.made
    return bins


def _lots(
    device: Device, actor: Actor, found: CountImport, wanted: Sequence[tuple[Product, CountLine]]
) -> dict[tuple[int, str], Lot]:
    lots = find_lots(device, [(product, line.lot) for product, line in wanted])
    fresh = []
    for product, line in wanted:
        key = (product.pk, line.lot)
        if key not in lots:
            lots[key] = Lot(device=device, product=product, code=line.lot[:100], expires_on=line.expires_on)
            fresh.append(lots[key])
    insert_many_owned(fresh, device=device, actor=actor)
    found.lots += len(fresh)
    return lots
