"""Imports over HTTP: send a file, map it, try it, apply it, undo it."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from config.core.errors import BadRequest, InvalidFilter
from config.core.filters import DeviceFilterSet, refuse_unknown
from config.core.uploads import UploadParser
from devices.api.owned import DeviceScopedViewSet
from devices.api.records import StrictSerializer, wanted_fields
from inventory.api.jobs import JobStorySerializer, accepted
from inventory.formats.csv_forms import LINE_ENDS
from inventory.models import ImportProfile, ImportRow, ImportSession
from inventory.services.imports import profiles, sessions
from inventory.services.imports.column_types import ORDERS, TYPES
from inventory.services.imports.ready import PROFILES
from inventory.services.imports.registry import KINDS
from inventory.services.uploads import find_upload, save_upload


class ReadingSerializer(StrictSerializer):
    """How the file is read; what is left out is found out."""

    format = serializers.CharField(required=False, read_only=True)
    encoding = serializers.CharField(required=False, max_length=20)
    delimiter = serializers.CharField(required=False, max_length=1, trim_whitespace=False)
    sheet = serializers.CharField(required=False, max_length=100)
    header_line = serializers.IntegerField(required=False, min_value=0, max_value=1_000_000, allow_null=True)
    columns = serializers.ListField(child=serializers.CharField(max_length=200), required=False, max_length=4000)


class DetectedTypeSerializer(serializers.Serializer[Any]):
    """What a column's first cells look like; nothing is read by it."""

    column = serializers.CharField()
    type = serializers.ChoiceField(choices=TYPES)
    date_format = serializers.CharField(allow_null=True, help_text=f"{', '.join(ORDERS)}; null where there is no day.")


class DetectedSerializer(serializers.Serializer[Any]):
    """What was found out about the file and is not to be set."""

    line_ends = serializers.CharField(allow_null=True, help_text=f"{', '.join(LINE_ENDS)} (of CSV, in its first MiB).")
    types = DetectedTypeSerializer(many=True)


class ImportChangeSerializer(StrictSerializer):
    """What may be changed before it is applied."""

    kind = serializers.ChoiceField(choices=sorted(KINDS), required=False)
    mapping = serializers.DictField(required=False)
    options = serializers.DictField(required=False)
    reading = ReadingSerializer(required=False)


class ImportUploadSerializer(ImportChangeSerializer):
    """A file that was sent to /v1/uploads."""

    upload_id = serializers.UUIDField()
    profile = serializers.CharField(required=False, max_length=100)


class ImportFileSerializer(StrictSerializer):
    """A form with the file itself."""

    file = serializers.FileField(allow_empty_file=True, max_length=None)
    kind = serializers.ChoiceField(choices=sorted(KINDS), required=False)
    profile = serializers.CharField(required=False, max_length=100)


class ImportSerializer(serializers.ModelSerializer[ImportSession]):
    """An import: what was found in the file, how it is mapped, and how far it is."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    device = serializers.SerializerMethodField()
    status = serializers.ChoiceField(source="standing", choices=ImportSession.Status.choices, read_only=True)
    job_id = serializers.SerializerMethodField()
    reading = ReadingSerializer(read_only=True)
    detected = DetectedSerializer(read_only=True)
    columns = serializers.ListField(child=serializers.CharField(), read_only=True)
    sample = serializers.ListField(child=serializers.ListField(child=serializers.CharField()), read_only=True)
    mapping = serializers.DictField(read_only=True)
    options = serializers.DictField(read_only=True)
    summary = serializers.DictField(read_only=True, allow_null=True)
    requested_by = serializers.CharField(source="actor_name", read_only=True)

    class Meta:
        model = ImportSession
        fields = (
            "id", "device", "file_name", "kind", "profile", "status", "job_id", "reading", "detected", "columns",
            "sample", "mapping", "options", "summary", "requested_by", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_device(self, row: ImportSession) -> UUID:
        found: UUID = self.context["device"].uuid
        return found

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_job_id(self, row: ImportSession) -> UUID | None:
        return row.job.uuid if row.job is not None else None


class ImportRowSerializer(serializers.ModelSerializer[ImportRow]):
    """What became of one line of the file."""

    line = serializers.IntegerField(source="number", read_only=True)

    class Meta:
        model = ImportRow
        fields = ("line", "outcome", "internal_code", "column", "value", "detail", "hint", "object_id")
        read_only_fields = fields


class ImportProfileSerializer(serializers.Serializer[Any]):
    """A mapping under a name: ready-made, saved for this device, or shared by staff with all."""

    name = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.CharField()
    origin = serializers.ChoiceField(choices=["ready", "device", "shared"])
    mapping = serializers.DictField()
    options = serializers.DictField()


class ImportProfileNameSerializer(StrictSerializer):
    """Under which name a mapping is saved."""

    name = serializers.CharField(max_length=100)


class ImportFilter(DeviceFilterSet):
    """Filters of the list of imports."""

    class Meta(DeviceFilterSet.Meta):
        model = ImportSession
        fields = {"kind": ["exact"], "created_at": ["gte", "lte"]}


class ImportViewSet(DeviceScopedViewSet):
    """Imports of the device."""

    serializer_class = ImportSerializer  # type: ignore[assignment]  # no record: no revision, no tombstone
    has_revisions = False
    filterset_class = ImportFilter
    search_fields = ("file_name",)
    ordering_fields = ("created_at",)
    own_parameters = ()
    takes_lists: ClassVar[tuple[str, ...]] = ()
    parser_classes = [JSONParser, UploadParser]

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return ImportSession.objects.none()
        return ImportSession.objects.for_device(self.device).select_related("job", "upload", "device")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        wanted = wanted_fields(self.get_serializer(), request.query_params.get("fields"))
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        rows = self.get_serializer(page, many=True).data
        shown = rows if wanted is None else [{name: row[name] for name in row if name in wanted} for row in rows]
        return self.get_paginated_response(shown)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        refuse_unknown(request.query_params, {"fields"})
        wanted = wanted_fields(self.get_serializer(), request.query_params.get("fields"))
        row = self.represent(self.get_object())
        return Response({name: row[name] for name in row if wanted is None or name in wanted})

    @extend_schema(
        request={"application/json": ImportUploadSerializer, "multipart/form-data": ImportFileSerializer},
        responses={201: ImportSerializer},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Look at a file: 201 with what was found, a guessed mapping and the first rows. Writes no inventory."""
        data, is_form = request.data, hasattr(request.data, "lists")
        form = ImportFileSerializer(data=_plain(data)) if is_form else ImportUploadSerializer(data=data)
        form.is_valid(raise_exception=True)
        values = dict(form.validated_data)
        upload_id, file = values.pop("upload_id", None), values.pop("file", None)
        if upload_id is not None:
            upload = find_upload(upload_id, device=self.device)
        else:
            media_type = file.content_type or ""
            upload = save_upload(device=self.device, name=file.name, media_type=media_type, file=file)
        session = sessions.create_import(device=self.device, actor=self.actor, upload=upload, **values)
        return Response(self.represent(session), status=201)

    @extend_schema(request=ImportChangeSerializer, responses=ImportSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Another mapping, options, kind, or way to read the file; a dry run is needed again."""
        session = self.get_object()
        form = ImportChangeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return Response(
            self.represent(sessions.change_import(session, actor=self.actor, changes=dict(form.validated_data)))
        )

    @extend_schema(request=None, responses={202: JobStorySerializer})
    @action(detail=True, methods=["post"], url_path="dry-run")
    def dry_run(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Judge every line, write nothing."""
        return accepted(sessions.request_dry_run(self.get_object(), actor=self.actor))

    @extend_schema(request=None, responses={202: JobStorySerializer})
    @action(detail=True, methods=["post"])
    def apply(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Write the lines; one that broke off goes on where it stood."""
        return accepted(sessions.request_apply(self.get_object(), actor=self.actor))

    @extend_schema(request=None, responses={202: JobStorySerializer})
    @action(detail=True, methods=["post"])
    def revert(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Undo it, where nobody has changed its rows since."""
        return accepted(sessions.request_revert(self.get_object(), actor=self.actor))

    @extend_schema(
        responses=ImportRowSerializer(many=True),
        parameters=[OpenApiParameter("status", str, enum=ImportRow.Outcome.values)],
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def rows(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]  # a route here
        """What became of each line, in the file's order."""
        session = self.get_object()
        refuse_unknown(request.query_params, {"status", "limit", "offset", "skip", "cursor"})
        found = ImportRow.objects.filter(session=session).order_by("number", "id")
        status = request.query_params.get("status")
        if status is not None:
            if status not in ImportRow.Outcome.values:
                raise InvalidFilter(f"`status` takes one of: {', '.join(ImportRow.Outcome.values)}.")
            found = found.filter(outcome=status)
        return self.get_paginated_response(ImportRowSerializer(self.paginate_queryset(found), many=True).data)

    @extend_schema(request=ImportProfileNameSerializer, responses={201: ImportProfileSerializer})
    @action(detail=True, methods=["post"], url_path="save-profile")
    def save_profile(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Keep the mapping for other files like this one."""
        session = self.get_object()
        form = ImportProfileNameSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        saved = profiles.save_profile(session, actor=self.actor, name=form.validated_data["name"])
        return Response(_saved(saved), status=201)

    @extend_schema(responses=ImportProfileSerializer(many=True), filters=False)
    @action(detail=False, methods=["get"], pagination_class=None, filterset_class=None)
    def profiles(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The mappings that an import may name as its `profile`."""
        device = self.device
        refuse_unknown(request.query_params, set())
        saved = ImportProfile.objects.usable_by(device).order_by("name")
        ready = [
            {
                "name": profile.name,
                "title": profile.title,
                "kind": profile.kind,
                "origin": "ready",
                "mapping": profile.mapping,
                "options": profile.options,
            }
            for profile in PROFILES
        ]
        return Response([*(_saved(profile) for profile in saved), *ready])


def _saved(profile: ImportProfile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "title": profile.name,
        "kind": profile.kind,
        "origin": "device" if profile.device_id else "shared",
        "mapping": profile.mapping,
        "options": profile.options,
    }


def _plain(data: Any) -> Any:
    """A form's fields as JSON would have them."""
    several = [name for name, values in data.lists() if len(values) > 1]
    if several:
        raise BadRequest(f"`{several[0][:80]}` is there more than once.")
    return {name: values[0] for name, values in data.lists()}
