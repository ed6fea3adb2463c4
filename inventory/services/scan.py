"""The scan resolver: from what a scanner read to the product, pack and level it stands for.

Chain: own label → exact barcode → GS1 → GTIN in any form → in-store prefix → unknown (kept as a case).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q

from config.core.quantities import plain
from devices.actors import Actor
from devices.models import Device
from inventory.formats.gs1 import Gs1Scan, parse_gs1, split_symbology
from inventory.formats.gtin import gtin_candidates
from inventory.formats.instore import parse_instore
from inventory.formats.labels import LabelKind, decode_label
from inventory.models import Barcode, Case, CatalogProduct, Location, Lot, Product
from inventory.services.cases import open_case

MAX_CODE = 1000
SPACES = " \t\r\n"  # FNC1 (0x1D) is whitespace to str.strip(), and part of the code


@dataclass(frozen=True, slots=True)
class Scan:
    """What a code stands for. `quantity` = units per scan; `match` = the step of the chain that knew it."""

    match: str
    code: str
    product: Product | None = None
    barcode: Barcode | None = None
    location: Location | None = None
    lot: Lot | None = None
    lot_code: str = ""
    serial: str = ""
    expires_on: date | None = None
    quantity: Decimal | None = None
    embedded: str = ""
    device_id: UUID | None = None
    case: Case | None = None
    catalog: CatalogProduct | None = None


def resolve_scan(*, device: Device, actor: Actor, code: str) -> Scan:
    """Resolve one raw code inside a device; an unknown one is kept as a case, once per code.

    What a scanner adds to a code (its symbology identifier, a line end) is no part of it. Where the shared
    catalogue knows it, its product is there to prefill a new one from.
    """
    bare = split_symbology(code.strip(SPACES))[1]
    for step in STEPS:
        found = step(device, code, bare)
        if found is not None:
            return found
    known = CatalogProduct.objects.best(_gtins(code, bare))
    case = open_case(
        device=device,
        actor=actor,
        kind=Case.Kind.UNKNOWN_BARCODE,
        key=bare,
        summary=f"Unknown code {bare[:200]}",
        evidence={"code": code[:MAX_CODE], "gtins": list(gtin_candidates(bare))},
    )
    return Scan("unknown", code, case=case, catalog=known)


def _gtins(code: str, bare: str) -> tuple[str, ...]:
    """What a code may be in the catalogue: a GTIN of its own, or the one in a GS1 message."""
    message = parse_gs1(code)
    return gtin_candidates(bare) or ((message.gtin14,) if message and message.gtin14 else ())


def _own_label(device: Device, code: str, bare: str) -> Scan | None:
    label = decode_label(bare)
    if label is None:
        return None
    kind, uuid = label
    if kind == LabelKind.PRODUCT and (product := Product.objects.by_uuid(device, uuid)):
        return Scan("label", code, product=product, quantity=Decimal(1))
    if kind == LabelKind.LOCATION and (location := Location.objects.by_uuid(device, uuid)):
        return Scan("label", code, location=location)
    if kind == LabelKind.LOT and (lot := Lot.objects.select_related("product").by_uuid(device, uuid)):
        return _with_lot(Scan("label", code, product=lot.product, quantity=Decimal(1)), lot)
    if kind == LabelKind.DEVICE and uuid == device.uuid:
        return Scan("label", code, device_id=uuid)
    return None


def _barcodes(device: Device) -> Any:
    return Barcode.objects.for_device(device).select_related("product").order_by("is_duplicate", "id")


def _exact(device: Device, code: str, bare: str) -> Scan | None:
    found = {barcode.value: barcode for barcode in reversed(_barcodes(device).filter(value__in=[code, bare]))}
    return _of_barcode("barcode", code, found.get(code) or found.get(bare))


def _gs1(device: Device, code: str, bare: str) -> Scan | None:
    message = parse_gs1(code)
    if message is None or not message.gtin14:
        return None
    barcode = _barcodes(device).filter(gtin=message.gtin14).first()
    scan = _of_barcode("gs1", code, barcode)
    return None if scan is None else _with_message(device, scan, message)


def _with_message(device: Device, scan: Scan, message: Gs1Scan) -> Scan:
    lots = {
        lot.code: lot
        for lot in Lot.objects.for_device(device).filter(
            product=scan.product, code__in=[message.serial or "", message.lot or ""]
        )
    }
    lot = lots.get(message.serial or "") or lots.get(message.lot or "")
    scan = replace(
        scan,
        lot=lot,
        lot_code=message.lot or "",
        serial=message.serial or "",
        expires_on=message.expires_on or (lot.expires_on if lot else None),
    )
    return scan if message.quantity is None else _with_quantity(scan, message.quantity, message.unit)


def _with_quantity(scan: Scan, quantity: Decimal, unit: str) -> Scan:
    """A count is units of the pack that was scanned; a measure only where the product is counted in its unit."""
    if not unit:
        return replace(scan, quantity=quantity)
    counted_in = scan.product.unit.strip().lower() if scan.product else ""
    return (
        replace(scan, quantity=quantity) if unit == counted_in else replace(scan, embedded=f"{plain(quantity)} {unit}")
    )


def _gtin(device: Device, code: str, bare: str) -> Scan | None:
    wanted = gtin_candidates(bare)
    found = {barcode.gtin: barcode for barcode in reversed(_barcodes(device).filter(gtin__in=wanted))} if wanted else {}
    return next((_of_barcode("gtin", code, found[gtin]) for gtin in wanted if gtin in found), None)


def _instore(device: Device, code: str, bare: str) -> Scan | None:
    """A scale's or counter's own code: the item is in the first 7 digits, weight or price in the next 5."""
    parsed = parse_instore(bare)
    if parsed is None:
        return None
    whole = [f"0{parsed.prefix7}00000{digit}" for digit in range(10)]
    items = _barcodes(device).filter(Q(value=parsed.prefix7) | Q(gtin__in=whole))
    scan = _of_barcode("instore", code, items.first())
    return None if scan is None else replace(scan, embedded=parsed.embedded)


def _of_barcode(match: str, code: str, barcode: Barcode | None) -> Scan | None:
    if barcode is None:
        return None
    return Scan(match, code, product=barcode.product, barcode=barcode, quantity=barcode.quantity)


def _with_lot(scan: Scan, lot: Lot) -> Scan:
    serial = lot.code if lot.kind == Lot.Kind.SERIAL else ""
    return replace(scan, lot=lot, lot_code="" if serial else lot.code, serial=serial, expires_on=lot.expires_on)


STEPS: tuple[Callable[[Device, str, str], Scan | None], ...] = (_own_label, _exact, _gs1, _gtin, _instore)
