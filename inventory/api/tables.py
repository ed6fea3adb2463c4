"""The synced tables: adding one is one entry here (a test fails while a device-owned model is missing)."""

from __future__ import annotations

from functools import partial
from threading import local
from typing import Any

from rest_framework.exceptions import ValidationError

from config.core.problems import as_app_error
from devices.api.records import RecordSerializer
from devices.models import Device, DeviceOwnedModel
from inventory import errors
from inventory.api.alerts import SyncedAlertSerializer
from inventory.api.barcodes import BarcodeSerializer
from inventory.api.cases import CaseSerializer
from inventory.api.categories import CategorySerializer
from inventory.api.counting.entries import EntrySerializer, ScanEventSerializer
from inventory.api.counting.lines import LINE_REFERENCES, LineSerializer
from inventory.api.counting.sheets import SheetSerializer
from inventory.api.counting.stocktakes import StocktakeSerializer
from inventory.api.labels import LabelTemplateSerializer
from inventory.api.levels import LevelSerializer
from inventory.api.locations import LocationSerializer
from inventory.api.lots import LotSerializer
from inventory.api.movements import PushedMovementSerializer
from inventory.api.products import ProductSerializer
from inventory.api.tasks import TaskSerializer
from inventory.models.blindness import hide_levels, hide_lines, hide_telling
from inventory.services import barcodes, categories, label_templates, locations, lots, movements, products, tasks
from inventory.services.alerts.inbox import update_alert
from inventory.services.counting import entries, scan_queue, sheets, stocktakes
from inventory.services.sync.tables import Table, Values
from inventory.services.sync.twins import accepting_create, accepting_update


class SerializerShape:
    """A serializer as the shape of a synced table.

    Building a serializer's fields costs more than using them, so each thread keeps one for each purpose.
    """

    def __init__(self, serializer_class: type[RecordSerializer]) -> None:
        self.serializer_class = serializer_class
        self.kept = local()

    def _serializer(self, purpose: str, device: Device, *, partial: bool = False) -> RecordSerializer:
        serializer: RecordSerializer | None = getattr(self.kept, purpose, None)
        if serializer is None:
            serializer = self.serializer_class(partial=partial, context={})
            setattr(self.kept, purpose, serializer)
        context: Any = serializer._context
        context["device"] = device
        return serializer

    def read(self, data: Any, *, device: Device, partial: bool) -> Values:
        serializer = self._serializer("patch" if partial else "whole", device, partial=partial)
        try:
            values: Values = serializer.run_validation(data)
        except ValidationError as error:
            raise as_app_error(error) from None
        values.pop("uuid", None)
        return values

    def show(self, row: DeviceOwnedModel, *, device: Device) -> Values:
        shown: Values = self._serializer("show", device).to_representation(row)
        return shown


def _plain(create: Any, *, installation: Any, position: Any, **values: Any) -> Any:
    """Only facts note which installation made them, and where in its order."""
    return create(**values)


def _table(name: str, serializer: type[RecordSerializer], references: tuple[str, ...] = (), **writes: Any) -> Table:
    if "create" in writes and not writes.get("fact"):
        writes["create"] = partial(_plain, writes["create"])
    model: Any = serializer.Meta.model
    return Table(name, model, SerializerShape(serializer), references, **writes)


_TABLES = (
    _table(
        "categories",
        CategorySerializer,
        ("parent",),
        create=categories.create_category,
        update=categories.update_category,
        delete=categories.delete_category,
    ),
    _table(
        "products",
        ProductSerializer,
        ("category",),
        create=accepting_create(products.create_product, taken=errors.ProductSkuTaken, code="sku"),
        update=accepting_update(products.update_product, taken=errors.ProductSkuTaken, code="sku"),
        delete=products.delete_product,
    ),
    _table(
        "barcodes",
        BarcodeSerializer,
        ("product",),
        create=accepting_create(barcodes.create_barcode, taken=errors.BarcodeTaken, code="value"),
        update=accepting_update(barcodes.update_barcode, taken=errors.BarcodeTaken, code="value"),
        delete=barcodes.delete_barcode,
        derive=barcodes.with_gtin,
    ),
    _table(
        "locations",
        LocationSerializer,
        ("parent",),
        create=accepting_create(locations.create_location, taken=errors.LocationCodeTaken, code="code"),
        update=accepting_update(locations.update_location, taken=errors.LocationCodeTaken, code="code"),
        delete=locations.delete_location,
    ),
    _table(
        "lots",
        LotSerializer,
        ("product",),
        create=accepting_create(lots.create_lot, taken=errors.LotCodeTaken, code="code"),
        update=accepting_update(lots.update_lot, taken=errors.LotCodeTaken, code="code"),
        delete=lots.delete_lot,
    ),
    _table(
        "stock_movements",
        PushedMovementSerializer,
        ("product", "from_location", "to_location", "lot", "reverses"),
        create=partial(movements.record_movement, as_fact=True),
        create_many=movements.record_facts,
        fact=True,
        filled=frozenset({"from_location_id", "to_location_id"}),
        dropped=frozenset({"reverses_id"}),
    ),
    _table("stock_levels", LevelSerializer, ("product", "location", "lot"), veil=hide_levels),
    _table(
        "tasks",
        TaskSerializer,
        ("location",),
        create=tasks.create_task,
        update=tasks.update_task,
        delete=tasks.delete_task,
        derive=tasks.with_completion,
    ),
    _table(
        "label_templates",
        LabelTemplateSerializer,
        create=label_templates.create_label_template,
        update=label_templates.update_label_template,
        delete=label_templates.delete_label_template,
        derive=label_templates.on_its_sheet,
    ),
    _table(
        "stocktakes",
        StocktakeSerializer,
        ("campaign", "location", "category"),
        create=stocktakes.create_stocktake,
        update=stocktakes.update_stocktake,
        delete=stocktakes.delete_stocktake,
        derive=stocktakes.with_policy,
    ),
    _table(
        "count_sheets",
        SheetSerializer,
        ("stocktake", "location"),
        create=partial(sheets.create_sheet, as_fact=True),
        update=sheets.update_sheet,
    ),
    _table(
        "scan_events",
        ScanEventSerializer,
        ("sheet", "product", "location", "lot"),
        create=scan_queue.record_scan,
        fact=True,
        create_many=scan_queue.record_queued_scans,
        filled=frozenset({"location_id"}),
        relative=frozenset({"base_revision"}),
    ),
    _table(
        "count_entries",
        EntrySerializer,
        ("sheet", "product", "location", "lot", "scan"),
        create=entries.record_entry,
        fact=True,
        create_many=entries.record_queued_entries,
        filled=frozenset({"location_id"}),
        relative=frozenset({"base_revision"}),
    ),
    _table("stocktake_lines", LineSerializer, LINE_REFERENCES, veil=hide_lines),
    _table("cases", CaseSerializer, ("product",), veil=hide_telling, leaves_out=True),
    _table(
        "alerts",
        SyncedAlertSerializer,
        ("product", "location"),
        update=update_alert,
        veil=hide_telling,
        leaves_out=True,
    ),
)
TABLES: dict[str, Table] = {table.name: table for table in _TABLES}
