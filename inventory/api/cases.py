"""Cases over HTTP: what needs a decision is read by all of the device, and decided by people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from config.core.fields import ExactText
from config.core.filters import DeviceFilterSet, ReferenceFilter
from config.core.schema import IF_MATCH
from devices.api.owned import DeviceScopedViewSet
from devices.api.records import RecordSerializer, ReferenceId, StrictSerializer
from inventory.api.callers import calling_installation, refuse_devices
from inventory.models import Case, Product
from inventory.models.blindness import without_hidden
from inventory.services import cases
from inventory.services.counting import late


class CaseSerializer(RecordSerializer):
    """What is not as it should be: `summary` says it in a sentence, `times` how often it was met."""

    product_id = ReferenceId(read_only=True, allow_null=True)

    class Meta:
        model = Case
        fields: tuple[str, ...] = ("kind", "state", "summary", "times", "product_id", "resolution", "closed_at")
        read_only_fields = ("kind", "state", "summary", "times", "resolution", "closed_at")


class CaseStorySerializer(CaseSerializer):
    """One case with its evidence; what is in it depends on the kind."""

    evidence = serializers.DictField(read_only=True)

    class Meta(CaseSerializer.Meta):
        fields = (*CaseSerializer.Meta.fields, "evidence")


class ResolutionSerializer(StrictSerializer):
    """What was done about it, for whoever asks later."""

    resolution = ExactText(required=False, allow_blank=True, max_length=10_000)


class CaseFilter(DeviceFilterSet):
    """Filters of the list of cases."""

    product = ReferenceFilter(model=Product, field_name="product")

    class Meta(DeviceFilterSet.Meta):
        model = Case
        fields = {
            "kind": ["exact"],
            "state": ["exact"],
            "created_at": ["gte", "lte", "gt", "lt"],
            "updated_at": ["gte", "lte", "gt", "lt"],
            "closed_at": ["gte", "lte", "gt", "lt", "isnull"],
            "revision": ["gt", "gte"],
        }


EXAMPLE = OpenApiExample(
    "A movement that came late",
    {
        "id": "0199d8a0-5a3e-7c41-9d0f-2f6f0c0de001",
        "device": "0199d8a0-5a3e-7c41-9d0f-2f6f0c0de002",
        "kind": "late_movement",
        "state": "open",
        "summary": "Oat milk at Main: −2 pcs happened before the count of Spring, and arrived after it was posted",
        "times": 1,
        "product_id": "0199d8a0-5a3e-7c41-9d0f-2f6f0c0de003",
        "resolution": "",
        "closed_at": None,
        "revision": 413,
        "created_at": "2026-03-01T12:00:00Z",
        "updated_at": "2026-03-01T12:00:00Z",
        "deleted_at": None,
        "evidence": {
            "movement_id": "0199d8a0-5a3e-7c41-9d0f-2f6f0c0de004",
            "line_id": "0199d8a0-5a3e-7c41-9d0f-2f6f0c0de005",
            "quantity": "-2",
            "why": "clock_earlier",
        },
    },
    response_only=True,
)
TOLD = OpenApiExample(
    "What was done", {"resolution": "Counted again by Ada: it was behind the fridge."}, request_only=True
)
ANSWER = extend_schema(responses=CaseStorySerializer, parameters=[IF_MATCH])
TELL = extend_schema(request=ResolutionSerializer, examples=[TOLD])
SAY_NOTHING = extend_schema(request=None)


@extend_schema_view(retrieve=extend_schema(examples=[EXAMPLE]))
class CaseViewSet(DeviceScopedViewSet):
    """Cases of the device. Whoever counts blindly sees none of what it counts; people decide, a device cannot."""

    serializer_class = CaseSerializer
    filterset_class = CaseFilter
    search_fields = ("summary",)
    ordering_fields = ("created_at", "updated_at", "closed_at", "times", "revision")
    own_parameters = ()
    references = ("product",)

    def get_serializer_class(self) -> Any:
        return CaseSerializer if self.action == "list" else CaseStorySerializer

    def rows(self, queryset: Any) -> Any:
        return without_hidden(queryset, calling_installation(self.request))

    def _decide(self, service: Callable[..., Any], *, told: bool) -> Response:
        case, expected = self.get_object(), self.expected_revision()
        refuse_devices(self.request)
        values: dict[str, Any] = {}
        if told:
            serializer = ResolutionSerializer(data=self.request.data)
            serializer.is_valid(raise_exception=True)
            values = serializer.validated_data
        service(case, actor=self.actor, expected_revision=expected, **values)
        return self.answer(case)

    @ANSWER
    @SAY_NOTHING
    @action(detail=True, methods=["post"])
    def claim(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Somebody looks into it."""
        return self._decide(cases.claim_case, told=False)

    @ANSWER
    @TELL
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """It is put right."""
        return self._decide(cases.resolve_case, told=True)

    @ANSWER
    @TELL
    @action(detail=True, methods=["post"])
    def waive(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """It may stay as it is."""
        return self._decide(cases.waive_case, told=True)

    @ANSWER
    @SAY_NOTHING
    @action(detail=True, methods=["post"])
    def absorb(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Of a late movement: the count had seen what it moved; an inverse adjustment takes it out again."""
        return self._decide(late.absorb_movement, told=False)

    @ANSWER
    @TELL
    @action(detail=True, methods=["post"])
    def keep(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Of a late movement: the count had not seen it; the level is right as it is."""
        return self._decide(late.keep_movement, told=True)
