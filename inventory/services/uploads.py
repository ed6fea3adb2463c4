"""Uploads: files that are handed to jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from config.core.errors import ReferenceNotFound
from devices.models import Device
from devices.services.owned import lock_device
from inventory.errors import TooManyUploads, UploadEmpty, UploadsFull, UploadTooLarge
from inventory.models import Upload
from inventory.services.stored_files import file_name, remove_file, store_file


def save_upload(
    *, device: Device | None, name: str, media_type: str, file: BinaryIO, is_bounded: bool = True
) -> Upload:
    """Keep a file for a job to read (`open_artifact(upload)` gives the bytes) until UPLOAD_DAYS are over.

    `file` can be read twice; an operator's own is not bounded. Nothing is locked while it is written: what there is
    room for is asked before, and again under the lock with which its row is kept. Raises UploadEmpty, UploadTooLarge,
    TooManyUploads, UploadsFull.
    """
    size = file.seek(0, 2)
    if is_bounded and size > settings.MAX_UPLOAD_BYTES:
        raise UploadTooLarge(f"A file may have at most {settings.MAX_UPLOAD_BYTES:,} bytes.")
    if not size:
        raise UploadEmpty
    if device is not None and is_bounded:
        _refuse_full(device, size)
    upload = Upload(
        device=device,
        name=file_name(name, fallback="upload"),
        media_type=media_type[:100],
        expires_at=timezone.now() + timedelta(days=settings.UPLOAD_DAYS),
    )
    stored = store_file(file, folder="uploads", stem=str(upload.uuid))
    upload.path, upload.size, upload.sha256 = stored.path, stored.size, stored.sha256
    try:
        with transaction.atomic():
            if device is not None and is_bounded:
                lock_device(device)  # two at once do not both take the last room
                _refuse_full(device, size)
            upload.save(force_insert=True)
    except (TooManyUploads, UploadsFull):
        remove_file(upload.path)
        raise
    return upload


def _refuse_full(device: Device, size: int) -> None:
    """A file past its time is none of so many any more; it takes its room until retention has removed it."""
    kept = Upload.objects.filter(device=device).aggregate(bytes=Sum("size", default=0))
    if Upload.objects.for_device(device).count() >= settings.UPLOADS_PER_DEVICE:
        raise TooManyUploads(headers={"Retry-After": "3600"})
    most = settings.UPLOAD_BYTES_PER_DEVICE
    if kept["bytes"] + size > most:
        raise UploadsFull(
            f"The files of this device may take {most:,} bytes; {kept['bytes']:,} are taken, this one has {size:,}."
        )


def find_upload(uuid: UUID, *, device: Device | None) -> Upload:
    """An upload of this device. Raises ReferenceNotFound, alike for foreign, expired and missing ones."""
    upload: Upload | None = Upload.objects.for_device(device).filter(uuid=uuid).first()
    if upload is None:
        raise ReferenceNotFound(f"There is no upload {uuid}.")
    return upload
