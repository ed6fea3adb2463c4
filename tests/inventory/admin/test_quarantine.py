"""Staff decide in the admin what becomes of a retired installation's queue."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from devices.models import Device, Standing
from devices.services.enrollment import Enrolled
from devices.services.standing import set_standing
from inventory.models import Case, Task
from tests import factories


@pytest.fixture
def case(api: APIClient, enrolled: Enrolled, device: Device) -> Case:
    """One queued task of an installation that drains."""
    standing = Standing.DRAINING
    set_standing(device=device, actor=factories.TESTER, standing=standing, installation=enrolled.installation)
    op = {"op_id": str(uuid4()), "op": "create", "table": "tasks", "id": str(uuid4()), "data": {"title": "Late"}}
    answer = api.post("/v1/sync/push", {"ops": [op]}).json()
    assert answer["results"][0]["internal_code"] == "sync_quarantined"
    return Case.objects.get(kind=Case.Kind.QUARANTINE)


def do(boss: Client, case: Case, name: str) -> Any:
    address = reverse("admin:inventory_case_do", args=[case.pk, name])
    response = boss.post(address, {"confirmed": "yes"}, follow=True)
    case.refresh_from_db()
    return response


def test_accepting_carries_the_queue_out(boss: Client, case: Case) -> None:
    assert not Task.objects.exists()
    do(boss, case, "accept")
    assert (case.state, case.resolution) == ("resolved", "accepted: 1 applied")
    assert Task.objects.get().title == "Late"
    do(boss, case, "accept")  # again: closed, nothing happens twice
    assert Task.objects.count() == 1


def test_discarding_keeps_the_evidence_only(boss: Client, case: Case) -> None:
    do(boss, case, "discard")
    assert (case.state, case.resolution) == ("waived", "discarded")
    assert case.evidence["ops"][0]["data"] == {"title": "Late"}
    assert not Task.objects.exists()


def test_other_cases_have_no_such_buttons(boss: Client, device: Device, case: Case) -> None:
    unknown = factories.make_case(device)
    change = boss.get(reverse("admin:inventory_case_change", args=[unknown.pk])).content.decode()
    assert "Accept operations" not in change
    change = boss.get(reverse("admin:inventory_case_change", args=[case.pk])).content.decode()
    assert "Accept operations" in change
