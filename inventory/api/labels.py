"""Labels over HTTP: templates of the device's printers, and a job for each sheet that is asked for."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.core.fields import ExactId, ExactInteger, QuantityWire
from config.core.filters import DeviceFilterSet, refuse_unknown
from devices.api.owned import OnceMixin, OwnedViewSet
from devices.api.records import RecordSerializer, StrictSerializer
from devices.api.scope import acting_device
from inventory.api.jobs import JobStorySerializer, accepted
from inventory.models import LabelTemplate
from inventory.services import label_templates
from inventory.services.jobs import request_job
from inventory.services.label_templates import BUILT_IN, LENGTHS, TEXTS, Template
from inventory.services.labels import FORMATS, MOST_COPIES, MOST_SKIPPED, WHAT

MOST_PLACES = 50  # columns, and rows


def _length(**kept: Any) -> QuantityWire:
    return QuantityWire(required=False, **kept)


class LabelTemplateSerializer(RecordSerializer):
    """A sheet of labels; lengths in millimetres. `texts` are the lines that are printed, in order."""

    page_width = _length(least=5)
    page_height = _length(least=5)
    width = QuantityWire(least=5)
    height = QuantityWire(least=5)
    columns = ExactInteger(required=False, min_value=1, max_value=MOST_PLACES)
    rows = ExactInteger(required=False, min_value=1, max_value=MOST_PLACES)
    margin_left = _length(least=0)
    margin_top = _length(least=0)
    gap_x = _length(least=0)
    gap_y = _length(least=0)
    texts = serializers.ListField(child=serializers.ChoiceField(choices=TEXTS), required=False, max_length=len(TEXTS))

    class Meta:
        model = LabelTemplate
        fields = ("name", *LENGTHS, "columns", "rows", "symbology", "texts")


class LabelTemplateFilter(DeviceFilterSet):
    """Filters of the list of templates."""

    class Meta(DeviceFilterSet.Meta):
        model = LabelTemplate
        fields = {"name": ["exact", "icontains"], "symbology": ["exact"], "revision": ["gt", "gte"]}


class LabelTemplateViewSet(OwnedViewSet):
    """Label templates of the device; the built-in ones are listed under /v1/labels."""

    serializer_class = LabelTemplateSerializer
    filterset_class = LabelTemplateFilter
    search_fields = ("name",)
    ordering_fields = ("name", "created_at", "updated_at", "revision")
    create_service = staticmethod(label_templates.create_label_template)
    update_service = staticmethod(label_templates.update_label_template)
    delete_service = staticmethod(label_templates.delete_label_template)
    restore_service = staticmethod(label_templates.restore_label_template)


class BuiltInSerializer(serializers.Serializer[Template]):
    """A sheet or roll that everybody has; lengths in millimetres."""

    name = serializers.CharField()
    page_width = QuantityWire(source="layout.page_width")
    page_height = QuantityWire(source="layout.page_height")
    width = QuantityWire(source="layout.width")
    height = QuantityWire(source="layout.height")
    columns = serializers.IntegerField(source="layout.columns")
    rows = serializers.IntegerField(source="layout.rows")


class LabelKindsSerializer(serializers.Serializer[Any]):
    """What can be printed, and on what."""

    what = serializers.ListField(child=serializers.CharField())
    formats = serializers.ListField(child=serializers.CharField())
    texts = serializers.ListField(child=serializers.CharField())
    built_in = BuiltInSerializer(many=True)


@extend_schema_field(
    {"oneOf": [{"type": "string", "enum": list(BUILT_IN)}, {"type": "string", "format": "uuid"}]},
)
class TemplateField(serializers.CharField):
    """The name of a built-in sheet, or the id of a template."""


class LabelRequestSerializer(StrictSerializer):
    """Which labels, on which sheet."""

    what = serializers.ChoiceField(choices=list(WHAT))
    ids = serializers.ListField(child=ExactId(), required=False, min_length=1, max_length=500)
    category_id = ExactId(required=False, help_text="products of this category and below")
    location_id = ExactId(required=False, help_text="this location and those below")
    product_id = ExactId(required=False, help_text="lots of this product")
    template = TemplateField(required=False, help_text="a built-in sheet or the id of a template")
    format = serializers.ChoiceField(choices=list(FORMATS), required=False)
    copies = ExactInteger(required=False, min_value=1, max_value=MOST_COPIES)
    skip = ExactInteger(required=False, min_value=0, max_value=MOST_SKIPPED, help_text="places that are used up")


class LabelView(OnceMixin, APIView):
    """Labels of the device's products, locations, lots, and of itself."""

    @extend_schema(responses=LabelKindsSerializer, operation_id="labels_list")
    def get(self, request: Request) -> Response:
        """What can be printed, and the built-in sheets."""
        acting_device(request)
        refuse_unknown(request.query_params, set())
        kinds = {"what": list(WHAT), "formats": list(FORMATS), "texts": TEXTS, "built_in": list(BUILT_IN.values())}
        return Response(LabelKindsSerializer(kinds).data)

    @extend_schema(request=LabelRequestSerializer, responses={202: JobStorySerializer})
    def post(self, request: Request) -> Response:
        """Print labels; the sheet is an artifact of the job."""
        device = acting_device(request)
        serializer = LabelRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wanted = {name: request.data[name] for name in serializer.validated_data}
        actor: Any = request.auth
        return accepted(request_job(kind="labels", actor=actor, device=device, parameters=wanted))
