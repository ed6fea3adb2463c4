"""An apply that breaks off goes on where it stood: every line counts exactly once."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from devices.models import Device
from inventory.jobs import runner
from inventory.models import ImportRow, ImportSession, Product, StockMovement
from inventory.services.imports import runs
from tests import factories

LINES = "".join(f"P{number},Cup {number},1\n" for number in range(7))


def ask(api: APIClient, session: ImportSession, what: str) -> str:
    answer = api.post(f"/v1/imports/{session.uuid}/{what}")
    assert answer.status_code == 202, answer.json()
    runner.run(answer.json()["id"])
    status: str = api.get(f"/v1/jobs/{answer.json()['id']}").json()["status"]
    return status


@pytest.mark.parametrize("breaks_at", [1, 2, 4])
def test_it_goes_on_after_the_last_chunk_that_was_committed(
    device: Device, api: APIClient, monkeypatch: pytest.MonkeyPatch, breaks_at: int
) -> None:
    content = f"product,product_name,quantity\n{LINES}".encode()
    session = factories.make_import(device, kind="stock", upload=factories.make_upload(device, content))
    monkeypatch.setattr(runs, "CHUNK", 2)
    assert ask(api, session, "dry-run") == "succeeded"
    work, calls = runs.ImportRun.work, []

    def dying(self: runs.ImportRun, rows: Any) -> Any:
        calls.append(rows)
        results = work(self, rows)
        if len(calls) == breaks_at:
            raise RuntimeError("the machine is gone")  # after the rows, before their commit
        return results

    monkeypatch.setattr(runs.ImportRun, "work", dying)
    assert ask(api, session, "apply") == "failed"
    assert StockMovement.objects.count() == ImportRow.objects.filter(session=session).count() == 2 * (breaks_at - 1)
    assert api.get(f"/v1/imports/{session.uuid}").json()["status"] == "failed"
    monkeypatch.setattr(runs.ImportRun, "work", work)
    assert ask(api, session, "apply") == "succeeded"
    shown = api.get(f"/v1/imports/{session.uuid}").json()
    assert (shown["status"], shown["summary"]["created"], shown["summary"]["made"]) == ("applied", 7, {"products": 7})
    assert StockMovement.objects.count() == Product.objects.count() == 7
    assert sorted(ImportRow.objects.values_list("number", flat=True)) == list(range(2, 9))
    assert ask(api, session, "revert") == "succeeded"
    assert not Product.objects.exists()
