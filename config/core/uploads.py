"""Files in requests: multipart forms up to a size, streamed to disk, never held in memory whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from config.core.errors import PayloadTooLarge
from config.core.wire import canonical_json

FORM_BYTES = 64 * 1024  # of a form around its file


class UploadParser(MultiPartParser):
    """One form with a file of at most MAX_UPLOAD_BYTES, refused by its length before any of it is read."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        request: Any = (parser_context or {})["request"]
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.MAX_UPLOAD_BYTES + FORM_BYTES:
            raise PayloadTooLarge(f"A file may have at most {settings.MAX_UPLOAD_BYTES:,} bytes.")
        return super().parse(stream, media_type, parser_context)


def content_of(request: Request) -> bytes:
    """What tells a request's body from another: the body, or of a form its fields and what is in its files."""
    is_form = (request.content_type or "").lower().startswith("multipart/")
    if not is_form or not any(isinstance(parser, UploadParser) for parser in request.parsers or ()):
        return request.body
    form: Any = request.data
    return canonical_json([[name, [_content(value) for value in values]] for name, values in form.lists()])


def _content(value: Any) -> Any:
    if not isinstance(value, UploadedFile):
        return value
    digest = hashlib.sha256()
    for chunk in value.chunks():
        digest.update(chunk)
    value.seek(0)
    return [value.name, digest.hexdigest()]
