"""Files of the catalogue: fetched where they have changed, or taken from an upload."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.conf import settings

from inventory.errors import CatalogUnreadable, DownloadTooLarge, OutboundFailed
from inventory.models import CatalogSource
from inventory.services.artifacts import open_artifact
from inventory.services.downloads import download
from inventory.services.uploads import find_upload

SECONDS = 900.0
OK, NOT_MODIFIED, TOO_MANY, SERVERS_FAULT = 200, 304, 429, 500
GZIP = b"\x1f\x8b"
BLOCK = 1024 * 1024
Heard = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that is here now; etag and last_modified are to be sent with the next request."""

    path: Path
    size: int
    sha256: str
    etag: str = ""
    last_modified: str = ""


def find_source(name: str) -> CatalogSource:
    """The source of this name; made where it is new."""
    return CatalogSource.objects.get_or_create(name=name)[0]


def fetch_catalog(source: CatalogSource, *, url: str, folder: Path, heard: Heard) -> Fetched | None:
    """Download what is at `url` into a folder; None where it is what was read last.

    `heard` is told how many bytes have come, and may raise. Raises OutboundRefused, DownloadTooLarge and
    CatalogUnreadable for good, OutboundFailed for trouble that may pass.
    """
    known = source if source.url == url else CatalogSource()
    asked = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    path = folder / "fetched"
    with path.open("w+b") as file:
        reply = download(
            url,
            into=file,
            headers={name: value for name, value in asked.items() if value},
            seconds=SECONDS,
            most_bytes=settings.CATALOG_MAX_BYTES,
            heard=heard,
        )
    if reply.status == NOT_MODIFIED:
        return None
    if reply.status == TOO_MANY or reply.status >= SERVERS_FAULT:
        raise OutboundFailed(f"The other server answered {reply.status}.")
    if reply.status != OK:
        raise CatalogUnreadable(f"The other server answered {reply.status}.")
    etag, last_modified = reply.headers.get("etag", ""), reply.headers.get("last-modified", "")
    digest = _hash(path)
    if digest == known.sha256:
        return None
    size = path.stat().st_size
    return Fetched(_unpacked(path, heard), size, digest, etag[:200], last_modified[:100])


def copy_upload(upload: UUID, *, folder: Path, heard: Heard) -> Fetched:
    """An upload of the server's as a file in a folder. Raises ReferenceNotFound, FileGone, CatalogUnreadable."""
    path = folder / "fetched"
    row = find_upload(upload, device=None)
    with open_artifact(row) as stored, path.open("wb") as file:
        shutil.copyfileobj(stored, file)
    return Fetched(_unpacked(path, heard), row.size, row.sha256)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpacked(path: Path, heard: Heard) -> Path:
    """The file itself, or what a gzip holds, bounded like a download."""
    with path.open("rb") as file:
        if file.read(2) != GZIP:
            return path
    target = path.with_name("unpacked")
    size = 0
    try:
        with gzip.open(path) as packed, target.open("wb") as out:
            while block := packed.read(BLOCK):
                size += len(block)
                if size > settings.CATALOG_MAX_BYTES:
                    raise DownloadTooLarge(f"Unpacked it has more than {settings.CATALOG_MAX_BYTES:,} bytes.")
                out.write(block)
                heard(size)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CatalogUnreadable("The gzip file is damaged.") from error
    return target
