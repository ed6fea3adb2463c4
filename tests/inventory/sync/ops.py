"""Operations to push, and what comes back."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.apps import apps
from rest_framework.test import APIClient

from devices.models import Device, DeviceOwnedModel, Event, Feed, Operation

MODELS = tuple(model for model in apps.get_models() if issubclass(model, DeviceOwnedModel))


def op(kind: str, table: str, data: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """One operation with fresh ids; `members` add to or replace what it has."""
    found = {"op_id": str(uuid4()), "op": kind, "table": table, "id": str(uuid4())}
    return found | ({} if data is None else {"data": data}) | {name: _plain(value) for name, value in members.items()}


def _plain(value: Any) -> Any:
    return value if isinstance(value, dict | int | list) or value is None else str(value)


def push(api: APIClient, *ops: dict[str, Any], **body: Any) -> Any:
    """The answer to a push that must be 200."""
    response = api.post("/v1/sync/push", {"ops": list(ops), **body})
    assert response.status_code == 200, response.json()
    return response.json()


def push_one(api: APIClient, *args: Any, **members: Any) -> dict[str, Any]:
    """The result of a single operation."""
    result: dict[str, Any] = push(api, op(*args, **members))["results"][0]
    return result


def pull(api: APIClient, cursor: str | None = None, **query: Any) -> Any:
    """One page that must be 200."""
    response = api.get("/v1/sync/changes", query | ({"cursor": cursor} if cursor else {}))
    assert response.status_code == 200, response.json()
    return response.json()


def stands(cursor: str) -> tuple[int, int, int]:
    """(the feed's epoch, seq, base) of a cursor."""
    version, epoch, seq, base = map(int, cursor.split("."))
    assert version == 1
    return epoch % 10_000, seq, base


def pull_all(api: APIClient, cursor: str | None = None, **query: Any) -> tuple[list[dict[str, Any]], Any]:
    """Every change since the cursor, and the last page."""
    changes: list[dict[str, Any]] = []
    while True:
        page = pull(api, cursor, **query)
        changes += page["changes"]
        cursor = page["cursor"]
        if not page["has_more"]:
            return changes, page


def contents(device: Device) -> Any:
    """All that a push could change: every row of every table, the events and the verdicts (not the head)."""
    rows = {
        model._meta.db_table: list(model.all_objects.for_device(device).order_by("pk").values()) for model in MODELS
    }
    verdicts = list(Operation.objects.filter(device=device).order_by("pk").values())
    return rows, Event.objects.for_device(device).count(), verdicts


def head(device: Device) -> int:
    return Feed.objects.get(pk=device.pk).head
