"""Jobs from the command line: done in the foreground, listed, shown, cancelled, retried."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from config.core.errors import Unavailable
from devices.models import Device
from inventory.errors import BarcodeTaken
from inventory.management.foreground import RunBar
from inventory.models import CatalogProduct, Job, Upload
from inventory.services.artifacts import save_artifact
from inventory.services.job_kinds import KINDS, JobKind, register_kind
from inventory.services.job_parameters import mapping, whole
from inventory.services.job_runs import JobRun, lease_job
from tests.factories import make_job
from tests.inventory.services.outside import Said, outside

CSV = b"code,product_name\n3017620422003,Nutella\n"


@pytest.fixture
def toy() -> Iterator[list[JobRun]]:
    """A kind that keeps its runs and does what `fail` says."""
    runs: list[JobRun] = []

    def build(run: JobRun) -> None:
        runs.append(run)
        for number in range(run.parameters["size"]):
            run.progress(number + 1, total=run.parameters["size"], message=f"[step] {number}")
        run.log("[done]")
        run.result["size"] = run.parameters["size"]
        if run.parameters.get("raise"):
            raise RAISED[run.parameters["raise"]["what"]]

    parameters = {"size": whole(about="how many %"), "raise": mapping(required=False)}
    register_kind(JobKind("ledger_toy", "Toy", build, parameters=parameters))
    yield runs
    del KINDS["ledger_toy"]


RAISED: dict[str, BaseException] = {
    "taken": BarcodeTaken(),
    "busy": Unavailable("Busy."),
    "ctrl-c": KeyboardInterrupt(),
}


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_a_job_is_done_here(toy: list[JobRun], device: Device) -> None:
    said = run("run_job", "ledger_toy", "--device", str(device.uuid), "--param", "size=3")
    job = Job.objects.get()
    assert (job.status, job.actor_id, job.result, job.device) == (
        Job.Status.SUCCEEDED, "run_job", {"size": 3}, device,
    )  # fmt: skip
    assert "[step] 2" in said
    assert "3/3" in said
    assert "[done]" in said
    assert '"size": 3' in said


def test_the_bar_follows_the_run(device: Device) -> None:
    found = lease_job(make_job(device).uuid)
    assert found is not None
    bar = RunBar(found)
    found.done, found.total, found.message = 2, 5, "two"
    task = bar.__rich__().tasks[0]
    assert (task.description, task.completed, task.total) == ("two", 2, 5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--param", "size"], "name=value"),
        (["--param", "size=1", "--param", "raise={x"], "not JSON"),
        (["--param", "size=x"], "size: Give a whole number"),
        (["--param", "colour=red"], "colour: unknown"),
        ([], "size: This parameter is required"),
        (["--device", str(uuid4())], "no device"),
    ],
)
def test_what_cannot_be_asked_for(toy: list[JobRun], device: Device, arguments: list[str], said: str) -> None:
    if "--device" not in arguments:
        arguments = ["--device", str(device.uuid), *arguments]
    with pytest.raises(CommandError, match=said):
        run("run_job", "ledger_toy", *arguments)
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("what", "status", "said"),
    [("taken", "failed", "Failed: Another"), ("busy", "queued", "Queued"), ("ctrl-c", "cancelled", "Stopped")],
)
def test_one_that_does_not_succeed(toy: list[JobRun], device: Device, what: str, status: str, said: str) -> None:
    arguments = ("--device", str(device.uuid), "--param", "size=1", "--param", f'raise={{"what": "{what}"}}')
    with pytest.raises(CommandError, match=said):
        run("run_job", "ledger_toy", *arguments)
    assert Job.objects.get().status == status


def test_jobs_are_listed_and_shown(device: Device, other: Device) -> None:
    job, foreign = make_job(device), make_job(other)
    found = lease_job(job.uuid)
    assert found is not None
    save_artifact(found, name="a.csv", media_type="text/csv", file=BytesIO(b"x"))
    found.log("[hello]")
    found.progress(5, total=2000)
    found.result["a"] = 1
    found.fail(BarcodeTaken())
    listed = run("jobs")
    assert str(job.uuid) in listed
    assert str(foreign.uuid) in listed
    assert "5 of 2,000" in listed
    for arguments in (("--device", str(other.uuid)), ("--status", "queued"), ("--limit", "1")):
        assert str(job.uuid) not in run("jobs", "list", *arguments), arguments
    assert str(job.uuid) in run("jobs", "list", "--kind", "ledger_proof")
    shown = run("jobs", "show", str(job.uuid))
    for text in ("[hello]", '"a": 1', "barcode_taken", "a.csv (1 bytes)"):
        assert text in shown


def test_jobs_are_cancelled_and_retried(device: Device) -> None:
    job = make_job(device)
    assert "is cancelled." in run("jobs", "cancel", str(job.uuid))
    assert "is queued." in run("jobs", "retry", str(job.uuid))
    lease_job(job.uuid)
    assert "is running, and asked to stop." in run("jobs", "cancel", str(job.uuid))
    with pytest.raises(CommandError, match="Only a failed"):
        run("jobs", "retry", str(job.uuid))
    with pytest.raises(CommandError, match="no job"):
        run("jobs", "show", str(uuid4()))


def test_the_catalogue_is_refreshed_from_a_file_and_a_url(db: None, tmp_path: Path, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 10  # holds for others
    (tmp_path / "c.csv").write_bytes(CSV)
    assert '"created": 1' in run("sync_external_data", str(tmp_path / "c.csv"), "--source", "Ours")
    assert str(CatalogProduct.objects.get().source) == "Ours"
    settings.OUTBOUND_NETWORKS = ["127.0.0.1"]
    with outside(lambda heard: Said(200, CSV)) as site:
        assert '"updated": 1' in run("sync_external_data", site.url)  # another source has it now
    assert Upload.objects.count() == 1


def test_a_file_that_cannot_be_read(db: None, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(CommandError, match="No such file"):
        run("sync_external_data", str(tmp_path / "missing"))
    with pytest.raises(CommandError, match="empty"):
        run("sync_external_data", str(tmp_path / "empty"))
    with pytest.raises(CommandError, match="private address"):
        run("sync_external_data", "http://127.0.0.1/")
    assert not Job.objects.exists()
