"""The scan resolver: from what a scanner read to the product, pack and level it stands for.

Chain: own label → exact barcode → GS1 → GTIN in any form → in-store prefix → unknown (kept as a case).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from config.core.quantities import plain
from devices.actors import Actor
from devices.models import Device
from inventory.formats.gs1 import Gs1Scan, parse_gs1, split_symbology
from inventory.formats.gtin import gtin_candidates
from inventory.formats.instore import parse_instore
from inventory.formats.labels import LabelKind, decode_label
from inventory.models import Barcode, Case, CatalogProduct, Location, Lot, Product
from inventory.services.cases import Trouble, open_cases

MAX_CODE = 1000
ONE = Decimal(1)
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
    """resolve_scans() for one code."""
    return resolve_scans(device=device, actors={code: actor})[code]


@transaction.atomic
def resolve_scans(*, device: Device, actors: Mapping[str, Actor]) -> dict[str, Scan]:
    """Resolve raw codes (each with who scanned it) inside a device; an unknown one is kept as a case, once per code.

    Constant queries for all of them. Where the shared catalogue knows an unknown one, its product is there to prefill
    a new one from.
    """
    found = read_codes(device, actors)
    unknown = {code: bare_code(code) for code in actors if code not in found}
    if not unknown:
        return found
    first: dict[str, str] = {}
    for code, bare in unknown.items():
        first.setdefault(bare, code)  # with and without its symbology: one trouble
    troubles = [
        Trouble(
            kind=Case.Kind.UNKNOWN_BARCODE,
            key=bare,
            summary=f"Unknown code {bare[:200]}",
            evidence={"code": code[:MAX_CODE], "gtins": list(gtin_candidates(bare))},
        )
        for bare, code in first.items()
    ]
    by = [actors[code] for code in first.values()]
    cases = dict(zip(first, open_cases(device=device, actor=by[0], troubles=troubles, actors=by), strict=True))
    gtins = {code: _gtins(code, bare) for code, bare in unknown.items()}
    known = CatalogProduct.objects.by_gtin({gtin for some in gtins.values() for gtin in some})
    for code, bare in unknown.items():
        catalog = next((known[gtin] for gtin in gtins[code] if gtin in known), None)
        found[code] = Scan("unknown", code, case=cases[bare], catalog=catalog)
    return found


def read_codes(device: Device, codes: Iterable[str]) -> dict[str, Scan]:
    """What the device knows of these codes; those that it does not know are left out. Reads only, constant queries."""
    found: dict[str, Scan] = {}
    left = {code: bare_code(code) for code in codes}
    for step in STEPS:
        found |= step(device, left)
        left = {code: bare for code, bare in left.items() if code not in found}
        if not left:
            break
    return found


def bare_code(code: str) -> str:
    """What a scanner adds to a code (its symbology identifier, a line end) is no part of it."""
    return split_symbology(code.strip(SPACES))[1]


def _gtins(code: str, bare: str) -> tuple[str, ...]:
    """What a code may be in the catalogue: a GTIN of its own, or the one in a GS1 message."""
    message = parse_gs1(code)
    return gtin_candidates(bare) or ((message.gtin14,) if message and message.gtin14 else ())


Codes = Mapping[str, str]  # as they came → bare


def _own_labels(device: Device, codes: Codes) -> dict[str, Scan]:
    labels = {code: label for code, bare in codes.items() if (label := decode_label(bare)) is not None}
    found: dict[tuple[LabelKind, UUID], Any] = {}
    for kind, rows in (
        (LabelKind.PRODUCT, Product.objects),
        (LabelKind.LOCATION, Location.objects),
        (LabelKind.LOT, Lot.objects.select_related("product")),
    ):
        ids = {uuid for known, uuid in labels.values() if known == kind}
        found |= {(kind, row.uuid): row for row in rows.for_device(device).filter(uuid__in=ids)} if ids else {}
    found[LabelKind.DEVICE, device.uuid] = device
    return {code: _of_label(code, *label, found[label]) for code, label in labels.items() if label in found}


def _of_label(code: str, kind: LabelKind, uuid: UUID, row: Any) -> Scan:
    scan = Scan("label", code)
    if kind == LabelKind.PRODUCT:
        return replace(scan, product=row, quantity=ONE)
    if kind == LabelKind.LOCATION:
        return replace(scan, location=row)
    if kind == LabelKind.LOT:
        return _with_lot(replace(scan, product=row.product, quantity=ONE), row)
    return replace(scan, device_id=uuid)


def _barcodes(device: Device, column: str, values: Iterable[str]) -> dict[str, Barcode]:
    """The first barcode with each of these values in a column."""
    wanted = set(values)
    rows = Barcode.objects.for_device(device).select_related("product").order_by("is_duplicate", "id")
    found = rows.filter(**{f"{column}__in": wanted}) if wanted else ()
    return {getattr(barcode, column): barcode for barcode in reversed(found)}


def _exact(device: Device, codes: Codes) -> dict[str, Scan]:
    known = _barcodes(device, "value", (*codes, *codes.values()))
    found = {code: known.get(code) or known.get(bare) for code, bare in codes.items()}
    return {code: _of_barcode("barcode", code, barcode) for code, barcode in found.items() if barcode}


def _gs1(device: Device, codes: Codes) -> dict[str, Scan]:
    messages = {code: message for code in codes if (message := parse_gs1(code)) is not None and message.gtin14}
    known = _barcodes(device, "gtin", (message.gtin14 or "" for message in messages.values()))
    scans = {
        code: _of_barcode("gs1", code, known[message.gtin14])
        for code, message in messages.items()
        if message.gtin14 in known
    }
    names = {name for code in scans for name in (messages[code].serial, messages[code].lot) if name}
    rows = Lot.objects.for_device(device).filter(product__in={scan.product for scan in scans.values()}, code__in=names)
    lots = {(lot.product_id, lot.code): lot for lot in rows} if names else {}
    return {code: _with_message(scan, messages[code], lots) for code, scan in scans.items()}


def _with_message(scan: Scan, message: Gs1Scan, lots: Mapping[tuple[int, str], Lot]) -> Scan:
    product: Any = scan.product
    lot = lots.get((product.pk, message.serial or "")) or lots.get((product.pk, message.lot or ""))
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


def _gtin(device: Device, codes: Codes) -> dict[str, Scan]:
    wanted = {code: gtin_candidates(bare) for code, bare in codes.items()}
    known = _barcodes(device, "gtin", (gtin for some in wanted.values() for gtin in some))
    found = {code: next((known[gtin] for gtin in some if gtin in known), None) for code, some in wanted.items()}
    return {code: _of_barcode("gtin", code, barcode) for code, barcode in found.items() if barcode}


def _instore(device: Device, codes: Codes) -> dict[str, Scan]:
    """A scale's or counter's own code: the item is in the first 7 digits, weight or price in the next 5."""
    parsed = {code: one for code, bare in codes.items() if (one := parse_instore(bare)) is not None}
    wholes = {code: [f"0{one.prefix7}00000{digit}" for digit in range(10)] for code, one in parsed.items()}
    by_value = _barcodes(device, "value", (one.prefix7 for one in parsed.values()))
    by_gtin = _barcodes(device, "gtin", (whole for some in wholes.values() for whole in some))
    scans = {}
    for code, one in parsed.items():
        some = [by_value.get(one.prefix7), *(by_gtin.get(whole) for whole in wholes[code])]
        items = sorted((barcode for barcode in some if barcode), key=lambda found: (found.is_duplicate, found.pk))
        if items:
            scans[code] = replace(_of_barcode("instore", code, items[0]), embedded=one.embedded)
    return scans


def _of_barcode(match: str, code: str, barcode: Barcode) -> Scan:
    return Scan(match, code, product=barcode.product, barcode=barcode, quantity=barcode.quantity)


def _with_lot(scan: Scan, lot: Lot) -> Scan:
    serial = lot.code if lot.kind == Lot.Kind.SERIAL else ""
    return replace(scan, lot=lot, lot_code="" if serial else lot.code, serial=serial, expires_on=lot.expires_on)


STEPS: tuple[Callable[[Device, Codes], dict[str, Scan]], ...] = (_own_labels, _exact, _gs1, _gtin, _instore)
