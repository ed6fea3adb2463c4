"""Asking for a report over HTTP, and reading what came of it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from pypdf import PdfReader
from rest_framework.test import APIClient

from devices.models import Device
from inventory.models import Artifact, Job
from inventory.services.artifacts import open_artifact
from inventory.services.jobs import request_job
from tests.factories import TESTER


class Reports:
    """A device's client and what jobs do once they are committed."""

    def __init__(self, api: APIClient, commit: Any) -> None:
        self.api, self.commit = api, commit

    def file(self, report: str, **asked: Any) -> Any:
        """The artifact's download."""
        with self.commit(execute=True):
            answer = self.api.post("/v1/reports", {"report": report, **asked})
        assert answer.status_code == 202, answer.content
        job = self.api.get(answer.headers["Location"]).json()
        assert job["status"] == "succeeded", job
        download = self.api.get(f"{answer.headers['Location']}/artifact")
        assert download.status_code == 200
        return download

    def bytes(self, report: str, **asked: Any) -> bytes:
        return b"".join(self.file(report, **asked).streaming_content)  # read to its end, it is closed

    def json(self, report: str, **asked: Any) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.bytes(report, format="json", **asked))
        return found

    def rows(self, report: str, *columns: str, **asked: Any) -> list[tuple[Any, ...]]:
        """The rows, these columns of them."""
        return [tuple(row[name] for name in columns) for row in self.json(report, **asked)["rows"]]

    def text(self, report: str, **asked: Any) -> str:
        pdf = PdfReader(io.BytesIO(self.bytes(report, **asked)))
        return "\n".join(page.extract_text() for page in pdf.pages)

    def everyone(self, report: str, **asked: Any) -> dict[str, Any]:
        """A report about all devices, as staff ask for it."""
        with self.commit(execute=True):
            job = request_job(kind="report", actor=TESTER, parameters={"report": report, "format": "json", **asked})
        job.refresh_from_db()
        assert job.status == Job.Status.SUCCEEDED, job.log
        with open_artifact(Artifact.objects.get(job=job)) as file:
            found: dict[str, Any] = json.load(file)
        return found


@pytest.fixture
def reports(api: APIClient, device: Device, django_capture_on_commit_callbacks: Any) -> Reports:
    """Reports of the device."""
    return Reports(api, django_capture_on_commit_callbacks)
