"""Stocktake lines over HTTP: what was expected, found and decided."""

from __future__ import annotations

from rest_framework import serializers

from config.core.fields import QuantityWire
from devices.api.records import RecordSerializer, ReferenceId
from inventory.models import StocktakeLine


class LineSerializer(RecordSerializer):
    """One bucket of a stocktake; variance = counted - expected, all three null until they are known."""

    stocktake_id = ReferenceId(read_only=True)
    product_id = ReferenceId(read_only=True)
    location_id = ReferenceId(read_only=True)
    lot_id = ReferenceId(read_only=True)
    expected = QuantityWire(read_only=True, allow_null=True)
    counted = QuantityWire(read_only=True, allow_null=True)
    variance = QuantityWire(read_only=True, allow_null=True)
    flags = serializers.ListField(child=serializers.CharField(), read_only=True)
    movement_id = ReferenceId(read_only=True)

    class Meta:
        model = StocktakeLine
        fields = (
            "stocktake_id", "product_id", "location_id", "lot_id", "state", "pass_number", "expected", "counted",
            "variance", "counted_at", "flags", "reason", "note", "decided_by_name", "decided_at", "movement_id",
        )  # fmt: skip
        read_only_fields = ("state", "pass_number", "counted_at", "reason", "note", "decided_by_name", "decided_at")
