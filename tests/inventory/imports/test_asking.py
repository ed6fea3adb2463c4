"""What an import is asked to do, and how its file is to be read; where it makes no sense nothing changes."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from devices.models import Device
from inventory.jobs import runner
from inventory.models import ImportRow, ImportSession, Job
from tests import factories


@pytest.mark.parametrize("what", ["dry-run", "apply", "revert"])
def test_nothing_more_is_asked_while_a_job_is_not_over(device: Device, api: APIClient, what: str) -> None:
    session = factories.make_import(device)
    job = api.post(f"/v1/imports/{session.uuid}/dry-run").json()
    answer = api.post(f"/v1/imports/{session.uuid}/{what}")
    assert (answer.status_code, answer.json()["internal_code"]) == (409, "import_state")
    assert "import_dry_run) is not over" in answer.json()["detail"]
    late = api.patch(f"/v1/imports/{session.uuid}", {"mapping": {"sku": "name"}}, format="json")
    assert (late.status_code, late.json()["internal_code"]) == (409, "import_state")
    assert str(Job.objects.get().uuid) == job["id"]
    session.refresh_from_db()
    assert (session.status, session.mapping) == ("draft", {"sku": "sku", "name": "name"})


@pytest.mark.parametrize(
    "reading",
    [
        {"format": "csv"},
        {"odd": 1},
        {"encoding": ["utf-8"]},
        {"header_line": True},
        {"header_line": -1},
        {"header_line": 1_000_001},
        {"columns": "sku"},
        {"columns": [["sku"]]},
        ["sku"],
    ],
)
def test_what_says_nothing_about_a_file_is_refused(device: Device, api: APIClient, reading: Any) -> None:
    refuse(device, api, {"reading": reading})


@pytest.mark.parametrize("mapping", [None, [], "sku"])
def test_what_is_no_mapping_is_refused(device: Device, api: APIClient, mapping: Any) -> None:
    refuse(device, api, {"mapping": mapping})


def refuse(device: Device, api: APIClient, change: dict[str, Any]) -> None:
    """See it refused for a new import and for one that is there, which stays as it is."""
    upload = factories.make_upload(device)
    session = factories.make_import(device, upload=upload)
    for answer in (
        api.patch(f"/v1/imports/{session.uuid}", change, format="json"),
        api.post("/v1/imports", {"upload_id": str(upload.uuid), **change}, format="json"),
    ):
        assert (answer.status_code, answer.json()["internal_code"]) == (422, "validation_failed"), answer.json()
    kept = ImportSession.objects.get()
    assert (kept.reading, kept.mapping) == (session.reading, session.mapping)


def test_a_header_line_of_null_is_found_out(device: Device, api: APIClient) -> None:
    session = factories.make_import(device, upload=factories.make_upload(device, b"Goods,\nsku,name\nA,Cup\n"))
    found = [
        api.patch(f"/v1/imports/{session.uuid}", {"reading": {"header_line": line}}, format="json").json()
        for line in (1, 2, None)
    ]
    assert [answer["reading"]["header_line"] for answer in found] == [1, 2, session.reading["header_line"]]
    assert [answer["columns"] for answer in found[1:]] == [["sku", "name"], session.columns]


def test_a_verdict_is_called_by_its_line(device: Device, api: APIClient) -> None:
    session = factories.make_import(device, upload=factories.make_upload(device, b"sku,name\nA,Cup\n,\n"))
    runner.run(api.post(f"/v1/imports/{session.uuid}/dry-run").json()["id"])
    names = [str(row) for row in ImportRow.objects.filter(session=session).order_by("number")]
    assert names[0] == "line 2: created"
