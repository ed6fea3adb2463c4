"""Artifacts: the files that jobs make, kept for a while."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from config.core.downloads import Download
from inventory.errors import FileGone
from inventory.models import Artifact
from inventory.models.artifacts import StoredFile
from inventory.services.job_runs import JobRun
from inventory.services.recurring.handover import hand_over
from inventory.services.stored_files import file_name, read_file, remove_file, store_file


def save_artifact(run: JobRun, *, name: str, media_type: str, file: BinaryIO | Path, last: bool = False) -> Artifact:
    """Keep a file as a result of the run; `name` is its file name, e.g. `stock.pdf`.

    Not to be called inside `run.effect()`: the file is written first, while nothing is locked, then its row in an
    effect of its own; with `last`, the job's success is part of that, and so is telling those whom its schedule
    names. It takes the place of an artifact of the same
    name that an earlier attempt left. Raises LeaseLost: then there is no row, and retention removes the file.
    """
    artifact = Artifact(
        job_id=run.job_id,
        device=run.device,
        name=file_name(name, fallback=run.kind),
        media_type=media_type,
        expires_at=timezone.now() + timedelta(days=settings.ARTIFACT_DAYS),
    )
    run.check()
    stored = store_file(file, folder="artifacts", stem=f"{artifact.uuid}-{run.fence}")
    artifact.path, artifact.size, artifact.sha256 = stored.path, stored.size, stored.sha256
    with run.effect(last=last):
        for earlier in Artifact.objects.filter(job_id=run.job_id, name=artifact.name):
            earlier.delete()
            transaction.on_commit(partial(remove_file, earlier.path))
        artifact.save(force_insert=True)
        if last:
            hand_over(run, artifact)
    return artifact


def as_download(artifact: StoredFile) -> Download:
    """How a door sends it."""
    etag = f'"{artifact.sha256[:32]}"'
    return Download(artifact.name, artifact.media_type, artifact.size, etag, partial(open_artifact, artifact))


def open_artifact(artifact: StoredFile) -> BinaryIO:
    """The bytes; the caller closes it. Raises FileGone where it is past its time or no longer there."""
    if artifact.expires_at <= timezone.now():
        raise FileGone
    try:
        return read_file(artifact.path)
    except FileNotFoundError:
        raise FileGone from None
