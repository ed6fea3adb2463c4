"""Push of text that no database takes: the fault of one operation, not of the queue behind it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from devices.models import Device, Standing
from devices.services.enrollment import Enrolled
from devices.services.standing import set_standing
from inventory.models import Case, Task
from inventory.services.sync.quarantine import accept_quarantine
from tests import factories
from tests.inventory.sync.ops import contents, op, push


def test_half_an_emoji_in_one_operation_does_not_block_the_queue(api: APIClient, device: Device) -> None:
    bad, good = op("create", "tasks", {"title": "HALF"}), op("create", "tasks", {"title": "good"})
    raw = json.dumps({"ops": [bad, good]}).replace("HALF", "\\ud83d")
    for key, statuses in (("1", ["rejected", "applied"]), ("2", ["duplicate", "duplicate"])):
        headers = {"Idempotency-Key": key}
        response = api.post("/v1/sync/push", raw, content_type="application/json", headers=headers)
        assert response.status_code == 200, response.json()
        found = response.json()["results"]
        assert [result["status"] for result in found] == statuses
        assert found[0]["internal_code"] == "bad_text"
    assert [task.title for task in Task.objects.all()] == ["good"]


@pytest.mark.parametrize(
    "body",
    [
        {"base": "\x00", "ops": []},
        {"\x00": 1, "ops": [{"op_id": "x"}]},
        {"ops": ["\x00"]},
        {"ops": "\x00"},
        ["\x00"],
    ],
)
def test_text_outside_an_operation_is_refused_as_everywhere(api: APIClient, device: Device, body: Any) -> None:
    before = contents(device)
    response = api.post("/v1/sync/push", body)
    assert (response.status_code, response.json()["internal_code"]) == (400, "bad_text")
    assert contents(device) == before


def test_text_that_cannot_be_stored_waits_for_the_staff_mended(
    api: APIClient, enrolled: Enrolled, device: Device
) -> None:
    set_standing(device=device, actor=factories.TESTER, standing=Standing.DRAINING, installation=enrolled.installation)
    push(api, op("create", "tasks", {"title": "a\x00b"}), op("create", "tasks", {"title": "good"}))
    results = accept_quarantine(Case.objects.for_device(device).get(), actor=factories.TESTER)
    assert [result.status for result in results] == ["applied", "applied"]
    assert set(Task.objects.values_list("title", flat=True)) == {"a\ufffdb", "good"}
