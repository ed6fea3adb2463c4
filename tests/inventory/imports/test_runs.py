"""Runs across chunks: what a dry run planned, what breaks off, what is done twice, and what others do meanwhile."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.utils import timezone
from rest_framework.test import APIClient

from devices.models import Device, Feed
from inventory.jobs import runner
from inventory.models import ImportRow, ImportSession, Job, Location, Product, StockMovement
from inventory.services.imports import runs
from inventory.services.locations import update_location
from tests import factories


def make(device: Device, kind: str, content: str, **more: Any) -> ImportSession:
    return factories.make_import(device, kind=kind, upload=factories.make_upload(device, content.encode()), **more)


def do(api: APIClient, session: ImportSession, what: str) -> dict[str, Any]:
    answer = api.post(f"/v1/imports/{session.uuid}/{what}")
    assert answer.status_code == 202, answer.json()
    runner.run(answer.json()["id"])
    job: dict[str, Any] = api.get(f"/v1/jobs/{answer.json()['id']}").json()
    return job


def outcomes(session: ImportSession) -> list[tuple[str, str]]:
    return list(ImportRow.objects.filter(session=session).order_by("number").values_list("outcome", "internal_code"))


@pytest.fixture
def _one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "CHUNK", 1)


@pytest.mark.usefixtures("_one_by_one")
def test_a_line_may_refer_to_one_of_an_earlier_chunk(device: Device, api: APIClient) -> None:
    """A dry run has rolled that one back, and judges as if it were there."""
    hall, rack = uuid4(), uuid4()
    session = make(device, "locations", f"id,name,parent_id\n{hall},Hall,\n{rack},Rack,{hall}\n")
    for what in ("dry-run", "apply"):
        assert do(api, session, what)["status"] == "succeeded"
        assert outcomes(session) == [("created", ""), ("created", "")]
        assert Location.objects.filter(uuid__in=(hall, rack)).count() == (0 if what == "dry-run" else 2)
    assert Location.objects.get(uuid=rack).parent.uuid == hall


@pytest.mark.usefixtures("_one_by_one")
def test_a_reversal_may_follow_its_movement(device: Device, api: APIClient) -> None:
    factories.make_product(device, sku="A")
    receipt, mirror = uuid4(), uuid4()
    content = (
        "id,product,quantity,date,kind,from_location,to_location,reverses_id\n"
        f"{receipt},A,5,2027-01-01,receipt,,Hall,\n"
        f"{mirror},A,5,2027-01-02,issue,Hall,,{receipt}\n"
    )
    session = make(device, "movements", content)
    assert do(api, session, "dry-run")["status"] == "succeeded"
    assert outcomes(session) == [("created", ""), ("created", "")]
    assert not StockMovement.objects.exists()
    assert do(api, session, "apply")["status"] == "succeeded"
    assert StockMovement.objects.get(uuid=mirror).reverses.uuid == receipt
    assert Product.objects.with_stock().get().on_hand == 0


def test_a_place_that_somebody_edits_after_the_dry_run_stays(device: Device, api: APIClient) -> None:
    place = factories.make_location(device, name="Hall", code="H")
    session = make(device, "locations", "code,name\nH,Store\n")
    do(api, session, "dry-run")
    update_location(place, actor=factories.TESTER, changes={"name": "Yard"})
    do(api, session, "apply")
    assert outcomes(session) == [("error", "import_changed_meanwhile")]
    assert Location.objects.get(code="H").name == "Yard"


def test_a_file_that_breaks_off_where_a_chunk_ends(
    device: Device, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "CHUNK", 2)
    lines = "".join(f"P{number},Cup\n" for number in range(400))
    session = make(device, "products", f"sku,name\n{lines}" + f"Q,{'x' * 1_100_000}\n")
    job = do(api, session, "dry-run")
    assert (job["status"], job["internal_code"]) == ("failed", "import_unreadable")
    assert ImportRow.objects.filter(session=session).count() == 400
    assert not Product.objects.exists()


def test_an_attempt_that_goes_on_passes_over_lines_that_were_refused(
    device: Device, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "CHUNK", 2)
    session = make(device, "products", "sku,name,reorder_level\nA,Cup,many\nB,Pot,1\nC,Jar,1\nB,Lid,1\n")
    do(api, session, "dry-run")
    work, calls = runs.ImportRun.work, []

    def dying(self: runs.ImportRun, rows: Any) -> Any:
        calls.append(rows)
        if len(calls) == 2:
            raise RuntimeError("the machine is gone")
        return work(self, rows)

    monkeypatch.setattr(runs.ImportRun, "work", dying)
    assert do(api, session, "apply")["status"] == "failed"
    assert len(outcomes(session)) == 2
    assert do(api, session, "apply")["status"] == "succeeded"
    assert outcomes(session) == [
        ("error", "import_not_a_quantity"), ("created", ""), ("created", ""), ("skipped", "import_repeated"),
    ]  # fmt: skip
    assert set(Product.objects.values_list("sku", "name")) == {("B", "Pot"), ("C", "Jar")}


def test_an_import_that_was_applied_already_is_told_and_not_done_again(device: Device, api: APIClient) -> None:
    """The worker died between the last line and the end of its job: another one finds everything done."""
    session = make(device, "stock", "product,quantity\nA,5\n")
    do(api, session, "dry-run")
    job = do(api, session, "apply")
    head = Feed.objects.get(device=device).head
    Job.objects.filter(uuid=job["id"]).update(status="queued", result=None, finished_at=None)
    runner.run(job["id"])
    again = api.get(f"/v1/jobs/{job['id']}").json()
    assert (again["status"], again["result"]) == ("succeeded", job["result"])
    assert (Feed.objects.get(device=device).head, StockMovement.objects.count()) == (head, 1)


def test_a_busy_database_is_no_verdict_on_the_lines(
    device: Device, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = make(device, "products", "sku,name\nA,Cup\n")
    work = runs.ImportRun._work

    def busy(self: runs.ImportRun, rows: Any) -> Any:
        raise OperationalError("database is locked")

    monkeypatch.setattr(runs.ImportRun, "_work", busy)
    job = do(api, session, "dry-run")
    assert (job["status"], outcomes(session)) == ("queued", [])
    monkeypatch.setattr(runs.ImportRun, "_work", work)
    Job.objects.update(run_at=timezone.now())
    runner.run(job["id"])
    assert outcomes(session) == [("created", "")]
    assert ImportSession.objects.get().status == "ready"


def test_a_file_that_is_gone_or_lacks_a_column_is_said(device: Device, api: APIClient) -> None:
    session = make(device, "products", "sku,name\nA,Cup\n")
    ImportSession.objects.filter(pk=session.pk).update(mapping={"sku": "sku", "name": "title"})
    job = do(api, session, "dry-run")
    assert (job["status"], job["internal_code"]) == ("failed", "import_unreadable")
    assert "There is no column 'title'; the file has 'sku', 'name'." in str(job)
    ImportSession.objects.filter(pk=session.pk).update(upload=None)
    job = do(api, session, "dry-run")
    assert (job["status"], job["internal_code"]) == ("failed", "file_gone")
    assert outcomes(session) == []
