"""Files of jobs: written beside the row, one of a name, and without a trace of a worker that was too late."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from config.core.errors import ReferenceNotFound
from devices.models import Device
from inventory.errors import FileGone, TooManyUploads, UploadEmpty, UploadTooLarge
from inventory.models import Artifact, Job, Upload
from inventory.services.artifacts import open_artifact, save_artifact
from inventory.services.job_runs import JobRun, LeaseLost, lease_job
from inventory.services.stored_files import file_storage, remove_file
from inventory.services.uploads import find_upload, save_upload
from tests import factories

PDF = "application/pdf"


@pytest.fixture
def run(device: Device) -> JobRun:
    found = lease_job(factories.make_job(device).uuid)
    assert found is not None
    return found


def silence() -> None:
    Job.objects.update(leased_until=timezone.now() - timedelta(seconds=1))


def content(artifact: Artifact | Upload) -> bytes:
    with open_artifact(artifact) as file:
        return file.read()


def test_a_file_is_kept_with_its_figures(run: JobRun, device: Device, tmp_path: Path) -> None:
    (tmp_path / "made").write_bytes(b"from a path")
    artifact = save_artifact(run, name="stock.pdf", media_type=PDF, file=tmp_path / "made")
    artifact.refresh_from_db()
    assert (artifact.job_id, artifact.device, artifact.name, str(artifact)) == (
        run.job_id, device, "stock.pdf", "stock.pdf",
    )  # fmt: skip
    assert (artifact.size, artifact.sha256) == (11, hashlib.sha256(b"from a path").hexdigest())
    assert artifact.path.endswith(f"{artifact.uuid}-{run.fence}")
    assert timedelta(days=29) < artifact.expires_at - timezone.now() < timedelta(days=31)
    assert content(artifact) == b"from a path"
    assert Job.objects.get().status == Job.Status.RUNNING


def test_the_last_one_ends_the_job(run: JobRun) -> None:
    file = BytesIO(b"abc")
    file.read(2)  # where it stands does not matter
    artifact = save_artifact(run, name="x.csv", media_type="text/csv", file=file, last=True)
    assert content(artifact) == b"abc"
    assert Job.objects.get().status == Job.Status.SUCCEEDED


def test_a_worker_that_lost_its_lease_leaves_no_row(run: JobRun) -> None:
    silence()
    new = lease_job(run.uuid)
    assert new is not None
    kept = save_artifact(new, name="x.csv", media_type="text/csv", file=BytesIO(b"new"))
    with pytest.raises(LeaseLost):
        save_artifact(run, name="x.csv", media_type="text/csv", file=BytesIO(b"late"))
    assert list(Artifact.objects.values_list("sha256", flat=True)) == [kept.sha256]
    assert content(kept) == b"new"


def test_a_later_attempts_file_takes_the_place_of_an_earlier_ones(
    run: JobRun, django_capture_on_commit_callbacks: Any
) -> None:
    first = save_artifact(run, name="x.csv", media_type="text/csv", file=BytesIO(b"one"))
    other = save_artifact(run, name="y.csv", media_type="text/csv", file=BytesIO(b"other"))
    silence()
    again = lease_job(run.uuid)
    assert again is not None
    with django_capture_on_commit_callbacks(execute=True):
        second = save_artifact(again, name="x.csv", media_type="text/csv", file=BytesIO(b"two"))
    assert set(Artifact.objects.all()) == {other, second}
    assert not file_storage().exists(first.path)
    assert content(second) == b"two"


def test_not_inside_an_effect(run: JobRun) -> None:
    with pytest.raises(RuntimeError), run.effect():
        save_artifact(run, name="x.csv", media_type="text/csv", file=BytesIO(b"one"))
    assert not Artifact.objects.exists()


def test_a_file_that_is_gone_or_past_its_time(run: JobRun) -> None:
    artifact = save_artifact(run, name="x.csv", media_type="text/csv", file=BytesIO(b"one"))
    artifact.expires_at = timezone.now()
    with pytest.raises(FileGone):
        open_artifact(artifact)
    artifact.expires_at += timedelta(days=1)
    remove_file(artifact.path)
    remove_file(artifact.path)  # nothing is left to do
    with pytest.raises(FileGone):
        open_artifact(artifact)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ada\\Stock.xlsx", "Stock.xlsx"),
        ("a\r\nSet-Cookie: b.csv", "a_Set-Cookie: b.csv"),
        ("\u202egpj.exe", "_gpj.exe"),
        ("Zähl/ ", "ledger_proof"),
        ("..", "ledger_proof"),
        ("x" * 300 + ".csv", "x" * 196 + ".csv"),
    ],
)
def test_names_are_safe(run: JobRun, given: str, kept: str) -> None:
    artifact = save_artifact(run, name=given, media_type=PDF, file=BytesIO(b"x"))
    artifact.refresh_from_db()
    assert artifact.name == kept


def test_an_upload_is_kept_for_its_device(device: Device, other: Device, settings: Any) -> None:
    upload = save_upload(device=device, name="in.csv", media_type="text/csv", file=BytesIO(b"a,b\n"))
    found = find_upload(upload.uuid, device=device)
    assert (found, found.name, found.size, found.sha256) == (
        upload, "in.csv", 4, hashlib.sha256(b"a,b\n").hexdigest(),
    )  # fmt: skip
    assert content(found) == b"a,b\n"
    for foreign in (other, None):
        with pytest.raises(ReferenceNotFound):
            find_upload(upload.uuid, device=foreign)
    Upload.objects.update(expires_at=timezone.now())
    with pytest.raises(ReferenceNotFound):
        find_upload(upload.uuid, device=device)


def test_a_nameless_upload_has_a_name(device: Device) -> None:
    assert save_upload(device=device, name="", media_type="text/csv", file=BytesIO(b"x")).name == "upload"


def test_a_device_has_so_many_uploads(device: Device, other: Device, settings: Any) -> None:
    settings.UPLOADS_PER_DEVICE = 1

    def save(whose: Device | None) -> Upload:
        return save_upload(device=whose, name="in.csv", media_type="text/csv", file=BytesIO(b"x"))

    save(device)
    for whose in (other, None, None):
        save(whose)
    with pytest.raises(TooManyUploads):
        save(device)
    Upload.objects.update(expires_at=timezone.now())
    save(device)


def test_an_upload_is_bounded(device: Device, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 4
    with pytest.raises(UploadTooLarge):
        save_upload(device=device, name="in.csv", media_type="text/csv", file=BytesIO(b"12345"))
    with pytest.raises(UploadEmpty):
        save_upload(device=device, name="in.csv", media_type="text/csv", file=BytesIO())
    assert not Upload.objects.exists()
