"""Exports over HTTP: a job that writes what the device holds into a ZIP."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.core.fields import ExactBoolean
from devices.api.owned import OnceMixin
from devices.api.records import StrictSerializer
from devices.api.scope import acting_device
from inventory.api.callers import calling_installation
from inventory.api.jobs import JobStorySerializer, accepted
from inventory.formats.table_files import FORMATS
from inventory.reports.periods import PERIODS
from inventory.services.counting.blindness import refuse_blind
from inventory.services.exports.tables import tables
from inventory.services.jobs import request_job


@extend_schema_field({"type": "string", "enum": list(tables())})
class TableField(serializers.CharField):
    """The name of a table; the job says which one there is not."""


class ExportRequestSerializer(StrictSerializer):
    """Which tables, in which format. `filters`: by table, as its list has them; without `deleted` live rows only."""

    tables = serializers.ListField(child=TableField(max_length=40), required=False, min_length=1, max_length=50)
    format = serializers.ChoiceField(choices=FORMATS, required=False)
    filters = serializers.DictField(child=serializers.DictField(), required=False)
    period = serializers.ChoiceField(choices=list(PERIODS), required=False, help_text="of what happened, only this")
    deleted = ExactBoolean(required=False)


class ExportView(OnceMixin, APIView):
    """Everything the device holds, or some tables of it."""

    @extend_schema(request=ExportRequestSerializer, responses={202: JobStorySerializer}, operation_id="exports_create")
    def post(self, request: Request) -> Response:
        """Ask for an export; its artifact is `export.zip`, one file for each table, which an import reads back."""
        device = acting_device(request)
        refuse_blind(calling_installation(request))
        form = ExportRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        actor: Any = request.auth
        return accepted(request_job(kind="export", actor=actor, device=device, parameters=dict(form.validated_data)))
