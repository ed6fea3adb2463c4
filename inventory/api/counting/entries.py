"""Count entries and scans over HTTP: facts, recorded and never changed."""

from __future__ import annotations

from config.core.fields import ExactInteger, ExactText, ExactTime, QuantityWire
from devices.api.records import RecordSerializer, ReferenceId
from inventory.models import CountEntry, ScanEvent
from inventory.services.scan import MAX_CODE

FACT_FIELDS = ("counted_at", "base_revision", "counter_name", "is_late", "received_at")
SERVERS = ("counter_name", "is_late", "received_at")


class EntrySerializer(RecordSerializer):
    """One count of one bucket; without product and quantity and with mode `empty`: the location is empty."""

    sheet_id = ReferenceId()
    product_id = ReferenceId(required=False, allow_null=True)
    location_id = ReferenceId(required=False, allow_null=True)
    lot_id = ReferenceId(required=False, allow_null=True)
    quantity = QuantityWire(least=0, required=False)
    counted_at = ExactTime(required=False, allow_null=True)
    base_revision = ExactInteger(min_value=0, max_value=2**62, required=False, allow_null=True)
    scan_id = ReferenceId(read_only=True)

    class Meta:
        model = CountEntry
        fields = (
            "sheet_id", "product_id", "location_id", "lot_id", "mode", "quantity", "note", "scan_id", *FACT_FIELDS,
        )  # fmt: skip
        read_only_fields = SERVERS


class ScanEventSerializer(RecordSerializer):
    """One raw scan; the server resolves it and makes its count."""

    sheet_id = ReferenceId()
    code = ExactText(max_length=MAX_CODE)
    product_id = ReferenceId(read_only=True)
    location_id = ReferenceId(required=False, allow_null=True)
    lot_id = ReferenceId(read_only=True)
    quantity = QuantityWire(read_only=True, allow_null=True)
    counted_at = ExactTime(required=False, allow_null=True)
    base_revision = ExactInteger(min_value=0, max_value=2**62, required=False, allow_null=True)

    class Meta:
        model = ScanEvent
        fields = (
            "sheet_id", "code", "match", "outcome", "product_id", "location_id", "lot_id", "quantity", *FACT_FIELDS,
        )  # fmt: skip
        read_only_fields = ("match", "outcome", *SERVERS)
