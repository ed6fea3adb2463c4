"""Reports over HTTP: which there are, and a job for each that is asked for."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.core.fields import ExactBoolean, ExactDate, ExactId, ExactInteger, ExactTime
from config.core.filters import refuse_unknown
from devices.api.owned import OnceMixin
from devices.api.records import StrictSerializer
from devices.api.scope import acting_device
from inventory.api.callers import calling_installation
from inventory.api.jobs import JobStorySerializer, accepted
from inventory.reports.kinds import Filter
from inventory.reports.registry import REPORTS
from inventory.services.counting.blindness import refuse_blind
from inventory.services.jobs import request_job
from inventory.services.reports import FORMATS, PAPERS

KINDS: dict[str, type[serializers.Field[Any, Any, Any, Any]]] = {
    "moment": ExactTime, "day": ExactDate, "flag": ExactBoolean, "id": ExactId,
}  # fmt: skip


class ReportParameterSerializer(serializers.Serializer[Any]):
    """What a report can be asked for; none is required."""

    name = serializers.CharField()
    type = serializers.ChoiceField(choices=["moment", "day", "whole", "flag", "choice", "id"])
    about = serializers.CharField()
    choices = serializers.ListField(child=serializers.CharField())
    default = serializers.JSONField(allow_null=True)


class ReportKindSerializer(serializers.Serializer[Any]):
    """One report."""

    name = serializers.CharField()
    title = serializers.CharField()
    about = serializers.CharField()
    parameters = ReportParameterSerializer(source="filters", many=True)


class ReportKindsSerializer(serializers.Serializer[Any]):
    """Every report, and the formats and papers each comes in."""

    reports = ReportKindSerializer(many=True)
    formats = serializers.ListField(child=serializers.CharField())
    papers = serializers.ListField(child=serializers.CharField())


def _field(one: Filter) -> serializers.Field[Any, Any, Any, Any]:
    kept: Any = {"required": False, "help_text": one.about}
    if one.type == "choice":
        return serializers.ChoiceField(choices=list(one.choices), **kept)
    if one.type == "whole":
        return ExactInteger(min_value=0, max_value=one.most, **kept)
    return KINDS[one.type](**kept)


class ReportRequestSerializer(StrictSerializer):
    """Which report, in which format, and its parameters."""

    report = serializers.ChoiceField(choices=list(REPORTS))
    format = serializers.ChoiceField(choices=list(FORMATS), required=False)
    paper = serializers.ChoiceField(choices=list(PAPERS), required=False, help_text="of a PDF")

    def get_fields(self) -> dict[str, Any]:
        filters = {one.name: one for kind in REPORTS.values() for one in kind.filters}
        return {**super().get_fields(), **{name: _field(one) for name, one in filters.items()}}


class ReportView(OnceMixin, APIView):
    """Reports about the device."""

    @extend_schema(responses=ReportKindsSerializer, operation_id="reports_list")
    def get(self, request: Request) -> Response:
        """Which reports there are, and what each can be asked for."""
        acting_device(request)
        refuse_unknown(request.query_params, set())
        kinds = {"reports": list(REPORTS.values()), "formats": list(FORMATS), "papers": list(PAPERS)}
        return Response(ReportKindsSerializer(kinds).data)

    @extend_schema(request=ReportRequestSerializer, responses={202: JobStorySerializer})
    def post(self, request: Request) -> Response:
        """Ask for a report; its file is an artifact of the job."""
        device = acting_device(request)
        refuse_blind(calling_installation(request))
        serializer = ReportRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wanted = {name: request.data[name] for name in serializer.validated_data}
        actor: Any = request.auth
        return accepted(request_job(kind="report", actor=actor, device=device, parameters=wanted))
