"""What controllers read: how accurate counting is, what was counted when, and what to count next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.core.errors import InvalidFilter
from config.core.fields import ExactDate, ExactInteger, ExactText, ExactTime, QuantityWire
from config.core.filters import refuse_repeated, refuse_unknown
from config.core.pagination import MAX_LIMIT, page_limit
from devices.api.owned import OnceMixin
from devices.api.records import StrictSerializer
from devices.api.scope import acting_device
from devices.models import Device
from inventory.api.callers import calling_installation
from inventory.api.tasks import TaskSerializer
from inventory.models import StockLevel
from inventory.models.blindness import hide_levels
from inventory.reports.accuracy import WAYS, accuracy_by
from inventory.reports.count_suggestions import CountedBucket, last_counted, suggest_counts
from inventory.services.counting.suggestions import make_count_tasks

LIMIT = OpenApiParameter("limit", int, description="1 to 500, default 20")


class AccuracySerializer(serializers.Serializer[Any]):
    """One group; `key` is an actor's key by counter, else an id. `percent` = exact lines in a hundred."""

    key = serializers.CharField()
    name = serializers.CharField()
    lines = serializers.IntegerField()
    exact = serializers.IntegerField()
    percent = QuantityWire()
    gained = QuantityWire()
    lost = QuantityWire()
    value = QuantityWire()


class AccuraciesSerializer(serializers.Serializer[Any]):
    """The groups with the most at stake first."""

    by = serializers.ChoiceField(choices=WAYS)
    results = AccuracySerializer(many=True)


class BucketSerializer(serializers.Serializer[Any]):
    """A bucket that holds something; `last_counted_at` null: never counted."""

    level_id = serializers.UUIDField()
    product_id = serializers.UUIDField()
    product_name = serializers.CharField()
    location_id = serializers.UUIDField()
    location_name = serializers.CharField()
    lot_id = serializers.UUIDField(allow_null=True)
    lot_code = serializers.CharField(allow_null=True)
    last_counted_at = serializers.DateTimeField(allow_null=True)


class SuggestionSerializer(BucketSerializer):
    """score = value × (1 + movements) × (1 + days / 30) × (1 + variances / counts)."""

    score = QuantityWire()
    value = QuantityWire()
    movements = serializers.IntegerField()
    days = serializers.IntegerField()
    counts = serializers.IntegerField()
    variances = serializers.IntegerField()


class BucketsSerializer(serializers.Serializer[Any]):
    """Oldest count first."""

    results = BucketSerializer(many=True)


class SuggestionsSerializer(serializers.Serializer[Any]):
    """Highest score first."""

    results = SuggestionSerializer(many=True)


class TasksWanted(StrictSerializer):
    """How many of the first suggestions become tasks, when they are due, and whose they are."""

    limit = ExactInteger(min_value=1, max_value=MAX_LIMIT, required=False)
    due_date = ExactDate(required=False, allow_null=True)
    assignee = ExactText(required=False, allow_blank=True, max_length=200)


class TasksMade(serializers.Serializer[Any]):
    """Only the new ones: what is a task already since its last count is left out."""

    tasks = TaskSerializer(many=True)


class AccuracyView(APIView):
    """How often count and book agreed, by counter, zone or product of the device, or by each of one's devices."""

    @extend_schema(
        parameters=[
            OpenApiParameter("by", str, enum=WAYS, description="default: zone"),
            OpenApiParameter("since", datetime, description="counted then or later"),
            LIMIT,
        ],
        responses=AccuraciesSerializer,
    )
    def get(self, request: Request) -> Response:
        device = acting_device(request)
        refuse_unknown(request.query_params, {"by", "since", "limit"})
        refuse_repeated(request)
        way = request.query_params.get("by", "zone")
        if way not in WAYS:
            raise InvalidFilter(f"`by` takes one of {', '.join(WAYS)}.")
        found = accuracy_by(
            way, devices=_devices(request, device, way), since=_since(request), limit=page_limit(request)
        )
        return Response(AccuraciesSerializer({"by": way, "results": found}).data)


def _devices(request: Request, device: Device, way: str) -> Any:
    """By device a person compares all their own; else it is the one they act in."""
    if way == "device" and calling_installation(request) is None:
        return Device.objects.for_user(request.user)
    return [device]


def _since(request: Request) -> datetime | None:
    text = request.query_params.get("since")
    if text is None:
        return None
    try:
        return ExactTime().to_internal_value(text)
    except serializers.ValidationError:
        raise InvalidFilter("`since` takes an ISO time with zone, such as 2026-03-01T12:00:00Z.") from None


def _found(request: Request, find: Callable[..., list[CountedBucket]], limit: int) -> list[CountedBucket]:
    """Buckets of the acting device; those that are counted blindly just now are left out."""
    device, caller = acting_device(request), calling_installation(request)
    levels = hide_levels(StockLevel.objects.for_device(device), caller)
    return find(device, limit=limit, levels=levels if caller is None else levels.filter(is_hidden=False))


class LastCountedView(APIView):
    """The buckets that were not counted for the longest time, never counted ones first."""

    @extend_schema(parameters=[LIMIT], responses=BucketsSerializer)
    def get(self, request: Request) -> Response:
        found = _found(request, last_counted, _limit(request))
        return Response(BucketsSerializer({"results": found}).data)


class SuggestionsView(OnceMixin, APIView):
    """What to count next; POST makes tasks of the first ones."""

    @extend_schema(parameters=[LIMIT], responses=SuggestionsSerializer)
    def get(self, request: Request) -> Response:
        found = _found(request, suggest_counts, _limit(request))
        return Response(SuggestionsSerializer({"results": found}).data)

    @extend_schema(request=TasksWanted, responses={201: TasksMade})
    def post(self, request: Request) -> Response:
        device = acting_device(request)
        serializer = TasksWanted(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = dict(serializer.validated_data)
        buckets = _found(request, suggest_counts, values.pop("limit", 20))
        actor: Any = request.auth
        tasks = make_count_tasks(device=device, actor=actor, buckets=buckets, **values)
        return Response(TasksMade({"tasks": tasks}, context={"device": device}).data, status=201)


def _limit(request: Request) -> int:
    acting_device(request)  # first of all: in whose inventory?
    refuse_unknown(request.query_params, {"limit"})
    refuse_repeated(request)
    return page_limit(request)
