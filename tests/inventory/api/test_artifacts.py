"""Files of jobs over HTTP: the device's own, whole or in part, and gone when their time is over."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from devices.models import Device, User
from inventory.models import Artifact, Job
from inventory.services.artifacts import save_artifact
from inventory.services.job_runs import JobRun, lease_job
from inventory.services.jobs import request_job
from inventory.services.stored_files import remove_file
from tests.conftest import client_of
from tests.factories import TESTER, make_job


def lease(job: Job) -> JobRun:
    run = lease_job(job.uuid)
    assert run is not None
    return run


@pytest.fixture
def job(device: Device) -> Job:
    """A job that has made two files."""
    made = make_job(device)
    run = lease(made)
    save_artifact(run, name="Zählung.csv", media_type="text/csv", file=BytesIO(b"a,b\n1,2\n"))
    save_artifact(run, name="more.pdf", media_type="application/pdf", file=BytesIO(b"%PDF"), last=True)
    return made


def test_a_job_names_its_files(api: APIClient, job: Job) -> None:
    listed = api.get(f"/v1/jobs/{job.uuid}/artifacts").json()
    assert [(file["name"], file["media_type"], file["size"]) for file in listed] == [
        ("Zählung.csv", "text/csv", 8), ("more.pdf", "application/pdf", 4),
    ]  # fmt: skip
    assert listed == api.get(f"/v1/jobs/{job.uuid}").json()["artifacts"]
    assert "path" not in listed[0]
    assert len(listed[0]["sha256"]) == 64


def test_a_file_is_sent_whole_and_in_parts(api: APIClient, job: Job) -> None:
    url = f"/v1/jobs/{job.uuid}/artifact"
    whole = api.get(url)
    assert (whole.status_code, whole.getvalue(), whole.headers["Content-Type"]) == (200, b"a,b\n1,2\n", "text/csv")
    assert whole.headers["Content-Disposition"] == "attachment; filename*=utf-8''Z%C3%A4hlung.csv"
    assert whole.headers["Cache-Control"] == "no-store"
    part = api.get(url, headers={"Range": "bytes=4-", "If-Range": whole.headers["ETag"]})
    assert (part.status_code, part.getvalue(), part.headers["Content-Range"]) == (206, b"1,2\n", "bytes 4-7/8")
    assert api.get(url, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    refused = api.get(url, headers={"Range": "bytes=8-"})
    assert (refused.status_code, refused.json()["internal_code"]) == (416, "range_not_satisfiable")
    assert refused.headers["Content-Range"] == "bytes */8"
    assert api.get(url, {"name": "more.pdf"}, HTTP_ACCEPT="application/pdf").getvalue() == b"%PDF"


@pytest.mark.parametrize(
    ("query", "status", "code"), [({"name": "x"}, 404, "not_found"), ({"file": "x"}, 400, "unknown_filter")]
)
def test_a_file_that_is_not_there(api: APIClient, job: Job, query: Any, status: int, code: str) -> None:
    answer = api.get(f"/v1/jobs/{job.uuid}/artifact", query)
    assert (answer.status_code, answer.json()["internal_code"]) == (status, code)


def test_a_job_without_files(api: APIClient, device: Device) -> None:
    job = make_job(device)
    assert api.get(f"/v1/jobs/{job.uuid}/artifacts").json() == []
    assert api.get(f"/v1/jobs/{job.uuid}/artifact").status_code == 404


def test_a_file_past_its_time(api: APIClient, job: Job) -> None:
    remove_file(Artifact.objects.get(name="more.pdf").path)
    gone = api.get(f"/v1/jobs/{job.uuid}/artifact", {"name": "more.pdf"})
    assert (gone.status_code, gone.json()["internal_code"]) == (410, "file_gone")
    Artifact.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert api.get(f"/v1/jobs/{job.uuid}/artifacts").json() == []
    assert api.get(f"/v1/jobs/{job.uuid}/artifact").status_code == 404


def test_files_of_others_and_of_the_server_are_missing(
    api: APIClient, job: Job, device: Device, other: Device, user: User
) -> None:
    servers = request_job(kind="retention", actor=TESTER)
    save_artifact(lease(servers), name="s", media_type="text/csv", file=BytesIO(b"secret"))
    Device.objects.filter(pk=other.pk).update(owner=user)
    for client, foreign in ((client_of(user, other), job), (api, servers)):
        for path in ("artifact", "artifacts"):
            answer = client.get(f"/v1/jobs/{foreign.uuid}/{path}")
            missing = client.get(f"/v1/jobs/{uuid4()}/{path}")
            assert answer.status_code == missing.status_code == 404
            assert answer.json()["internal_code"] == missing.json()["internal_code"] == "not_found"
