"""Jobs in the admin: how far they are, their files, what a proof found; and schedules that ask for any kind."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from devices.models import Device, User
from inventory.jobs.scheduled import request
from inventory.models import Artifact, Job
from inventory.services.artifacts import save_artifact
from inventory.services.job_kinds import KINDS, JobKind, register_kind
from inventory.services.job_parameters import whole
from inventory.services.job_runs import JobRun, lease_job
from tests.factories import make_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(device: Device) -> Job:
    return make_job(device)


@pytest.fixture
def run(job: Job) -> JobRun:
    found = lease_job(job.uuid)
    assert found is not None
    return found


def address(page: str, *args: Any) -> str:
    return reverse(f"admin:inventory_job_{page}", args=args)


def test_a_page_tells_how_far_a_job_is(boss: Client, job: Job, run: JobRun) -> None:
    url = address("progress", job.pk)
    with run.effect():
        run.progress(25, total=200, message="<b>rows</b>")
    answer = boss.get(url)
    assert answer.json() == {
        "status": "Running", "message": "<b>rows</b>", "progress": "25 of 200 (12 %)", "percent": 12, "ended": False,
    }  # fmt: skip
    assert "no-store" in answer.headers["Cache-Control"]
    page = boss.get(address("change", job.pk)).content.decode()
    assert f'data-url="{url}" data-ended="no"' in page
    assert "width: 12%" in page
    assert "&lt;b&gt;rows&lt;/b&gt;" in page
    assert "countonme/job.js" in page
    run.succeed()
    assert (boss.get(url).json()["percent"], boss.get(url).json()["ended"]) == (100, True)
    assert 'data-ended="yes"' in boss.get(address("change", job.pk)).content.decode()


def test_a_job_without_a_total_has_no_percent(boss: Client, job: Job) -> None:
    assert boss.get(address("progress", job.pk)).json()["progress"] == "–"
    Job.objects.update(done=7)
    assert (boss.get(address("progress", job.pk)).json()["progress"], job.total) == ("7", None)


def test_staff_download_the_files_of_a_job(boss: Client, job: Job, run: JobRun) -> None:
    artifact = save_artifact(run, name="Zählung.csv", media_type="text/html", file=BytesIO(b"<script>"))
    url = address("file", job.pk, artifact.uuid)
    page = boss.get(address("change", job.pk)).content.decode()
    assert url in page
    assert "Zählung.csv" in page
    answer = boss.get(url, headers={"Range": "bytes=1-6"})
    assert (answer.status_code, answer.getvalue()) == (206, b"script")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert boss.get(url, headers={"Range": "bytes=99-"}).status_code == 416
    Artifact.objects.update(expires_at=timezone.now())
    gone = boss.get(url)
    assert (gone.status_code, b"past its time" in gone.content) == (410, True)
    assert url not in boss.get(address("change", job.pk)).content.decode()


def test_pages_that_are_not_there(boss: Client, job: Job, other: Device, run: JobRun) -> None:
    artifact = save_artifact(run, name="a.csv", media_type="text/csv", file=BytesIO(b"a"))
    foreign = make_job(other)
    for url in (
        address("progress", 999_999), address("file", job.pk, uuid4()), address("file", foreign.pk, artifact.uuid),
    ):  # fmt: skip
        assert boss.get(url).status_code == 404


def test_only_who_may_see_jobs_sees_them(client: Client, job: Job, run: JobRun) -> None:
    artifact = save_artifact(run, name="a.csv", media_type="text/csv", file=BytesIO(b"a"))
    urls = (address("progress", job.pk), address("file", job.pk, artifact.uuid))
    assert [client.get(url).status_code for url in urls] == [302, 302]
    clerk = User.objects.create_user(username="clerk", password="x", is_staff=True)
    client.force_login(clerk)
    assert [client.get(url).status_code for url in urls] == [403, 403]
    clerk.user_permissions.add(Permission.objects.get(codename="view_job"))
    client.force_login(User.objects.get(pk=clerk.pk))
    answers = [client.get(url) for url in urls]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].getvalue() == b"a"


@pytest.mark.parametrize(
    ("status", "result", "said"),
    [
        ("succeeded", {"drift": 0}, "No drift"),
        ("succeeded", {"drift": 1234}, "1,234 differ"),
        ("running", {"drift": 0}, "Running"),
        ("failed", None, "Failed"),
    ],
)
def test_what_a_proof_found_is_a_badge(boss: Client, job: Job, status: str, result: Any, said: str) -> None:
    Job.objects.update(status=status, result=result)
    assert said in boss.get(reverse("admin:index")).content.decode()
    assert said in boss.get(address("changelist")).content.decode()


# --- schedules ---
@pytest.fixture
def toy() -> Iterator[None]:
    register_kind(JobKind("toy", "Toy", lambda run: None, scope="any", parameters={"size": whole()}))
    yield
    del KINDS["toy"]


def ring(kwargs: dict[str, Any], schedule: str = "nightly") -> None:
    """As beat does: the task with the name of its schedule in the headers."""
    request.apply(kwargs=kwargs, headers={"periodic_task_name": schedule}, throw=True)


@pytest.mark.usefixtures("toy")
def test_a_schedule_asks_once_a_tick(device: Device, time_machine: Any) -> None:
    wish = {"kind": "toy", "parameters": {"size": 3}, "device": str(device.uuid)}
    time_machine.move_to("2026-03-01T10:00Z", tick=False)
    for _ in range(2):
        ring(wish)
    job = Job.objects.get()
    assert (job.kind, job.parameters, job.device, job.actor_id) == ("toy", {"size": 3}, device, "schedule")
    ring(wish, schedule="another")
    ring({**wish, "parameters": {"size": 4}})
    ring({**wish, "once_per": "hour"})
    assert Job.objects.count() == 4
    time_machine.move_to("2026-03-01T11:00Z", tick=False)
    ring(wish)
    ring({**wish, "once_per": "hour"})
    ring({**wish, "once_per": "minute"})
    assert Job.objects.count() == 6
    time_machine.move_to("2026-03-02T00:00Z", tick=False)
    ring(wish)
    assert Job.objects.count() == 7


@pytest.mark.usefixtures("toy")
def test_a_schedule_that_cannot_ask_is_logged(device: Device, caplog: pytest.LogCaptureFixture) -> None:
    ring({"kind": "toy", "parameters": {"size": 3}, "device": str(uuid4())})
    ring({"kind": "gone"})
    assert caplog.text.count("schedule 'nightly' cannot ask for") == 2
    assert not Job.objects.exists()


def save(boss: Client, kwargs: str, task: str = "inventory.jobs.request") -> Any:
    every = IntervalSchedule.objects.get_or_create(every=1, period="days")[0]
    form = {"name": "nightly", "task": task, "enabled": "on", "interval": every.pk, "kwargs": kwargs}
    return boss.post(reverse("admin:django_celery_beat_periodictask_add"), form)


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ("{}", "missing a required argument"),
        ('{"kind": "toy", "colour": 1}', "unexpected keyword argument"),
        ('{"kind": "gone"}', "is not one of"),
        ('{"kind": "toy"}', "This parameter is required"),
        ('{"kind": "toy", "parameters": {"size": "x"}}', "Give a whole number"),
        ('{"kind": "toy", "parameters": [1]}', "is an object"),
        ('{"kind": "toy", "parameters": {"size": 1}, "device": "x"}', "There is no device"),
        ('{"kind": "toy", "parameters": {"size": 1}, "once_per": "year"}', "once_per"),
    ],
)
def test_a_schedule_that_could_never_ask_is_not_saved(boss: Client, kwargs: str, said: str) -> None:
    answer = save(boss, kwargs)
    assert (answer.status_code, said in answer.content.decode()) == (200, True)
    assert not PeriodicTask.objects.filter(name="nightly").exists()


@pytest.mark.usefixtures("toy")
def test_a_schedule_that_can_ask_is_saved(boss: Client, device: Device) -> None:
    assert save(boss, f'{{"kind": "toy", "parameters": {{"size": 1}}, "device": "{device.uuid}"}}').status_code == 302
    row = PeriodicTask.objects.get(name="nightly")
    assert row.task == "inventory.jobs.request"


def test_a_task_without_arguments_takes_none(boss: Client) -> None:
    assert save(boss, '{"kind": "toy"}', "inventory.jobs.sweep").status_code == 200
    assert save(boss, "{}", "inventory.jobs.sweep").status_code == 302
