"""A WatermelonDB client without the library: what it sends and reads, as plain calls."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from rest_framework.test import APIClient

from devices.models import Feed
from inventory.models import Case

PATH = "/v1/sync/watermelon"


def pull(api: APIClient, last: Any = None, **query: Any) -> Any:
    """The answer of a pull that must succeed, numbers with all their digits."""
    response = api.get(PATH, {"last_pulled_at": "null" if last is None else last, **query})
    assert response.status_code == 200, response.content
    return json.loads(response.content, parse_float=str)


def push(api: APIClient, last: Any, changes: Any, status: int = 200, content_type: str = "text/plain") -> Any:
    """The answer of a push, as the library's own example sends it."""
    body = changes if isinstance(changes, str | bytes) else json.dumps(changes)
    query = urlencode({"last_pulled_at": "null" if last is None else last})
    response: Any = api.generic("POST", f"{PATH}?{query}", body, content_type=content_type)
    assert response.status_code == status, response.content
    return response.json()


def created(table: str, *rows: dict[str, Any]) -> dict[str, Any]:
    return {table: {"created": list(rows), "updated": [], "deleted": []}}


def updated(table: str, *rows: dict[str, Any]) -> dict[str, Any]:
    return {table: {"created": [], "updated": list(rows), "deleted": []}}


def deleted(table: str, *ids: str) -> dict[str, Any]:
    return {table: {"created": [], "updated": [], "deleted": list(ids)}}


def raw(**columns: Any) -> dict[str, Any]:
    """A raw record with the library's own notes on it."""
    return {"id": str(uuid4()), "_status": "created", "_changed": "", **columns}


def row(answer: Any, table: str, id: Any) -> Any:
    """The raw record of a pull, or None."""
    return next((found for found in answer["changes"][table]["updated"] if found["id"] == str(id)), None)


def head(device: Any) -> int:
    return Feed.objects.get(device=device).head


def flags(device: Any) -> list[Case]:
    """The payload_conflict cases, oldest first."""
    return list(Case.objects.for_device(device).filter(kind="payload_conflict").order_by("id"))


def push_twice(api: APIClient, device: Any, last: Any, changes: Any) -> None:
    """Push, then push the very same again: the second time nothing may move."""
    push(api, last, changes)
    before = head(device)
    push(api, last, changes)
    assert head(device) == before
