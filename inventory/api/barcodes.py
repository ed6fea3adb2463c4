"""Barcodes over HTTP."""

from __future__ import annotations

from config.core.fields import QuantityWire
from config.core.filters import DeviceFilterSet, ReferenceFilter
from devices.api.owned import OwnedViewSet
from devices.api.records import RecordSerializer, ReferenceId
from inventory.models import Barcode, Product
from inventory.services import barcodes


class BarcodeSerializer(RecordSerializer):
    """A code that stands for `quantity` units of a product; `gtin` and `check_digit_ok` are derived."""

    product_id = ReferenceId()
    quantity = QuantityWire(required=False, above=0)

    class Meta:
        model = Barcode
        fields = ("product_id", "value", "symbology", "quantity", "gtin", "check_digit_ok", "is_duplicate")
        read_only_fields = ("gtin", "check_digit_ok", "is_duplicate")


class BarcodeFilter(DeviceFilterSet):
    """Filters of the barcode list."""

    product = ReferenceFilter(model=Product, field_name="product")

    class Meta(DeviceFilterSet.Meta):
        model = Barcode
        fields = {
            "value": ["exact", "icontains", "istartswith"],
            "gtin": ["exact"],
            "symbology": ["exact"],
            "check_digit_ok": ["exact", "isnull"],
            "is_duplicate": ["exact"],
            "created_at": ["gte", "lte", "gt", "lt"],
            "updated_at": ["gte", "lte", "gt", "lt"],
            "revision": ["gt", "gte"],
        }


class BarcodeViewSet(OwnedViewSet):
    """Barcodes of the device's products."""

    serializer_class = BarcodeSerializer
    filterset_class = BarcodeFilter
    search_fields = ("value", "gtin", "product__name")
    ordering_fields = ("value", "created_at", "updated_at", "revision")
    references = ("product",)
    create_service = staticmethod(barcodes.create_barcode)
    update_service = staticmethod(barcodes.update_barcode)
    delete_service = staticmethod(barcodes.delete_barcode)
    restore_service = staticmethod(barcodes.restore_barcode)
