"""Products over HTTP."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from config.core.errors import InvalidFilter
from config.core.fields import ExactTime, QuantityWire
from config.core.filters import DeviceFilterSet, ReferenceFilter, refuse_unknown
from devices.api.owned import OwnedViewSet
from devices.api.records import RecordSerializer, ReferenceId
from devices.models import Installation
from inventory.api.callers import calling_installation
from inventory.models import Category, Product
from inventory.models.blindness import hidden_lines
from inventory.reports.stock import Stock, stock_of
from inventory.services import products

MAX_NAME = 300
REVISION = re.compile(r"[0-9]{1,18}")


class ProductSerializer(RecordSerializer):
    """What is counted; its stock is under /stock and in the levels, which have revisions of their own."""

    category_id = ReferenceId(required=False, allow_null=True)
    reorder_level = QuantityWire(required=False, allow_null=True, least=0)
    unit_cost = QuantityWire(required=False, allow_null=True, least=0)

    class Meta:
        model = Product
        fields = (
            "name", "sku", "unit", "notes", "is_active", "reorder_level", "unit_cost", "category_id", "attributes",
            "is_duplicate",
        )  # fmt: skip
        read_only_fields = ("is_duplicate",)


class ProductFilter(DeviceFilterSet):
    """Filters of the product list."""

    category = ReferenceFilter(model=Category, field_name="category")

    class Meta(DeviceFilterSet.Meta):
        model = Product
        fields = {
            "name": ["exact", "iexact", "icontains", "istartswith"],
            "sku": ["exact", "iexact", "icontains", "istartswith"],
            "unit": ["exact"],
            "is_active": ["exact"],
            "is_duplicate": ["exact"],
            "reorder_level": ["isnull"],
            "unit_cost": ["isnull"],
            "created_at": ["gte", "lte", "gt", "lt"],
            "updated_at": ["gte", "lte", "gt", "lt"],
            "revision": ["gt", "gte"],
        }


class StockLineSerializer(serializers.Serializer[Any]):
    """The quantity of one bucket."""

    location_id = serializers.UUIDField()
    location_name = serializers.CharField()
    lot_id = serializers.UUIDField(allow_null=True)
    quantity = QuantityWire(allow_null=True)


class StockSerializer(serializers.Serializer[Any]):
    """Stock of one product; `revision` = the feed position it is true at. Null where it is counted blindly."""

    on_hand = QuantityWire(allow_null=True)
    by_location = StockLineSerializer(many=True)
    revision = serializers.IntegerField()


class NameCheckSerializer(serializers.Serializer[Any]):
    """Whether a product has this name already, whatever its case."""

    name = serializers.CharField()
    exists = serializers.BooleanField()
    product_ids = serializers.ListField(child=serializers.UUIDField())


class ProductViewSet(OwnedViewSet):
    """Products of the device."""

    serializer_class = ProductSerializer
    filterset_class = ProductFilter
    search_fields = ("name", "sku", "notes")
    ordering_fields = ("name", "sku", "created_at", "updated_at", "revision")
    references = ("category",)
    create_service = staticmethod(products.create_product)
    update_service = staticmethod(products.update_product)
    delete_service = staticmethod(products.delete_product)
    restore_service = staticmethod(products.restore_product)

    @extend_schema(
        responses=StockSerializer,
        parameters=[OpenApiParameter("at", str, description="an ISO time with zone, or a revision")],
    )
    @action(detail=True, methods=["get"], filterset_class=None, own_parameters=("at",))
    def stock(self, request: Request, id: UUID) -> Response:
        """On hand and by location, now or at a past time or revision."""
        product = self.get_object()
        refuse_unknown(request.query_params, {"at"})
        found: Stock = stock_of(product, head=self.device.feed.head, at=_moment(request.query_params.get("at")))
        return Response(_veiled(StockSerializer(found).data, product, calling_installation(request)))

    @extend_schema(
        responses=NameCheckSerializer, parameters=[OpenApiParameter("name", str, required=True)], filters=False
    )
    @action(detail=False, methods=["get"], url_path="check-name", pagination_class=None, filterset_class=None)
    def check_name(self, request: Request) -> Response:
        """Is this name taken? Case and outer spaces do not count."""
        device = self.device  # first of all: whose products?
        refuse_unknown(request.query_params, {"name"})
        name = request.query_params.get("name", "")
        if not name.strip() or len(name) > MAX_NAME:
            raise InvalidFilter("`name` takes 1 to 300 characters.")
        ids = list(Product.objects.for_device(device).named(name).values_list("uuid", flat=True)[:20])
        return Response({"name": name, "exists": bool(ids), "product_ids": ids})


def _moment(text: str | None) -> datetime | int | None:
    if text is None:
        return None
    if REVISION.fullmatch(text):
        return int(text)
    try:
        return ExactTime().to_internal_value(text)
    except serializers.ValidationError:
        raise InvalidFilter("`at` takes an ISO time with zone (2026-03-01T12:00:00Z) or a revision.") from None


def _veiled(stock: Any, product: Product, installation: Installation | None) -> Any:
    """Without the quantities that are hidden from a blind counter."""
    if installation is None:
        return stock
    hidden = set(hidden_lines(installation, product=product).values_list("location__uuid", "lot__uuid"))
    if not hidden:
        return stock
    keys = [(UUID(line["location_id"]), line["lot_id"] and UUID(line["lot_id"])) for line in stock["by_location"]]
    lines = [
        {**line, "quantity": None} if key in hidden else line
        for key, line in zip(keys, stock["by_location"], strict=True)
    ]
    return {**stock, "on_hand": None, "by_location": lines}
