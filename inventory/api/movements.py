"""The ledger over HTTP: movements are recorded and reversed, never changed."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from config.core.fields import ExactId, ExactText, ExactTime, QuantityWire
from config.core.filters import DeviceFilterSet, ReferenceFilter
from devices.api.owned import CreateMixin, DeviceScopedViewSet
from devices.api.records import RecordSerializer, ReferenceId, StrictSerializer
from devices.models import Installation
from inventory.models import Location, Lot, Product, StockMovement
from inventory.services.movements import record_movement, reverse_movement
from inventory.services.positions import UNKNOWN, Position

RECORDED_KINDS = [choice for choice in StockMovement.Kind.choices if choice[0] != StockMovement.Kind.COUNT]


class MovementSerializer(RecordSerializer):
    """One fact of the ledger; `quantity` > 0, the side gives the sign."""

    product_id = ReferenceId()
    kind = serializers.ChoiceField(choices=RECORDED_KINDS)
    quantity = QuantityWire(above=0)
    from_location_id = ReferenceId(required=False, allow_null=True)
    to_location_id = ReferenceId(required=False, allow_null=True)
    lot_id = ReferenceId(required=False, allow_null=True)
    occurred_at = ExactTime(required=False)
    reverses_id = ReferenceId(read_only=True, allow_null=True)

    class Meta:
        model = StockMovement
        fields = (
            "product_id", "kind", "quantity", "from_location_id", "to_location_id", "lot_id", "reason", "note",
            "reference", "occurred_at", "received_at", "reverses_id",
        )  # fmt: skip
        read_only_fields = ("received_at",)


class PushedMovementSerializer(MovementSerializer):
    """As sync has it: what was reversed offline says so itself, there is no address to ask."""

    reverses_id = ReferenceId(required=False, allow_null=True)


class ReverseSerializer(StrictSerializer):
    """Why it is undone; `id` may be chosen by the client."""

    id = ExactId(required=False)
    reason = ExactText(required=False, allow_blank=True, max_length=100)


class MovementFilter(DeviceFilterSet):
    """Filters of the ledger."""

    product = ReferenceFilter(model=Product, field_name="product")
    from_location = ReferenceFilter(model=Location, field_name="from_location")
    to_location = ReferenceFilter(model=Location, field_name="to_location")
    lot = ReferenceFilter(model=Lot, field_name="lot")

    class Meta(DeviceFilterSet.Meta):
        model = StockMovement
        fields = {
            "kind": ["exact"],
            "quantity": ["exact", "gte", "lte"],
            "reason": ["exact"],
            "reference": ["exact", "istartswith"],
            "occurred_at": ["gte", "lte", "gt", "lt"],
            "created_at": ["gte", "lte", "gt", "lt"],
            "updated_at": ["gte", "lte", "gt", "lt"],
            "revision": ["gt", "gte", "lte"],
        }


class MovementViewSet(CreateMixin, DeviceScopedViewSet):
    """Stock movements of the device: insert-only."""

    serializer_class = MovementSerializer
    filterset_class = MovementFilter
    search_fields = ("reference", "reason", "note", "product__name", "product__sku")
    ordering_fields = ("occurred_at", "received_at", "created_at", "quantity", "revision")
    references = ("product", "from_location", "to_location", "lot", "reverses")

    def create_service(self, **values: Any) -> StockMovement:
        installation = self._installation()
        position = Position(clock_offset_ms=installation.presence.clock_offset_ms) if installation else UNKNOWN
        return record_movement(**values, installation=installation, position=position)

    def _installation(self) -> Installation | None:
        caller: Any = self.request.user
        return caller if isinstance(caller, Installation) else None

    @extend_schema(request=ReverseSerializer, responses={201: MovementSerializer})
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Undo by the mirror image; the ledger keeps both."""
        serializer = ReverseSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        movement = reverse_movement(self.get_object(), actor=self.actor, installation=self._installation(), **values)
        return self.answer(movement, status=201)
