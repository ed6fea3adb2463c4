"""Levels over HTTP: read only, they follow the ledger."""

from __future__ import annotations

from config.core.filters import DeviceFilterSet, ReferenceFilter
from devices.api.owned import DeviceScopedViewSet
from devices.api.records import RecordSerializer, ReferenceId
from inventory.models import Location, Lot, Product, StockLevel


class LevelSerializer(RecordSerializer):
    """What the ledger sums to in one bucket."""

    product_id = ReferenceId(read_only=True)
    location_id = ReferenceId(read_only=True)
    lot_id = ReferenceId(read_only=True, allow_null=True)

    class Meta:
        model = StockLevel
        fields = ("product_id", "location_id", "lot_id", "quantity")
        read_only_fields = ("quantity",)


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


class LevelViewSet(DeviceScopedViewSet):
    """Stock levels of the device."""

    serializer_class = LevelSerializer
    filterset_class = LevelFilter
    search_fields = ("product__name", "product__sku", "location__name")
    ordering_fields = ("quantity", "updated_at", "revision")
    references = ("product", "location", "lot")
