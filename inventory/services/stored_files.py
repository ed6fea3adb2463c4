"""Files in the storage "artifacts": a folder on this machine, or an S3-compatible service by setting."""

from __future__ import annotations

import hashlib
import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from django.core.files import File
from django.core.files.storage import Storage, storages
from django.utils import timezone

STORAGE = "artifacts"
NAME_LENGTH = 200
BLOCK = 1024 * 1024
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
        path = file_storage().save(f"{folder}/{timezone.now().date().isoformat()}/{stem}", File(source, name=stem))
    return Stored(path=path, size=size, sha256=digest.hexdigest())


def read_file(path: str) -> BinaryIO:
    """The bytes of a file; the caller closes it. Raises FileNotFoundError."""
    return cast(BinaryIO, file_storage().open(path, "rb"))


def remove_file(path: str) -> None:
    """Remove a file, if it is there."""
    file_storage().delete(path)


def file_name(name: str, *, fallback: str) -> str:
    """A name that is safe to show and to save as: no path, no control or direction characters, at most 200."""
    plain = NOT_IN_NAMES.sub("_", name.replace("\\", "/").rpartition("/")[2]).strip(" .")
    return plain[-NAME_LENGTH:] or fallback
