"""Jobs over HTTP: followed, cancelled, retried."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from config.core.downloads import send_file
from config.core.errors import NotFound
from config.core.filters import DeviceFilterSet, refuse_unknown
from config.core.wire import to_json
from devices.api.owned import DeviceScopedViewSet, is_unchanged
from devices.api.records import wanted_fields
from inventory.models import Artifact, Job
from inventory.services.artifacts import as_download
from inventory.services.jobs import cancel_job, retry_job

RANGE_HEADERS = [
    OpenApiParameter(name, str, OpenApiParameter.HEADER, description=said)
    for name, said in (
        ("Range", "`bytes=0-99`, `bytes=100-` or `bytes=-100`: one part of the file"),
        ("If-Range", "The ETag that the first part came with; where it is another file now, all of it is sent"),
        ("If-None-Match", "The ETag that was read; unchanged: 304 without a body."),
    )
]
LONGEST_WAIT = 60  # seconds; who follows a job that is due tomorrow may still ask each minute


class JobSerializer(serializers.ModelSerializer[Job]):
    """A job in a list. `done` of `total` steps; `result` is what it has reached, also while it runs."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    device = serializers.SerializerMethodField()
    parameters = serializers.DictField(read_only=True)
    result = serializers.DictField(read_only=True, allow_null=True)
    requested_by = serializers.CharField(source="actor_name", read_only=True)

    class Meta:
        model = Job
        fields = (
            "id", "device", "kind", "status", "parameters", "done", "total", "message", "result", "internal_code",
            "attempts", "cancel_requested", "requested_by", "request_id", "run_at", "created_at", "updated_at",
            "started_at", "finished_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_device(self, row: Job) -> UUID:
        found: UUID = self.context["device"].uuid
        return found


class ArtifactSerializer(serializers.ModelSerializer[Artifact]):
    """A file that the job made: `GET …/artifact?name=` gives its bytes until it expires."""

    id = serializers.UUIDField(source="uuid", read_only=True)

    class Meta:
        model = Artifact
        fields = ("id", "name", "media_type", "size", "sha256", "created_at", "expires_at")
        read_only_fields = fields


class LogLine(serializers.Serializer[Any]):
    """What happened when."""

    at = serializers.DateTimeField()
    text = serializers.CharField()


class JobStorySerializer(JobSerializer):
    """One job with its log, the last 200 lines, and its files."""

    log = LogLine(many=True, read_only=True)
    artifacts = serializers.SerializerMethodField()

    class Meta(JobSerializer.Meta):
        fields = (*JobSerializer.Meta.fields, "log", "artifacts")  # type: ignore[assignment]  # a tuple that is one longer
        read_only_fields = fields  # type: ignore[assignment]  # likewise

    @extend_schema_field(ArtifactSerializer(many=True))
    def get_artifacts(self, row: Job) -> Any:
        return ArtifactSerializer(_artifacts(row), many=True).data if row.fence else []  # 0: it never ran


class JobFilter(DeviceFilterSet):
    """Filters of the job list."""

    class Meta(DeviceFilterSet.Meta):
        model = Job
        fields = {"kind": ["exact"], "status": ["exact"], "created_at": ["gte", "lte"]}


class JobViewSet(DeviceScopedViewSet):
    """Jobs of the device. While one waits or runs, `Retry-After` says when to ask again."""

    serializer_class = JobStorySerializer  # type: ignore[assignment]  # a job is no record: no revision, no tombstone
    filterset_class = JobFilter
    search_fields = ("kind", "message")
    ordering_fields = ("created_at",)
    own_parameters = ()

    def get_serializer_class(self) -> Any:
        return JobSerializer if self.action == "list" else JobStorySerializer

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Job.objects.none()
        jobs = Job.objects.for_device(self.device)
        return jobs.defer("log") if self.action == "list" else jobs

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        wanted = wanted_fields(self.get_serializer(), request.query_params.get("fields"))
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        shown = [_only(row, wanted) for row in self.get_serializer(page, many=True).data]
        return self._tagged(self.get_paginated_response(shown))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        refuse_unknown(request.query_params, {"fields"})
        wanted = wanted_fields(self.get_serializer(), request.query_params.get("fields"))
        job = self.get_object()
        return self._tagged(Response(_only(self.represent(job), wanted), headers=_retry_after(job)))

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Stop: at once while it waits, within seconds while it runs."""
        return self.answer(cancel_job(self.get_object(), actor=self.actor))

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Queue a failed or cancelled job again."""
        return self.answer(retry_job(self.get_object(), actor=self.actor))

    @extend_schema(responses=ArtifactSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def artifacts(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The files that the job made, in the order it made them."""
        refuse_unknown(request.query_params, set())
        return Response(ArtifactSerializer(_artifacts(self.get_object()), many=True).data)

    @extend_schema(
        responses={(200, "*/*"): OpenApiTypes.BINARY, (206, "*/*"): OpenApiTypes.BINARY, 304: None},
        parameters=[OpenApiParameter("name", str, description="which file; without it, the first"), *RANGE_HEADERS],
        filters=False,
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def artifact(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """One file that the job made: its bytes, whole or a range of them."""
        refuse_unknown(request.query_params, {"name"})
        found = _artifacts(self.get_object())
        name = request.query_params.get("name")
        artifact = found.first() if name is None else found.filter(name=name).first()
        if artifact is None:
            raise NotFound
        return send_file(request, as_download(artifact))

    def answer(self, row: Any, *, status: int = 200) -> Response:
        return self._tagged(Response(self.represent(row), status=status, headers=_retry_after(row)))

    def _tagged(self, response: Response) -> Response:
        """Jobs have no revision: their ETag is made from what is shown."""
        etag = f'"{hashlib.sha256(to_json(response.data)).hexdigest()[:16]}"'
        response.headers["ETag"] = etag
        if self.request.method == "GET" and is_unchanged(self.request, etag):
            response.data, response.status_code = None, 304
        return response


def accepted(job: Job) -> Response:
    """202: the job that a request asked for, where it is (`Location`) and when to look (`Retry-After`).

    Describe it with `@extend_schema(responses={202: JobStorySerializer})`.
    """
    shown = JobStorySerializer(job, context={"device": job.device}).data
    where = reverse("job-detail", kwargs={"id": job.uuid})
    return Response(shown, status=202, headers={"Location": where, **_retry_after(job)})


def _artifacts(job: Job) -> Any:
    return Artifact.objects.for_device(job.device_id).filter(job=job).order_by("id")


def _retry_after(job: Job) -> dict[str, str]:
    if job.has_ended:
        return {}
    wait = (job.run_at - timezone.now()).total_seconds() if job.status == Job.Status.QUEUED else 0
    return {"Retry-After": str(max(1, min(LONGEST_WAIT, round(wait))))}


def _only(row: dict[str, Any], wanted: set[str] | None) -> dict[str, Any]:
    return row if wanted is None else {key: row[key] for key in row if key in wanted}
