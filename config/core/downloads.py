"""Files over HTTP: whole or a part of them (RFC 9110 ranges), never stored on the way, always saved, never shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from config.core.errors import RangeNotSatisfiable

RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*")
BLOCK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Download:
    """A file that never changes; `open` gives its bytes, seekable."""

    name: str
    media_type: str
    size: int
    etag: str
    open: Callable[[], BinaryIO]


def send_file(request: HttpRequest, file: Download) -> HttpResponseBase:
    """200, 206 for one range, 304 where the caller has it. Raises RangeNotSatisfiable, and what `open` raises.

    Several ranges at once are answered with the whole file, as is a range of another version (If-Range).
    """
    if _names(request.headers.get("If-None-Match", ""), file.etag):
        return _private(HttpResponse(status=304), file)
    part = _wanted(request, file)
    first, last = part or (0, file.size - 1)
    body = _Part(file.open(), first, last - first + 1)
    response = StreamingHttpResponse(body, status=206 if part else 200, content_type=file.media_type)
    response.headers["Content-Length"] = str(last - first + 1)
    response.headers["Content-Disposition"] = content_disposition_header(True, file.name) or "attachment"
    response.headers["Accept-Ranges"] = "bytes"
    if part:
        response.headers["Content-Range"] = f"bytes {first}-{last}/{file.size}"
    return _private(response, file)


def _private(response: HttpResponseBase, file: Download) -> HttpResponseBase:
    response.headers["ETag"] = file.etag
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _names(header: str, etag: str) -> bool:
    asked = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in asked or etag in asked


def _wanted(request: HttpRequest, file: Download) -> tuple[int, int] | None:
    """The first and the last byte of the part that is asked for; None: all of it. A range that is none is ignored."""
    found = RANGE.fullmatch(request.headers.get("Range", ""))
    if request.method != "GET" or not found or found[1] == found[2] == "":
        return None
    if request.headers.get("If-Range", file.etag).strip() != file.etag:
        return None
    if not found[1]:  # the last so many
        first, last = max(0, file.size - int(found[2])), file.size - 1
    else:
        first, last = int(found[1]), min(int(found[2] or file.size), file.size - 1)
        if found[2] and int(found[2]) < first:
            return None
    if first > last:
        raise RangeNotSatisfiable(headers={"Content-Range": f"bytes */{file.size}"})
    return first, last


class _Part(Iterator[bytes]):
    """Some bytes of a file, a block at a time; closed with the response, also where nobody read any."""

    def __init__(self, file: BinaryIO, first: int, length: int) -> None:
        self.file, self.left = file, length
        file.seek(first)

    def __next__(self) -> bytes:
        block = self.file.read(min(BLOCK, self.left))
        if not block:
            raise StopIteration
        self.left -= len(block)
        return block

    def close(self) -> None:
        self.file.close()
