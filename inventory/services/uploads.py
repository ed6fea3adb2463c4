"""Uploads: files that are handed to jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from config.core.errors import ReferenceNotFound
from devices.models import Device
from inventory.errors import TooManyUploads, UploadEmpty, UploadTooLarge
from inventory.models import Upload
from inventory.services.stored_files import file_name, store_file


def save_upload(
    *, device: Device | None, name: str, media_type: str, file: BinaryIO, is_bounded: bool = True
) -> Upload:
    """Keep a file for a job to read (`open_artifact(upload)` gives the bytes) until UPLOAD_DAYS are over.

    `file` can be read twice; an operator's own is not bounded. Raises UploadEmpty, UploadTooLarge,
    TooManyUploads.
    """
    size = file.seek(0, 2)
    if is_bounded and size > settings.MAX_UPLOAD_BYTES:
        raise UploadTooLarge(f"A file may have at most {settings.MAX_UPLOAD_BYTES:,} bytes.")
    if not size:
        raise UploadEmpty
    if device is not None and Upload.objects.for_device(device).count() >= settings.UPLOADS_PER_DEVICE:
        raise TooManyUploads(headers={"Retry-After": "3600"})
    upload = Upload(
        device=device,
        name=file_name(name, fallback="upload"),
        media_type=media_type[:100],
        expires_at=timezone.now() + timedelta(days=settings.UPLOAD_DAYS),
    )
    stored = store_file(file, folder="uploads", stem=str(upload.uuid))
    upload.path, upload.size, upload.sha256 = stored.path, stored.size, stored.sha256
    upload.save(force_insert=True)
    return upload


def find_upload(uuid: UUID, *, device: Device | None) -> Upload:
    """An upload of this device. Raises ReferenceNotFound, alike for foreign, expired and missing ones."""
    upload: Upload | None = Upload.objects.for_device(device).filter(uuid=uuid).first()
    if upload is None:
        raise ReferenceNotFound(f"There is no upload {uuid}.")
    return upload
