"""Stocktake lines over HTTP: what was expected, found and decided, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from config.core.fields import ExactText, QuantityWire
from config.core.filters import DeviceFilterSet, ReferenceFilter, refuse_unknown
from devices.api.owned import DeviceScopedViewSet
from devices.api.records import RecordSerializer, ReferenceId, StrictSerializer
from inventory.api.counting.examples import DECISION
from inventory.api.counting.why import WhySerializer, veil_explanation
from inventory.api.veil import VeiledMixin
from inventory.errors.counting import FourEyes
from inventory.models import Location, Lot, Product, Stocktake, StocktakeLine, VarianceReason
from inventory.models.blindness import hide_lines
from inventory.models.lines import LINE_FLAGS, Line
from inventory.services.counting import decisions
from inventory.services.counting.explanation import explain_line
from inventory.services.counting.posting import reverse_line

LISTS = ("matched", "missing", "surplus", "unexpected", "misplaced", "not_counted", "waiting")
LINE_REFERENCES = ("stocktake", "product", "location", "lot", "movement")
LINE_SEARCH = ("product__name", "product__sku", "location__name", "location__code", "lot__code")
LINE_ORDERING = ("variance", "expected", "counted", "counted_at", "pass_number", "state", "updated_at", "revision")

# What a blind counter is shown instead; of the states only those that say nothing of a variance.
HIDDEN: dict[str, Any] = {
    **dict.fromkeys(("expected", "counted", "variance", "decided_at")),
    **dict.fromkeys(("reason", "note", "decided_by_name"), ""),
    "flags": [],
}
UNTOLD = (Line.TO_COUNT, Line.COUNTED, Line.RECOUNT)
# Filters and orders that would tell it all the same.
LINE_TELLING = ("list", "flag", "counter", "state", "reason", "variance", "expected", "counted")
LINE_HARMLESS = frozenset({("list", "not_counted"), ("state", "to_count")})


class LineSerializer(RecordSerializer):
    """One bucket of a stocktake; variance = counted - expected, all three null until they are known.

    Whoever counts it blindly is shown none of them, until it is posted.
    """

    stocktake_id = ReferenceId(read_only=True)
    product_id = ReferenceId(read_only=True)
    location_id = ReferenceId(read_only=True)
    lot_id = ReferenceId(read_only=True, allow_null=True)
    expected = QuantityWire(read_only=True, allow_null=True)
    counted = QuantityWire(read_only=True, allow_null=True)
    variance = QuantityWire(read_only=True, allow_null=True)
    flags = serializers.ListField(child=serializers.CharField(), read_only=True)
    movement_id = ReferenceId(read_only=True, allow_null=True)

    class Meta:
        model = StocktakeLine
        fields = (
            "stocktake_id", "product_id", "location_id", "lot_id", "state", "pass_number", "expected", "counted",
            "variance", "counted_at", "flags", "reason", "note", "decided_by_name", "decided_at", "movement_id",
        )  # fmt: skip
        read_only_fields = ("state", "pass_number", "counted_at", "reason", "note", "decided_by_name", "decided_at")

    def to_representation(self, instance: StocktakeLine) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        if not getattr(instance, "is_hidden", False):
            return shown
        state = shown["state"] if shown["state"] in UNTOLD else Line.COUNTED.value
        return {**shown, **HIDDEN, "state": state}


def refuse_blind(line: StocktakeLine) -> None:
    """Whoever counts blindly cannot decide: the refusals alone would tell. Raises FourEyes."""
    if getattr(line, "is_hidden", False):
        raise FourEyes


class DecisionSerializer(StrictSerializer):
    """Why; a reason is required to accept what is above tolerance."""

    reason = serializers.ChoiceField(choices=VarianceReason.choices, required=False, allow_blank=True)
    note = ExactText(required=False, allow_blank=True, max_length=10_000)


class LineFilter(DeviceFilterSet):
    """Filters of the lines; `list` is one of the lists that stock controllers ask for."""

    stocktake = ReferenceFilter(model=Stocktake, field_name="stocktake")
    product = ReferenceFilter(model=Product, field_name="product")
    location = ReferenceFilter(model=Location, field_name="location")
    lot = ReferenceFilter(model=Lot, field_name="lot")
    list = filters.ChoiceFilter(choices=[(name, name) for name in LISTS], method="in_list")
    flag = filters.ChoiceFilter(choices=[(name, name) for name in LINE_FLAGS], method="having")
    counter = filters.CharFilter(method="having", max_length=120)

    class Meta(DeviceFilterSet.Meta):
        model = StocktakeLine
        fields = {
            "state": ["exact"],
            "pass_number": ["exact"],
            "reason": ["exact"],
            "variance": ["exact", "gt", "gte", "lt", "lte", "isnull"],
            "counted_at": ["gte", "lte", "gt", "lt", "isnull"],
            "updated_at": ["gte", "lte", "gt", "lt"],
            "revision": ["gt", "gte"],
        }

    def in_list(self, queryset: Any, name: str, value: str) -> Any:
        return getattr(queryset, value)()

    def having(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.naming(f"{name}s", value)


class LineViewSet(VeiledMixin, DeviceScopedViewSet):
    """Lines of the device's stocktakes: read, decided, reversed, explained."""

    serializer_class = LineSerializer
    filterset_class = LineFilter
    search_fields = LINE_SEARCH
    ordering_fields = LINE_ORDERING
    references = LINE_REFERENCES
    hide = staticmethod(hide_lines)
    telling = LINE_TELLING
    harmless = LINE_HARMLESS

    def _row(self, queryset: Any) -> Any:
        line = super()._row(queryset)
        line.stocktake.device = self.device
        return line

    def _decide(self, service: Callable[..., StocktakeLine], request: Request) -> Response:
        line = self.get_object()
        refuse_blind(line)
        serializer = DecisionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self.answer(service(line, actor=self.actor, **serializer.validated_data))

    @extend_schema(request=DecisionSerializer, responses=LineSerializer, examples=DECISION)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The shelf is right: posting books the variance. Not by whoever counted it."""
        return self._decide(decisions.accept_line, request)

    @extend_schema(request=DecisionSerializer, responses=LineSerializer, examples=DECISION)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The book is kept. Not by whoever counted it."""
        return self._decide(decisions.reject_line, request)

    @extend_schema(request=DecisionSerializer, responses=LineSerializer, examples=DECISION)
    @action(detail=True, methods=["post"])
    def excuse(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """It need not be counted (again); the book is kept."""
        return self._decide(decisions.excuse_line, request)

    @extend_schema(request=DecisionSerializer, responses=LineSerializer, examples=DECISION)
    @action(detail=True, methods=["post"])
    def recount(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Mark it for the next pass; POST /v1/stocktakes/{id}/recount opens that."""
        return self._decide(decisions.recount_line, request)

    @extend_schema(request=None, responses=LineSerializer)
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Undo what posting this line booked."""
        return self.answer(reverse_line(self.get_object(), actor=self.actor))

    @extend_schema(responses=WhySerializer)
    @action(detail=True, methods=["get"], filterset_class=None)
    def why(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Why is this 7? Counts, movements before, after and in doubt, and the sum; computed afresh."""
        line = self.get_object()
        refuse_unknown(request.query_params, set())
        return Response(
            veil_explanation(explain_line(line)) if getattr(line, "is_hidden", False) else explain_line(line)
        )
