"""Levels over HTTP: read only, they follow the ledger."""

from __future__ import annotations

from typing import Any

from config.core.fields import QuantityWire
from config.core.filters import DeviceFilterSet, ReferenceFilter
from devices.api.owned import DeviceScopedViewSet
from devices.api.records import RecordSerializer, ReferenceId
from inventory.api.veil import VeiledMixin
from inventory.models import Location, Lot, Product, StockLevel
from inventory.models.blindness import hide_levels


class LevelSerializer(RecordSerializer):
    """What the ledger sums to in one bucket; null for whoever counts it blindly just now."""

    product_id = ReferenceId(read_only=True)
    location_id = ReferenceId(read_only=True)
    lot_id = ReferenceId(read_only=True, allow_null=True)
    quantity = QuantityWire(read_only=True, allow_null=True)

    class Meta:
        model = StockLevel
        fields = ("product_id", "location_id", "lot_id", "quantity")

    def to_representation(self, instance: StockLevel) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        return {**shown, "quantity": None} if getattr(instance, "is_hidden", False) else shown


class LevelFilter(DeviceFilterSet):
    """Filters of the level list."""

    product = ReferenceFilter(model=Product, field_name="product")
    location = ReferenceFilter(model=Location, field_name="location")
    lot = ReferenceFilter(model=Lot, field_name="lot")

    class Meta(DeviceFilterSet.Meta):
        model = StockLevel
        fields = {
            "quantity": ["exact", "gt", "gte", "lt", "lte"],
            "updated_at": ["gte", "lte", "gt", "lt"],
            "revision": ["gt", "gte"],
        }


class LevelViewSet(VeiledMixin, DeviceScopedViewSet):
    """Stock levels of the device."""

    serializer_class = LevelSerializer
    filterset_class = LevelFilter
    search_fields = ("product__name", "product__sku", "location__name")
    ordering_fields = ("quantity", "updated_at", "revision")
    references = ("product", "location", "lot")
    hide = staticmethod(hide_levels)
    telling = ("quantity",)
