"""Where the files of jobs lie: a folder on this machine, or a service that speaks S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from config import env


def file_storage(folder: Path) -> dict[str, Any]:
    """Django's storage dict: S3 where S3_BUCKET is set. The web process and every worker must see the same files."""
    bucket = env.text("S3_BUCKET")
    if not bucket:
        options = {"location": folder, "file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": _s3(bucket)}


def _s3(bucket: str) -> dict[str, Any]:
    from botocore.config import Config  # half a second to import: only where it is used

    key, secret, url = env.text("S3_ACCESS_KEY"), env.text("S3_SECRET_KEY"), env.text("S3_URL")
    if bool(key) != bool(secret):
        raise ImproperlyConfigured("S3_ACCESS_KEY and S3_SECRET_KEY: set both, or neither (then the machine's own).")
    return {
        "bucket_name": bucket,
        "endpoint_url": url or None,
        "region_name": env.text("S3_REGION") or None,
        "access_key": key or None,
        "secret_key": secret or None,
        "default_acl": None,  # private, whatever the bucket says of others
        "client_config": Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if url else "auto"},
            retries={"max_attempts": 3, "mode": "standard"},
            connect_timeout=10,
            read_timeout=60,
            request_checksum_calculation="when_required",  # services other than Amazon's know no trailing checksums
            response_checksum_validation="when_required",
        ),
    }
