"""Lots and serials over HTTP."""

from __future__ import annotations

from config.core.filters import DeviceFilterSet, ReferenceFilter
from devices.api.owned import OwnedViewSet
from devices.api.records import RecordSerializer, ReferenceId
from inventory.models import Lot, Product
from inventory.services import lots


class LotSerializer(RecordSerializer):
    """A batch of a product, or (kind serial) one piece."""

    product_id = ReferenceId()

    class Meta:
        model = Lot
        fields = ("product_id", "code", "kind", "expires_on")


class LotFilter(DeviceFilterSet):
    """Filters of the lot list."""

    product = ReferenceFilter(model=Product, field_name="product")

    class Meta(DeviceFilterSet.Meta):
        model = Lot
        fields = {
            "code": ["exact", "iexact", "istartswith"],
            "kind": ["exact"],
            "expires_on": ["gte", "lte", "gt", "lt", "isnull"],
            "created_at": ["gte", "lte", "gt", "lt"],
            "updated_at": ["gte", "lte", "gt", "lt"],
            "revision": ["gt", "gte"],
        }


class LotViewSet(OwnedViewSet):
    """Lots of the device's products."""

    serializer_class = LotSerializer
    filterset_class = LotFilter
    search_fields = ("code", "product__name")
    ordering_fields = ("code", "expires_on", "created_at", "updated_at", "revision")
    references = ("product",)
    create_service = staticmethod(lots.create_lot)
    update_service = staticmethod(lots.update_lot)
    delete_service = staticmethod(lots.delete_lot)
    restore_service = staticmethod(lots.restore_lot)
