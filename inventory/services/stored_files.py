"""Files in the storage "artifacts": a folder on this machine, or an S3-compatible service by setting."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from django.core.files import File
from django.core.files.storage import Storage, storages
from django.utils import timezone

from inventory.errors import FilesUnavailable

STORAGE = "artifacts"
NAME_LENGTH = 200
BLOCK = 1024 * 1024
S3_CLIENTS = ("botocore.", "boto3.", "s3transfer.")
NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff/\\]+")


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a file lies and what it is."""

    path: str
    size: int
    sha256: str


def file_storage() -> Storage:
    """Where the files are."""
    return storages[STORAGE]


def store_file(file: BinaryIO | Path, *, folder: str, stem: str) -> Stored:
    """Write a file from its beginning under `folder/<today>/stem`. `file` can be read twice: it is hashed first."""
    with ExitStack() as stack:
        source = stack.enter_context(file.open("rb")) if isinstance(file, Path) else file
        source.seek(0)
        digest, size = hashlib.sha256(), 0
        while block := source.read(BLOCK):
            digest.update(block)
            size += len(block)
        source.seek(0)
        place = f"{folder}/{timezone.now().date().isoformat()}/{stem}"
        with _reachable():
            path = file_storage().save(place, File(source, name=stem))
    return Stored(path=path, size=size, sha256=digest.hexdigest())


def read_file(path: str) -> BinaryIO:
    """The bytes of a file; the caller closes it. Raises FileNotFoundError, FilesUnavailable."""
    with _reachable():
        return cast(BinaryIO, file_storage().open(path, "rb"))


def remove_file(path: str) -> None:
    """Remove a file, or a folder that is empty, if it is there. Raises FilesUnavailable."""
    with _reachable():
        file_storage().delete(path)


def files_of_day(folder: str, day: str) -> list[str]:
    """The paths of all files that a folder has of one day."""
    with _reachable():
        return [f"{folder}/{day}/{name}" for name in file_storage().listdir(f"{folder}/{day}")[1]]


def days_of(folder: str) -> list[str]:
    """The days (ISO) of which a folder has files, oldest first."""
    try:
        with _reachable():
            return sorted(file_storage().listdir(folder)[0])
    except FileNotFoundError:
        return []


@contextmanager
def _reachable() -> Iterator[None]:
    """A full disk, a service that is down: trouble that may pass. The services' own errors share no base class."""
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:
        if isinstance(error, OSError) or type(error).__module__.partition(".")[0] in (
            "botocore",
            "boto3",
            "s3transfer",
        ):
            raise FilesUnavailable from error
        raise


def file_name(name: str, *, fallback: str) -> str:
    """A name that is safe to show and to save as: no path, no control or direction characters, at most 200."""
    plain = NOT_IN_NAMES.sub("_", name.replace("\\", "/").rpartition("/")[2]).strip(" .")
    return plain[-NAME_LENGTH:] or fallback
