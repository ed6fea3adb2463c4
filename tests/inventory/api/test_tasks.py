"""Tasks: done and not done, as often as somebody says so."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from devices.models import Device, Event
from inventory.models import Task
from tests import factories


def test_complete_and_reopen_are_idempotent(api: APIClient, device: Device) -> None:
    task = factories.make_task(device)
    path = f"/v1/tasks/{task.uuid}"
    before = timezone.now()
    done = api.post(f"{path}/complete")
    row = done.json()
    assert (done.status_code, row["completed"]) == (200, True)
    task.refresh_from_db()
    assert before <= task.completed_at <= timezone.now()
    assert api.post(f"{path}/complete").json() == row  # same revision, same time
    opened = api.post(f"{path}/reopen").json()
    assert (opened["completed"], opened["completed_at"]) == (False, None)
    assert opened["revision"] > row["revision"]
    assert api.post(f"{path}/reopen").json() == opened
    assert [event.action for event in Event.objects.about(task)] == ["reopened", "completed", "created"]


def test_completed_may_be_set_like_any_field_but_its_time_is_the_servers(api: APIClient, device: Device) -> None:
    made = api.post("/v1/tasks", {"title": "x", "completed": True}).json()
    assert made["completed_at"].endswith("Z")
    path = f"/v1/tasks/{made['id']}"
    assert api.patch(path, {"completed": False}).json()["completed_at"] is None
    assert api.patch(path, {"completed": True}).json()["completed_at"] >= made["completed_at"]
    assert api.put(path, {"title": "x"}).json()["completed"] is False  # a whole row without it is a task to do
    forged = api.patch(path, {"completed_at": "2020-01-01T00:00:00Z"})
    assert (forged.status_code, forged.json()["errors"][0]["code"]) == (422, "read_only_field")
    assert Task.objects.get().completed_at is None


def test_if_match_guards_complete(api: APIClient, device: Device) -> None:
    task = factories.make_task(device)
    api.patch(f"/v1/tasks/{task.uuid}", {"title": "y"})
    for verb in ("complete", "reopen"):
        late = api.post(f"/v1/tasks/{task.uuid}/{verb}", headers={"If-Match": f'"{task.revision}"'})
        assert (late.status_code, late.json()["internal_code"]) == (412, "revision_mismatch")
    task.refresh_from_db()
    assert task.completed is False


@pytest.mark.parametrize("priority", [0, 6, -1, "3", 2.5, True, None, 10**30, "high"])
def test_priority_is_1_to_5(api: APIClient, priority: Any) -> None:
    answer = api.post("/v1/tasks", {"title": "x", "priority": priority})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "priority")
    assert Task.objects.count() == 0


def test_a_task_has_a_default_priority_a_place_and_a_day(api: APIClient, device: Device, other: Device) -> None:
    place = factories.make_location(device)
    made = api.post("/v1/tasks", {"title": "x", "due_date": "2026-03-01", "location_id": str(place.uuid)}).json()
    assert (made["priority"], made["due_date"], made["location_id"]) == (3, "2026-03-01", str(place.uuid))
    foreign = api.patch(f"/v1/tasks/{made['id']}", {"location_id": str(factories.make_location(other).uuid)})
    assert (foreign.status_code, foreign.json()["internal_code"]) == (404, "reference_not_found")
    assert api.patch(f"/v1/tasks/{made['id']}", {"location_id": None}).json()["location_id"] is None


def test_filters_and_order(api: APIClient, device: Device) -> None:
    place = factories.make_location(device)
    first = factories.make_task(device, title="B", priority=1, due_date="2026-03-02", assignee="Ada")
    second = factories.make_task(device, title="A", priority=5, completed=True, location_id=place.uuid)
    third = factories.make_task(device, title="C", due_date="2026-03-01", description="ask Ada")
    for query, rows in {
        "completed=true": [second], "priority__lte=3&ordering=-priority": [third, first],
        "assignee__iexact=ADA": [first],
        f"location={place.uuid}": [second], "due_date__lte=2026-03-01": [third], "due_date__isnull=true": [second],
        "ordering=due_date": [third, first, second], "ordering=-due_date": [first, third, second],
        "ordering=title": [second, first, third], "search=ada": [first, third], "title__icontains=b": [first],
    }.items():  # fmt: skip
        shown = api.get(f"/v1/tasks?{query}").json()["results"]
        assert [row["id"] for row in shown] == [str(row.uuid) for row in rows], query
