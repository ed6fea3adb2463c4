"""Things to test with, made through the services as every door makes them."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from itertools import count
from typing import Any

from devices.actors import Actor, system
from devices.models import Device, Installation, User
from devices.services.enrollment import Enrolled, Wish, actor_of, register_device
from inventory.models import (
    Alert,
    AlertRule,
    Barcode,
    Campaign,
    Case,
    CatalogProduct,
    CatalogSource,
    Category,
    CountEntry,
    CountSheet,
    ImportSession,
    Job,
    LabelTemplate,
    Location,
    Lot,
    Product,
    ScanEvent,
    StockLevel,
    StockMovement,
    Stocktake,
    StocktakeLine,
    Task,
    Upload,
    WebhookDelivery,
    WebhookEndpoint,
)
from inventory.services.alerts.looks import look
from inventory.services.alerts.rules import create_rule
from inventory.services.barcodes import create_barcode
from inventory.services.cases import open_case
from inventory.services.categories import create_category
from inventory.services.counting.campaigns import create_campaign
from inventory.services.counting.entries import record_entry
from inventory.services.counting.scan_queue import record_scan
from inventory.services.counting.sheets import create_sheet
from inventory.services.counting.stocktakes import create_stocktake, open_stocktake
from inventory.services.imports.sessions import create_import
from inventory.services.jobs import request_job
from inventory.services.label_templates import create_label_template
from inventory.services.locations import create_location
from inventory.services.lots import create_lot
from inventory.services.movements import record_movement
from inventory.services.products import create_product
from inventory.services.tasks import create_task
from inventory.services.uploads import save_upload
from inventory.services.webhooks.endpoints import create_webhook, ping_webhook

NUMBERS = count(1)
TESTER = system("tests")


def enrol(**wish: Any) -> Enrolled:
    """A new device with one installation and its token."""
    return register_device(Wish(**{"name": f"Device {next(NUMBERS)}", **wish}))


def make_device(**wish: Any) -> Device:
    return enrol(**wish).installation.device


def make_user(**values: Any) -> User:
    values.setdefault("username", f"user{next(NUMBERS)}")
    return User.objects.create_user(password="correct horse", **values)


def make_category(device: Device, **values: Any) -> Category:
    return create_category(device=device, actor=TESTER, **{"name": f"Category {next(NUMBERS)}", **values})


def make_product(device: Device, **values: Any) -> Product:
    return create_product(device=device, actor=TESTER, **{"name": f"Product {next(NUMBERS)}", **values})


def make_barcode(device: Device, **values: Any) -> Barcode:
    values.setdefault("product_id", None)
    values["product_id"] = values["product_id"] or make_product(device).uuid
    return create_barcode(device=device, actor=TESTER, **{"value": f"code-{next(NUMBERS)}", **values})


def make_location(device: Device, **values: Any) -> Location:
    return create_location(device=device, actor=TESTER, **{"name": f"Location {next(NUMBERS)}", **values})


def make_lot(device: Device, **values: Any) -> Lot:
    values["product_id"] = values.get("product_id") or make_product(device).uuid
    return create_lot(device=device, actor=TESTER, **{"code": f"lot-{next(NUMBERS)}", **values})


def make_movement(device: Device, **values: Any) -> StockMovement:
    values["product_id"] = values.get("product_id") or make_product(device).uuid
    return record_movement(device=device, actor=TESTER, **{"kind": "receipt", "quantity": Decimal(1), **values})


def make_level(device: Device) -> StockLevel:
    return StockLevel.objects.get(product=make_movement(device).product)


def make_labeltemplate(device: Device, **values: Any) -> LabelTemplate:
    defaults = {"name": f"Sheet {next(NUMBERS)}", "width": Decimal(50), "height": Decimal(25)}
    return create_label_template(device=device, actor=TESTER, **{**defaults, **values})


def make_task(device: Device, **values: Any) -> Task:
    return create_task(device=device, actor=TESTER, **{"title": f"Task {next(NUMBERS)}", **values})


def make_case(device: Device, **values: Any) -> Case:
    defaults = {"kind": Case.Kind.UNKNOWN_BARCODE, "key": f"k{next(NUMBERS)}", "summary": "?", "evidence": {}}
    return open_case(device=device, actor=TESTER, **{**defaults, **values})


def make_webhook(device: Device, **values: Any) -> WebhookEndpoint:
    values = {"url": f"https://hooks.example/{next(NUMBERS)}", "events": ["*"], **values}
    return create_webhook(device=device, actor=TESTER, **values)


def make_rule(device: Device | None, **values: Any) -> AlertRule:
    return create_rule(device=device, actor=TESTER, **{"kind": "below_minimum", **values})


def make_alert(device: Device) -> Alert:
    """A product that ran out."""
    rule = make_rule(device)
    product = make_product(device, reorder_level=Decimal(10))
    look(rule, device.pk)
    return Alert.objects.get(rule=rule, product=product)


def make_delivery(device: Device) -> WebhookDelivery:
    """A ping that waits."""
    return ping_webhook(make_webhook(device), actor=TESTER)


def make_catalog_product(**values: Any) -> CatalogProduct:
    """One product of the shared catalogue, which is no device's."""
    number = next(NUMBERS)
    source, _ = CatalogSource.objects.get_or_create(name="Ours")
    return CatalogProduct.objects.create(
        **{"gtin": f"{number:014}", "name": f"Known {number}", "source": source, **values}
    )


def make_job(device: Device) -> Job:
    """A job that waits: what a test does is never committed, so nobody rings."""
    return request_job(kind="ledger_proof", actor=TESTER, device=device)


def make_upload(device: Device, content: bytes = b"sku,name\nA-1,Cup\n", *, name: str = "goods.csv") -> Upload:
    """A file that somebody sent."""
    return save_upload(device=device, name=name, media_type="text/csv", file=BytesIO(content))


def make_import(device: Device, **values: Any) -> ImportSession:
    """A file that was looked at."""
    values = {"upload": make_upload(device), "kind": "products", **values}
    return create_import(device=device, actor=TESTER, **values)


def actor(installation: Installation) -> Actor:
    return actor_of(installation)


def make_campaign(device: Device, **values: Any) -> Campaign:
    """A draft of the device's owner; of the staff where it has none."""
    return create_campaign(actor=TESTER, **{"owner": device.owner, "name": f"Campaign {next(NUMBERS)}", **values})


def make_draft(device: Device, **values: Any) -> Stocktake:
    """A stocktake that nobody opened yet."""
    return create_stocktake(device=device, actor=TESTER, **{"name": f"Stocktake {next(NUMBERS)}", **values})


def make_stocktake(device: Device, **values: Any) -> Stocktake:
    """A stocktake that is open for counting."""
    return open_stocktake(make_draft(device, **values), actor=TESTER)


def make_sheet(device: Device, **values: Any) -> CountSheet:
    values["stocktake_id"] = values.get("stocktake_id") or make_stocktake(device).uuid
    return create_sheet(device=device, actor=TESTER, **values)


def make_entry(device: Device, **values: Any) -> CountEntry:
    values["sheet_id"] = values.get("sheet_id") or make_sheet(device).uuid
    values["product_id"] = values.get("product_id") or make_product(device).uuid
    return record_entry(device=device, actor=TESTER, **{"quantity": Decimal(1), **values})


def make_scan_event(device: Device, **values: Any) -> ScanEvent:
    values["sheet_id"] = values.get("sheet_id") or make_sheet(device).uuid
    return record_scan(device=device, actor=TESTER, **{"code": f"scan-{next(NUMBERS)}", **values})


def make_line(device: Device) -> StocktakeLine:
    return StocktakeLine.objects.get(product=make_entry(device).product)
