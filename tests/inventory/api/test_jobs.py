"""Jobs over HTTP: followed, cancelled and retried by the device they are about, and by nobody else."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.test import APIClient, APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from config.core.wire import to_json
from devices.api.owned import OnceMixin
from devices.api.scope import acting_device
from devices.models import Device, User
from devices.services.enrollment import Enrolled
from inventory.api.jobs import accepted
from inventory.models import Job
from inventory.services.job_runs import lease_job
from inventory.services.jobs import request_job
from tests import factories
from tests.conftest import client_of
from tests.factories import TESTER

Status = Job.Status


def make_job(device: Device, **values: Any) -> Job:
    job = request_job(kind="ledger_proof", actor=TESTER, device=device)
    Job.objects.filter(pk=job.pk).update(**values)
    job.refresh_from_db()
    return job


@pytest.fixture
def job(device: Device) -> Job:
    """It waits: nothing is committed in a test, so nobody rings."""
    return make_job(device)


def ids(response: Any) -> list[str]:
    return [row["id"] for row in response.json()["results"]]


def test_a_job_is_shown_with_its_story(api: APIClient, job: Job, device: Device) -> None:
    run = lease_job(job.uuid)
    assert run is not None
    run.progress(1, total=3, message="a third")
    run.result["drift"] = 0
    run.log("hello")
    with run.effect():
        pass
    answer = api.get(f"/v1/jobs/{job.uuid}")
    assert answer.status_code == 200
    body = answer.json()
    assert {key: body[key] for key in ("id", "device", "kind", "status", "done", "total", "message", "result")} == {
        "id": str(job.uuid),
        "device": str(device.uuid),
        "kind": "ledger_proof",
        "status": "running",
        "done": 1,
        "total": 3,
        "message": "a third",
        "result": {"drift": 0},
    }
    assert [line["text"] for line in body["log"]] == ["hello"]
    assert body["requested_by"] == "tests"
    assert body["created_at"].endswith("Z")
    assert "fence" not in body
    assert "actor_id" not in body


def test_retry_after_says_when_to_ask_again(api: APIClient, job: Job) -> None:
    url = f"/v1/jobs/{job.uuid}"
    assert api.get(url).headers["Retry-After"] == "1"
    for wait, said in ((30, "30"), (7200, "60")):
        Job.objects.update(run_at=timezone.now() + timedelta(seconds=wait))
        assert api.get(url).headers["Retry-After"] == said
    Job.objects.update(status=Status.RUNNING)
    assert api.get(url).headers["Retry-After"] == "1"
    Job.objects.update(status=Status.SUCCEEDED)
    assert "Retry-After" not in api.get(url).headers


@pytest.mark.parametrize("path", ["", "/{id}"])
def test_an_unchanged_answer_is_a_304(api: APIClient, job: Job, path: str) -> None:
    url = "/v1/jobs" + path.format(id=job.uuid)
    etag = api.get(url).headers["ETag"]
    again = api.get(url, HTTP_IF_NONE_MATCH=etag)
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    Job.objects.update(done=1)
    changed = api.get(url, HTTP_IF_NONE_MATCH=etag)
    assert (changed.status_code, changed.headers["ETag"] == etag) == (200, False)


def test_the_list_is_the_devices_own_and_has_no_logs(api: APIClient, job: Job, other: Device) -> None:
    make_job(other)
    request_job(kind="retention", actor=TESTER)
    answer = api.get("/v1/jobs")
    assert ids(answer) == [str(job.uuid)]
    assert answer.json()["count"] == 1
    assert "log" not in answer.json()["results"][0]


def test_the_list_is_filtered_searched_ordered_and_cut(api: APIClient, job: Job, device: Device) -> None:
    old = make_job(device, status=Status.FAILED, message="Broken", created_at=timezone.now() - timedelta(days=2))
    yesterday = (timezone.now() - timedelta(days=1)).isoformat()
    for query, found in (
        ({"status": "failed"}, [old]),
        ({"kind": "ledger_proof"}, [job, old]),
        ({"kind": "retention"}, []),
        ({"created_at__gte": yesterday}, [job]),
        ({"created_at__lte": yesterday}, [old]),
        ({"search": "broken"}, [old]),
        ({"ordering": "created_at"}, [old, job]),
        ({"ordering": "-created_at", "cursor": ""}, [job, old]),
        ({"limit": "1", "skip": "1"}, [old]),
    ):
        assert ids(api.get("/v1/jobs", query)) == [str(row.uuid) for row in found], query
    assert api.get("/v1/jobs", {"fields": "id,status"}).json()["results"][0] == {
        "id": str(job.uuid), "status": "queued"
    }  # fmt: skip
    assert api.get(f"/v1/jobs/{job.uuid}", {"fields": "status,log"}).json() == {"status": "queued", "log": []}


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("jobs?device=x", "unknown_filter"),
        ("jobs?deleted=true", "unknown_filter"),
        ("jobs?status=lazy", "invalid_filter"),
        ("jobs?created_at__gte=soon", "invalid_filter"),
        ("jobs?ordering=fence", "unknown_ordering"),
        ("jobs?fields=fence", "unknown_field_wanted"),
        ("jobs?limit=501", "bad_page"),
        ("jobs/{id}?x=1", "unknown_filter"),
    ],
)
def test_what_is_not_known_is_refused(api: APIClient, job: Job, path: str, code: str) -> None:
    answer = api.get(f"/v1/{path.format(id=job.uuid)}")
    assert (answer.status_code, answer.json()["internal_code"]) == (400, code)


def test_a_waiting_job_is_cancelled_and_retried(api: APIClient, job: Job) -> None:
    answer = api.post(f"/v1/jobs/{job.uuid}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert "Retry-After" not in answer.headers
    again = api.post(f"/v1/jobs/{job.uuid}/cancel")
    assert (again.status_code, again.json()["internal_code"]) == (409, "job_not_cancellable")
    retried = api.post(f"/v1/jobs/{job.uuid}/retry")
    assert (retried.status_code, retried.json()["status"], retried.headers["Retry-After"]) == (200, "queued", "1")
    refused = api.post(f"/v1/jobs/{job.uuid}/retry")
    assert (refused.status_code, refused.json()["internal_code"]) == (409, "job_not_retryable")
    job.refresh_from_db()
    assert [line["text"] for line in job.log] == ["Cancel asked for by Scanner", "Retry asked for by Scanner"]


def test_a_repeated_retry_with_a_key_is_one_retry(api: APIClient, job: Job) -> None:
    Job.objects.update(status=Status.FAILED)
    first = api.post(f"/v1/jobs/{job.uuid}/retry", HTTP_IDEMPOTENCY_KEY="once")
    second = api.post(f"/v1/jobs/{job.uuid}/retry", HTTP_IDEMPOTENCY_KEY="once")
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    assert second.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(("method", "path"), [("get", ""), ("post", "/cancel"), ("post", "/retry")])
def test_a_foreign_job_and_one_of_the_server_are_missing(
    api: APIClient, other: Device, user: User, method: str, path: str
) -> None:
    foreign = make_job(other, status=Status.FAILED if path == "/retry" else Status.QUEUED)
    servers = request_job(kind="retention", actor=TESTER)
    Device.objects.filter(pk=other.pk).update(owner=user)
    for row in (foreign, servers):
        before = Job.objects.filter(pk=row.pk).values().get()
        answer = getattr(api, method)(f"/v1/jobs/{row.uuid}{path}")
        assert (answer.status_code, answer.json()["internal_code"]) == (404, "not_found")
        assert Job.objects.filter(pk=row.pk).values().get() == before
    assert getattr(client_of(user, other), method)(f"/v1/jobs/{foreign.uuid}{path}").status_code == 200


def test_jobs_cannot_be_made_changed_or_deleted_here(api: APIClient, job: Job) -> None:
    calls = [(api.post, "/v1/jobs"), *((call, f"/v1/jobs/{job.uuid}") for call in (api.put, api.patch, api.delete))]
    for call, url in calls:
        assert call(url, {"kind": "ledger_proof"}).status_code == 405
    assert Job.objects.count() == 1


class Asking(OnceMixin, APIView):
    """Asks for a job, as the doors of reports and imports do."""

    def post(self, request: Request) -> Any:
        return accepted(request_job(kind="ledger_proof", actor=request.auth, device=acting_device(request)))


def test_a_repeated_request_is_told_where_its_job_is(enrolled: Enrolled) -> None:
    answers = []
    for _ in range(2):
        request = APIRequestFactory().post("/v1/ask", {}, headers={"Idempotency-Key": "k"})
        force_authenticate(request, user=enrolled.installation, token=factories.actor(enrolled.installation))
        answers.append(Asking.as_view()(request))
    job = Job.objects.get()
    for answer in answers:
        assert (answer.status_code, answer.headers["Location"], answer.headers["Retry-After"]) == (
            202, f"/v1/jobs/{job.uuid}", "1",
        )  # fmt: skip
    assert answers[0].content == answers[1].content
    assert answers[1].headers["Idempotency-Replayed"] == "true"


def test_an_accepted_job_says_where_it_is_and_when_to_look(api: APIClient, job: Job) -> None:
    answer = accepted(job)
    assert (answer.status_code, answer.headers["Location"], answer.headers["Retry-After"]) == (
        202, f"/v1/jobs/{job.uuid}", "1",
    )  # fmt: skip
    assert json.loads(to_json(answer.data)) == api.get(answer.headers["Location"]).json()
