"""Stocktakes over HTTP: made, opened, closed, decided, posted; each step is an action."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from config.core.fields import ExactId, ExactText, ExactTime
from config.core.filters import DeviceFilterSet, ExactIdFilter, ReferenceFilter, refuse_unknown
from config.core.schema import IF_MATCH
from devices.api.owned import OwnedViewSet
from devices.api.records import RecordSerializer, ReferenceId, StrictSerializer
from devices.models import Installation
from inventory.api.callers import calling_installation
from inventory.api.counting.decisions import DecidedSerializer, DecisionsSerializer, decide
from inventory.api.counting.entries import ScanEventFilter, ScanEventViewSet, UnreadScanSerializer
from inventory.api.counting.examples import DECISIONS, STOCKTAKE
from inventory.api.counting.lines import (
    LINE_HARMLESS,
    LINE_ORDERING,
    LINE_REFERENCES,
    LINE_SEARCH,
    LINE_TELLING,
    LineFilter,
    LineSerializer,
)
from inventory.api.counting.progress import ProgressSerializer, veil_progress
from inventory.api.counting.sheets import SHEET_REFERENCES, SheetSerializer
from inventory.api.veil import VeiledMixin
from inventory.models import Category, CountSheet, Location, ScanEvent, Stocktake, StocktakeLine
from inventory.models.blindness import hide_lines, is_blind
from inventory.reports.count_progress import progress_of
from inventory.services.counting import stocktakes


class StocktakeSerializer(RecordSerializer):
    """One count of the device's stock. The policy is the server's; the state moves by the actions below it."""

    campaign_id = ReferenceId(read_only=True, allow_null=True)
    location_id = ReferenceId(required=False, allow_null=True)
    category_id = ReferenceId(required=False, allow_null=True)
    policy = serializers.DictField(read_only=True)

    class Meta:
        model = Stocktake
        fields = (
            "campaign_id", "name", "kind", "state", "note", "location_id", "category_id", "policy", "scheduled_for",
            "pass_number", "evaluated_head", "opened_at", "closed_at", "posted_at", "approved_by",
        )  # fmt: skip
        read_only_fields = (
            "state", "pass_number", "evaluated_head", "opened_at", "closed_at", "posted_at", "approved_by",
        )  # fmt: skip


class ScheduleSerializer(StrictSerializer):
    """When it shall be counted; left out: as the stocktake says."""

    scheduled_for = ExactTime(required=False, allow_null=True)


class RecountSerializer(StrictSerializer):
    """Who counts again: an installation of the device, a name, or anybody."""

    assigned_to = ExactId(required=False, allow_null=True)
    assignee_name = ExactText(required=False, allow_blank=True, max_length=200)


class StocktakeFilter(DeviceFilterSet):
    """Filters of the stocktake list."""

    location = ReferenceFilter(model=Location, field_name="location")
    category = ReferenceFilter(model=Category, field_name="category")
    campaign = ExactIdFilter(field_name="campaign__uuid")

    class Meta(DeviceFilterSet.Meta):
        model = Stocktake
        fields = {
            "name": ["exact", "icontains"],
            "kind": ["exact"],
            "state": ["exact"],
            "scheduled_for": ["gte", "lte", "gt", "lt", "isnull"],
            "posted_at": ["gte", "lte", "gt", "lt", "isnull"],
            "created_at": ["gte", "lte", "gt", "lt"],
            "updated_at": ["gte", "lte", "gt", "lt"],
            "revision": ["gt", "gte"],
        }


# What makes the list of lines a list of scans.
UNKNOWN_SCANS = {
    "serializer_class": UnreadScanSerializer,
    "filterset_class": ScanEventFilter,
    "search_fields": ScanEventViewSet.search_fields,
    "ordering_fields": ScanEventViewSet.ordering_fields,
    "references": ScanEventViewSet.references,
    "own_parameters": ("list",),
}


@extend_schema_view(create=STOCKTAKE)
class StocktakeViewSet(VeiledMixin, OwnedViewSet):
    """Stocktakes of the device. Nothing is frozen while one is counted; docs/counting.md tells how that is exact."""

    serializer_class = StocktakeSerializer
    filterset_class = StocktakeFilter
    search_fields = ("name", "note")
    ordering_fields = ("name", "scheduled_for", "opened_at", "posted_at", "created_at", "updated_at", "revision")
    references = ("campaign", "location", "category")
    telling = LINE_TELLING
    harmless = LINE_HARMLESS
    create_service = staticmethod(stocktakes.create_stocktake)
    update_service = staticmethod(stocktakes.update_stocktake)
    delete_service = staticmethod(stocktakes.delete_stocktake)
    restore_service = staticmethod(stocktakes.restore_stocktake)

    def hide(self, queryset: Any, installation: Installation | None) -> Any:
        if queryset.model is StocktakeLine:
            return hide_lines(queryset.filter(stocktake=self.stocktake), installation)
        if queryset.model is ScanEvent:
            return queryset.uncounted().filter(sheet__stocktake=self.stocktake)
        return queryset

    @cached_property
    def stocktake(self) -> Stocktake:
        """The one that the path names."""
        found: Stocktake = self._row(Stocktake.objects.for_device(self.device).select_related("location", "category"))
        return found

    def _move(self, service: Callable[..., Any], **values: Any) -> Response:
        """Take the stocktake along an arrow of its table; If-Match decides where two want to."""
        expected = self.expected_revision()
        service(self.stocktake, actor=self.actor, expected_revision=expected, **values)
        return self.answer(self.stocktake)

    @extend_schema(request=ScheduleSerializer, responses=StocktakeSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def schedule(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Plan it: draft → scheduled."""
        _ = self.stocktake  # there before the body is looked at
        return self._move(stocktakes.schedule_stocktake, **_body(ScheduleSerializer, request))

    @extend_schema(request=None, responses=StocktakeSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def open(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Begin: a line for each bucket that holds something."""
        return self._move(stocktakes.open_stocktake)

    @extend_schema(request=None, responses=StocktakeSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def close(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """No more counting: evaluated (→ review) as soon as every sheet is sealed or abandoned."""
        return self._move(stocktakes.close_stocktake)

    @extend_schema(request=RecountSerializer, responses={201: SheetSerializer}, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def recount(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Open the next pass for the lines marked `recount`; answers the sheet that is offered for it."""
        stocktake = self.stocktake  # before the body
        values = {"expected_revision": self.expected_revision(), **_body(RecountSerializer, request)}
        sheet = stocktakes.start_recount(stocktake, actor=self.actor, **values)
        fresh = CountSheet.objects.select_related(*SHEET_REFERENCES).get(pk=sheet.pk)
        shown = SheetSerializer(fresh, context=self.get_serializer_context()).data
        return Response(shown, status=201, headers={"ETag": f'"{fresh.revision}"'})

    @extend_schema(request=None, responses=StocktakeSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Everything is decided. Whoever counted an accepted variance cannot approve it."""
        return self._move(stocktakes.approve_stocktake)

    @extend_schema(request=None, responses=StocktakeSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"], url_path="post", url_name="post")
    def post_lines(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Book what is decided: all of an approved stocktake, or the decided lines while others are recounted."""
        return self._move(stocktakes.post_stocktake)

    @extend_schema(request=None, responses=StocktakeSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def finish(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """File it away: posted → closed."""
        return self._move(stocktakes.finish_stocktake)

    @extend_schema(request=None, responses=StocktakeSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Undo a posted stocktake by inverse movements."""
        return self._move(stocktakes.reverse_stocktake)

    @extend_schema(request=None, responses=StocktakeSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Give it up before it is posted; what was counted is kept."""
        return self._move(stocktakes.cancel_stocktake)

    @extend_schema(responses=ProgressSerializer)
    @action(detail=True, methods=["get"], filterset_class=None)
    def progress(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How far it is: sheets and lines by state, by location and by counter, open cases, the job that runs."""
        stocktake = self.stocktake
        refuse_unknown(request.query_params, set())
        shown = dict(ProgressSerializer(progress_of(stocktake)).data)
        return Response(veil_progress(shown) if is_blind(calling_installation(request), stocktake) else shown)

    @extend_schema(responses=LineSerializer(many=True))
    @action(
        detail=True,
        methods=["get"],
        serializer_class=LineSerializer,
        filterset_class=LineFilter,
        search_fields=LINE_SEARCH,
        ordering_fields=LINE_ORDERING,
        references=LINE_REFERENCES,
        own_parameters=(),
    )
    def lines(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The lists of a stock controller: `list=missing|surplus|unexpected|misplaced|matched|not_counted|waiting`.

        `list=unknown` answers the scans that nobody could read and nobody has counted since, as /v1/scan-events shows
        them, with what their codes stand for by now in `reads_as`: POST /v1/scan-events/{id}/count counts one.
        """
        _ = self.stocktake  # there before a 304
        if request.query_params.get("list") == "unknown":
            for name, value in UNKNOWN_SCANS.items():
                setattr(self, name, value)  # as as_view() does
        return self.list(request, *args, **kwargs)

    @extend_schema(request=DecisionsSerializer, responses=DecidedSerializer, examples=DECISIONS)
    @action(detail=True, methods=["post"])
    def decisions(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Decide up to 500 lines alike: by id, or those of a list that wait for a decision. One result per line."""
        stocktake = self.stocktake
        return Response(decide(stocktake, request, actor=self.actor, context=self.get_serializer_context()))


def _body(serializer_class: type[StrictSerializer], request: Request) -> dict[str, Any]:
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
