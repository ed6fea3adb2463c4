"""Count sheets over HTTP: offered, taken, scanned on, submitted."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from config.core.fields import ExactInteger
from config.core.filters import DeviceFilterSet, ReferenceFilter
from config.core.schema import IF_MATCH
from devices.api.owned import CreateMixin, DeviceScopedViewSet, UpdateMixin
from devices.api.records import RecordSerializer, ReferenceId, StrictSerializer
from inventory.api.callers import calling_installation
from inventory.api.counting.entries import ENTRY_REFERENCES, SheetEntrySerializer
from inventory.api.counting.examples import SCANS, SHEET, SHEET_ENTRIES, SUBMITTED
from inventory.api.counting.placing import placed_by
from inventory.api.counting.scanning import read_scans, show_heard
from inventory.models import CountSheet, Location, Stocktake
from inventory.services.counting import sheets
from inventory.services.counting.entries import record_entry
from inventory.services.counting.scans import record_scans

SHEET_REFERENCES = ("stocktake", "location")


class SheetSerializer(RecordSerializer):
    """One zone in one pass. A device says how far it is by `state`, and its last operation when it is submitted."""

    stocktake_id = ReferenceId()
    location_id = ReferenceId(required=False, allow_null=True)
    state = serializers.ChoiceField(choices=CountSheet.State.choices, required=False)
    final_sequence = ExactInteger(min_value=0, max_value=2**62, required=False, allow_null=True)

    class Meta:
        model = CountSheet
        fields = (
            "stocktake_id", "name", "location_id", "pass_number", "assigned_to", "assignee_name", "blind", "state",
            "final_sequence", "held_by", "submitted_at", "sealed_at",
        )  # fmt: skip
        read_only_fields = ("pass_number", "blind", "held_by", "submitted_at", "sealed_at")


class SubmitSerializer(StrictSerializer):
    """The installation's last operation that belongs to the sheet; left out: the server holds everything."""

    final_sequence = ExactInteger(min_value=0, max_value=2**62, required=False, allow_null=True)


class SheetFilter(DeviceFilterSet):
    """Filters of the sheet list; `assigned_to` and `held_by` take an installation's id."""

    stocktake = ReferenceFilter(model=Stocktake, field_name="stocktake")
    location = ReferenceFilter(model=Location, field_name="location")

    class Meta(DeviceFilterSet.Meta):
        model = CountSheet
        fields = {
            "state": ["exact"],
            "pass_number": ["exact"],
            "blind": ["exact"],
            "assigned_to": ["exact", "isnull"],
            "held_by": ["exact", "isnull"],
            "created_at": ["gte", "lte", "gt", "lt"],
            "updated_at": ["gte", "lte", "gt", "lt"],
            "revision": ["gt", "gte"],
        }


@extend_schema_view(create=SHEET)
class SheetViewSet(CreateMixin, UpdateMixin, DeviceScopedViewSet):
    """Count sheets of the device. Zones add up within a pass; passes are compared."""

    serializer_class = SheetSerializer
    filterset_class = SheetFilter
    search_fields = ("name", "assignee_name", "location__name", "stocktake__name")
    ordering_fields = ("name", "state", "pass_number", "created_at", "updated_at", "revision")
    references = SHEET_REFERENCES
    takes_lists = ("create", "entries")
    update_service = staticmethod(sheets.update_sheet)

    def create_service(self, **values: Any) -> Any:
        if self.action != "entries":
            return sheets.create_sheet(**values)
        return record_entry(**values, sheet_id=self._sheet().uuid, **placed_by(self.request, values))

    def _sheet(self) -> CountSheet:
        found: CountSheet = self._row(CountSheet.objects.for_device(self.device).select_related(*SHEET_REFERENCES))
        found.stocktake.device = self.device
        return found

    @extend_schema(request=None, responses=SheetSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def download(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take the sheet along: it is held by the calling installation from now on."""
        expected = self.expected_revision()
        return self.answer(sheets.download_sheet(self._sheet(), actor=self.actor, expected_revision=expected))

    @extend_schema(request=SubmitSerializer, responses=SheetSerializer, parameters=[IF_MATCH], examples=SUBMITTED)
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Counted. Sealed as soon as the server holds every operation up to `final_sequence`."""
        sheet, expected = self._sheet(), self.expected_revision()
        serializer = SubmitSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = {"expected_revision": expected, **serializer.validated_data}
        return self.answer(sheets.submit_sheet(sheet, actor=self.actor, **values))

    @extend_schema(request=None, responses=SheetSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def abandon(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Give it up: nothing on it counts, and what still arrives becomes a case."""
        expected = self.expected_revision()
        return self.answer(sheets.abandon_sheet(self._sheet(), actor=self.actor, expected_revision=expected))

    @SCANS
    @action(detail=True, methods=["post"])
    def scans(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Continuous scanning: one raw code or a list of at most 500, each answered at once; all or nothing."""
        sheet = self._sheet()
        scans = read_scans(request, self.device)
        heard = record_scans(sheet, actor=self.actor, scans=scans, installation=calling_installation(request))
        shown = show_heard(heard, many=isinstance(request.data, list), blind=sheet.blind)
        return Response(shown, status=201)

    @extend_schema(request=SheetEntrySerializer, responses={201: SheetEntrySerializer}, examples=SHEET_ENTRIES)
    @action(detail=True, methods=["post"], serializer_class=SheetEntrySerializer, references=ENTRY_REFERENCES)
    def entries(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Typed counts on this sheet: one, or a list with a result per row."""
        self._sheet()
        return self.take(request)
