"""GET /v1/catalog: products as others describe them, to prefill new ones from; the same for everybody."""

from __future__ import annotations

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.core.errors import InvalidFilter, NotFound
from config.core.filters import DeviceFilterSet, refuse_unknown
from config.core.schema import FIELDS
from devices.api.owned import only
from devices.api.records import wanted_fields
from inventory.formats.gtin import gtin_candidates
from inventory.models import CatalogProduct


class CatalogSerializer(serializers.ModelSerializer[CatalogProduct]):
    """A product of the catalogue; `quantity` is the size of one pack as people write it."""

    source = serializers.CharField(source="source.name", read_only=True)  # type: ignore[assignment]  # its own name
    attributes = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = CatalogProduct
        fields = ("gtin", "name", "brand", "quantity", "category", "attributes", "source", "updated_at")
        read_only_fields = fields


class CatalogFilter(DeviceFilterSet):
    """`gtin=` takes a code in any of its lengths."""

    gtin = django_filters.CharFilter(method="by_code")

    def by_code(self, rows: Any, name: str, value: str) -> Any:
        wanted = gtin_candidates(value)
        if not wanted:
            raise InvalidFilter("`gtin` takes 8, 12, 13 or 14 digits.")
        return rows.filter(gtin__in=wanted)


class CatalogView(ListAPIView[CatalogProduct]):
    """The shared catalogue, filtered and searched."""

    acts_in_device = False
    serializer_class = CatalogSerializer
    filterset_class = CatalogFilter
    search_fields = ("name", "brand", "=gtin")
    ordering_fields = ("name", "gtin", "updated_at")
    queryset = CatalogProduct.objects.select_related("source")

    @extend_schema(parameters=[FIELDS])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        wanted = wanted_fields(self.get_serializer(), request.query_params.get("fields"))
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(only(self.get_serializer(page, many=True).data, wanted))


class CatalogProductView(APIView):
    """One product of the shared catalogue, by its GTIN in any of its lengths."""

    acts_in_device = False

    @extend_schema(responses=CatalogSerializer)
    def get(self, request: Request, gtin: str) -> Response:
        refuse_unknown(request.query_params, set())
        product = CatalogProduct.objects.best(gtin_candidates(gtin))
        if product is None:
            raise NotFound
        return Response(CatalogSerializer(product).data)
