"""Count entries and scans over HTTP: facts, recorded and never changed."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from config.core.fields import ExactText, ExactTime, QuantityWire
from config.core.filters import DeviceFilterSet, ReferenceFilter
from devices.api.owned import CreateMixin, DeviceScopedViewSet
from devices.api.records import RecordSerializer, ReferenceId
from inventory.api.counting.examples import ENTRY
from inventory.api.counting.placing import BaseField, placed_by
from inventory.models import CountEntry, CountSheet, Location, Lot, Product, ScanEvent, Stocktake
from inventory.services.counting.entries import record_entry
from inventory.services.counting.unread_scans import count_scan
from inventory.services.scan import MAX_CODE, read_codes

FACT_FIELDS = ("counted_at", "base_revision", "counter_name", "is_late", "received_at")
SERVERS = ("counter_name", "is_late", "received_at")
ENTRY_REFERENCES = ("sheet", "product", "location", "lot", "scan")


class EntrySerializer(RecordSerializer):
    """One count of one bucket; without product and quantity and with mode `empty`: the location is empty."""

    sheet_id = ReferenceId()
    product_id = ReferenceId(required=False, allow_null=True)
    location_id = ReferenceId(required=False, allow_null=True)
    lot_id = ReferenceId(required=False, allow_null=True)
    quantity = QuantityWire(least=0, required=False)
    counted_at = ExactTime(required=False, allow_null=True)
    base_revision = BaseField()
    scan_id = ReferenceId(read_only=True, allow_null=True)

    class Meta:
        model = CountEntry
        fields = (
            "sheet_id", "product_id", "location_id", "lot_id", "mode", "quantity", "note", "scan_id", *FACT_FIELDS,
        )  # fmt: skip
        read_only_fields = SERVERS


class SheetEntrySerializer(EntrySerializer):
    """A count on the sheet that the path names."""

    sheet_id = ReferenceId(read_only=True)


class ScanEventSerializer(RecordSerializer):
    """One raw scan; the server resolves it and makes its count."""

    sheet_id = ReferenceId()
    code = ExactText(max_length=MAX_CODE)
    product_id = ReferenceId(read_only=True, allow_null=True)
    location_id = ReferenceId(required=False, allow_null=True)
    lot_id = ReferenceId(read_only=True, allow_null=True)
    quantity = QuantityWire(read_only=True, allow_null=True)
    counted_at = ExactTime(required=False, allow_null=True)
    base_revision = BaseField()

    class Meta:
        model = ScanEvent
        fields: tuple[str, ...] = (
            "sheet_id", "code", "match", "outcome", "product_id", "location_id", "lot_id", "quantity", *FACT_FIELDS,
        )  # fmt: skip
        read_only_fields = ("match", "outcome", *SERVERS)


class ReadAgain(serializers.ListSerializer[Any]):
    """A page of scans, all of whose codes are read again at once."""

    def to_representation(self, data: Any) -> Any:
        scans, context = list(data), cast(dict[str, Any], self.context)
        context["known"] = read_codes(self.context["device"], {scan.code for scan in scans})
        return super().to_representation(scans)


class UnreadScanSerializer(ScanEventSerializer):
    """A scan that nobody could read, with what its code stands for by now (null: still nothing)."""

    reads_as = serializers.SerializerMethodField()

    class Meta(ScanEventSerializer.Meta):
        fields = (*ScanEventSerializer.Meta.fields, "reads_as")
        list_serializer_class = ReadAgain

    def get_reads_as(self, scan: ScanEvent) -> dict[str, Any] | None:
        known = self.context["known"].get(scan.code)
        if known is None or known.product is None:
            return None
        return {"match": known.match, "product_id": known.product.uuid, "product_name": known.product.name}


class FactFilter(DeviceFilterSet):
    """What entries and scans are filtered by."""

    sheet = ReferenceFilter(model=CountSheet, field_name="sheet")
    stocktake = ReferenceFilter(model=Stocktake, field_name="sheet__stocktake")
    product = ReferenceFilter(model=Product, field_name="product")
    location = ReferenceFilter(model=Location, field_name="location")
    lot = ReferenceFilter(model=Lot, field_name="lot")


FACT_LOOKUPS = {
    "counter": ["exact"],
    "is_late": ["exact"],
    "counted_at": ["gte", "lte", "gt", "lt", "isnull"],
    "received_at": ["gte", "lte", "gt", "lt"],
    "revision": ["gt", "gte", "lte"],
}


class EntryFilter(FactFilter):
    """Filters of the entries."""

    class Meta(DeviceFilterSet.Meta):
        model = CountEntry
        fields = {"mode": ["exact"], "quantity": ["exact", "gte", "lte"], **FACT_LOOKUPS}


class ScanEventFilter(FactFilter):
    """Filters of the scans."""

    class Meta(DeviceFilterSet.Meta):
        model = ScanEvent
        fields = {"code": ["exact", "istartswith"], "outcome": ["exact"], "match": ["exact"], **FACT_LOOKUPS}


@extend_schema_view(create=ENTRY)
class EntryViewSet(CreateMixin, DeviceScopedViewSet):
    """Counts: insert-only. A correction is another entry; `set` replaces its sheet's own earlier ones."""

    serializer_class = EntrySerializer
    filterset_class = EntryFilter
    search_fields = ("product__name", "product__sku", "counter_name", "note")
    ordering_fields = ("counted_at", "received_at", "created_at", "quantity", "revision")
    references = ENTRY_REFERENCES

    def create_service(self, **values: Any) -> CountEntry:
        return record_entry(**values, **placed_by(self.request, values))


class ScanEventViewSet(DeviceScopedViewSet):
    """Raw scans as they came, kept for ever; they are made at /v1/sheets/{id}/scans or by sync."""

    serializer_class = ScanEventSerializer
    filterset_class = ScanEventFilter
    search_fields = ("code", "product__name", "product__sku", "counter_name")
    ordering_fields = ("counted_at", "received_at", "created_at", "revision")
    references = ("sheet", "product", "location", "lot")

    @extend_schema(request=None, responses={201: EntrySerializer})
    @action(detail=True, methods=["post"], serializer_class=EntrySerializer, references=ENTRY_REFERENCES)
    def count(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Count a scan that nobody could read, by what its code stands for now: as of the scan, by who scanned it."""
        scan = self._row(ScanEvent.objects.for_device(self.device))
        return self.answer(count_scan(scan, actor=self.actor), status=201)
