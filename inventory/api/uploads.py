"""POST /v1/uploads: a file for a job to read."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.core.uploads import UploadParser
from devices.api.owned import OnceMixin
from devices.api.records import StrictSerializer
from devices.api.scope import acting_device
from inventory.models import Upload
from inventory.services.uploads import save_upload


class UploadForm(StrictSerializer):
    """A form with one file."""

    file = serializers.FileField(allow_empty_file=True, max_length=None)


class UploadSerializer(serializers.ModelSerializer[Upload]):
    """A file that was sent; jobs name it by its `id` until it expires."""

    id = serializers.UUIDField(source="uuid", read_only=True)

    class Meta:
        model = Upload
        fields = ("id", "name", "media_type", "size", "sha256", "created_at", "expires_at")
        read_only_fields = fields


class UploadView(OnceMixin, APIView):
    """Keeps a file for a job of the device: send it as `file` of a multipart form."""

    parser_classes = [UploadParser]

    @extend_schema(request={"multipart/form-data": UploadForm}, responses={201: UploadSerializer})
    def post(self, request: Request) -> Response:
        device = acting_device(request)
        form = UploadForm(data=request.data)
        form.is_valid(raise_exception=True)
        file: Any = form.validated_data["file"]
        upload = save_upload(device=device, name=file.name, media_type=file.content_type or "", file=file)
        return Response(UploadSerializer(upload).data, status=201)
