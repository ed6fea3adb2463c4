"""Where files lie: a folder or S3, the same for everything above; and what goes when its time is over."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage
from django.utils import timezone
from rest_framework.test import APIClient

from config.files import file_storage as configured
from devices.models import Device
from inventory.errors import FilesUnavailable
from inventory.models import Artifact, Job, Upload
from inventory.services import retention
from inventory.services.artifacts import open_artifact, save_artifact
from inventory.services.job_runs import JobRun, LeaseLost, lease_job
from inventory.services.jobs import request_job
from inventory.services.stored_files import days_of, file_storage, files_of_day
from inventory.services.uploads import save_upload
from tests.factories import TESTER
from tests.inventory.services.bucket import Bucket, bucket


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Bucket]:
    with bucket(monkeypatch, settings) as found:
        yield found


@pytest.fixture(params=["folder", "s3"])
def files(request: Any, tmp_path: Path, settings: Any) -> None:
    """An empty storage of each sort."""
    if request.param == "s3":
        request.getfixturevalue("s3")
    else:
        settings.STORAGES = {**settings.STORAGES, "artifacts": configured(tmp_path / "files")}


def leased(device: Device) -> JobRun:
    """A run of a job that nobody rings for."""
    job = Job.objects.create(device=device, kind="toy", actor_kind="system", actor_id="t")
    run = lease_job(job.uuid)
    assert run is not None
    return run


def paths() -> set[str]:
    return {
        path for folder in ("artifacts", "uploads") for day in days_of(folder) for path in files_of_day(folder, day)
    }


def make(device: Device, name: str) -> Artifact:
    return save_artifact(leased(device), name=name, media_type="text/csv", file=BytesIO(name.encode()))


@pytest.mark.usefixtures("files")
def test_files_are_written_read_and_listed(device: Device) -> None:
    assert paths() == set()
    artifact = make(device, "stock.csv")
    upload = save_upload(device=device, name="in.csv", media_type="text/csv", file=BytesIO(b"123456"))
    assert paths() == {artifact.path, upload.path}
    with open_artifact(artifact) as file:
        assert file.read() == b"stock.csv"
    with open_artifact(upload) as file:
        file.seek(4)
        assert file.read() == b"56"


def test_a_file_of_the_bucket_is_sent_in_parts(s3: Bucket, device: Device, api: APIClient) -> None:
    artifact = make(device, "stock.csv")
    assert s3.objects == {artifact.path: b"stock.csv"}
    answer = api.get(f"/v1/jobs/{artifact.job.uuid}/artifact", headers={"Range": "bytes=0-4"})
    assert (answer.status_code, answer.getvalue()) == (206, b"stock")
    assert {heard.method for heard in s3.site.heard} >= {"PUT", "GET"}


def test_a_folder_is_closed_to_others(tmp_path: Path, settings: Any, device: Device) -> None:
    settings.STORAGES = {**settings.STORAGES, "artifacts": configured(tmp_path / "files")}
    path = Path(file_storage().path(make(device, "stock.csv").path))
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_service_that_is_down_is_trouble_that_may_pass(s3: Bucket, device: Device, api: APIClient) -> None:
    artifact = make(device, "stock.csv")
    s3.is_down = True
    with pytest.raises(FilesUnavailable):
        make(device, "more.csv")
    answer = api.get(f"/v1/jobs/{artifact.job.uuid}/artifact")
    assert (answer.status_code, answer.json()["internal_code"]) == (503, "files_unavailable")
    assert Artifact.objects.get() == artifact


def test_a_full_disk_is_trouble_that_may_pass(
    tmp_path: Path, settings: Any, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STORAGES = {**settings.STORAGES, "artifacts": configured(tmp_path / "files")}
    for cause, refusal in ((OSError(errno.ENOSPC, "full"), FilesUnavailable), (ZeroDivisionError(), ZeroDivisionError)):

        def fail(*args: Any, cause: Exception = cause, **kwargs: Any) -> None:
            raise cause

        with monkeypatch.context() as broken:
            broken.setattr(FileSystemStorage, "_save", fail)
            with pytest.raises(refusal):
                make(device, "stock.csv")
    assert not Artifact.objects.exists()


def test_half_a_credential_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("S3_BUCKET", "stock")
    monkeypatch.setenv("S3_ACCESS_KEY", "key")
    with pytest.raises(ImproperlyConfigured):
        configured(tmp_path)
    monkeypatch.delenv("S3_ACCESS_KEY")
    options = configured(tmp_path)["OPTIONS"]
    assert (options["access_key"], options["endpoint_url"]) == (None, None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("files")
def test_retention_removes_files_past_their_time_and_files_nobody_knows(
    monkeypatch: pytest.MonkeyPatch, device: Device
) -> None:
    monkeypatch.setattr(retention, "CHUNK", 2)
    long_ago = timezone.now() - timedelta(days=31)
    with time_machine.travel(long_ago, tick=False):
        for number in range(3):
            make(device, f"{number}.csv")
        save_upload(device=device, name="in.csv", media_type="text/csv", file=BytesIO(b"old"))
        gone = make(device, "gone.csv")
        gone.job.delete()
        kept = make(device, "kept.csv")
    Artifact.objects.filter(pk=kept.pk).update(expires_at=timezone.now() + timedelta(days=1))
    with time_machine.travel(timezone.now() - timedelta(days=5), tick=False):
        late = leased(device)
        Job.objects.filter(pk=late.job_id).update(fence=9)
        with pytest.raises(LeaseLost):
            save_artifact(late, name="late.csv", media_type="text/csv", file=BytesIO(b"late"))
    young = make(device, "young.csv")
    lost = make(device, "lost today.csv")
    Artifact.objects.filter(pk=lost.pk).delete()
    job = request_job(kind="retention", actor=TESTER)
    job.refresh_from_db()
    assert job.status == Job.Status.SUCCEEDED, job.log
    assert (job.result["files"], job.result["orphans"]) == (4, 2)
    assert set(Artifact.objects.values_list("pk", flat=True)) == {kept.pk, young.pk}
    assert not Upload.objects.exists()
    assert paths() == {kept.path, young.path, lost.path}  # a file of today may still get its row
    assert days_of("uploads") == []
    assert len(days_of("artifacts")) == 2
