"""GET /v1/scan/{code}: what does this code stand for?"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.core.errors import BadText
from config.core.fields import QuantityWire
from config.core.filters import refuse_unknown
from devices.api.scope import acting_device
from devices.models import Installation
from inventory.api.callers import calling_installation
from inventory.api.catalog import CatalogSerializer
from inventory.models import Product
from inventory.models.blindness import hide_products
from inventory.services.scan import MAX_CODE, Scan, resolve_scan


class ScannedProduct(serializers.Serializer[Any]):
    """The product and its level."""

    id = serializers.UUIDField(source="uuid")
    name = serializers.CharField()
    sku = serializers.CharField()
    unit = serializers.CharField()
    on_hand = QuantityWire(allow_null=True)
    revision = serializers.IntegerField()


class ScanSerializer(serializers.Serializer[Any]):
    """`match`: label, barcode, gs1, gtin, instore or unknown; `quantity` = units per scan."""

    match = serializers.ChoiceField(choices=["label", "barcode", "gs1", "gtin", "instore", "unknown"])
    code = serializers.CharField()
    product = ScannedProduct(allow_null=True)
    barcode_id = serializers.UUIDField(source="barcode.uuid", default=None, allow_null=True)
    location_id = serializers.UUIDField(source="location.uuid", default=None, allow_null=True)
    lot_id = serializers.UUIDField(source="lot.uuid", default=None, allow_null=True)
    lot_code = serializers.CharField()
    serial = serializers.CharField()
    expires_on = serializers.DateField(allow_null=True)
    quantity = QuantityWire(allow_null=True)
    embedded = serializers.CharField(
        help_text="weight or price digits of an in-store code, or a measure such as 1.25 kg"
    )
    device_id = serializers.UUIDField(allow_null=True)
    case_id = serializers.UUIDField(source="case.uuid", default=None, allow_null=True)
    catalog = CatalogSerializer(allow_null=True, help_text="what the shared catalogue knows of an unknown code")


class ScanView(APIView):
    """Resolves a raw code; an unknown one is an answer too, and is kept for the staff."""

    @extend_schema(responses=ScanSerializer)
    def get(self, request: Request, code: str) -> Response:
        device = acting_device(request)  # first of all: in whose inventory?
        refuse_unknown(request.query_params, set())
        if not code.strip() or len(code) > MAX_CODE or any("\ud800" <= letter <= "\udfff" for letter in code):
            raise BadText(f"A code has 1 to {MAX_CODE} characters of valid Unicode.")
        actor: Any = request.auth
        scan = resolve_scan(device=device, actor=actor, code=code)
        return Response(ScanSerializer(_with_level(scan, calling_installation(request))).data)


def _with_level(scan: Scan, installation: Installation | None) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(scan, name) for name in Scan.__slots__}
    if scan.product is not None:
        product = hide_products(Product.all_objects.with_stock(), installation).get(pk=scan.product.pk)
        if getattr(product, "is_hidden", False):
            product.on_hand = None
        found["product"] = product
    return found
