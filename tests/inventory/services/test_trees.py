"""Trees of categories and locations: no loops, no endless depth."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from devices.models import Device
from inventory.errors import TreeTooDeep
from inventory.services.trees import MAX_DEPTH, branch
from tests import factories

TREES = [("categories", factories.make_category), ("locations", factories.make_location)]
both = pytest.mark.parametrize(("path", "make"), TREES, ids=["categories", "locations"])


def chain(device: Device, make: Any, length: int) -> list[Any]:
    rows: list[Any] = []
    for _ in range(length):
        rows.append(make(device, parent_id=rows[-1].uuid if rows else None))
    return rows


@both
def test_a_row_may_not_lie_below_itself(api: APIClient, device: Device, path: str, make: Any) -> None:
    top, middle, below = rows = chain(device, make, 3)
    before = [row.revision for row in rows]
    for row, parent in ((top, top), (top, middle), (top, below), (middle, below)):
        answer = api.patch(f"/v1/{path}/{row.uuid}", {"parent_id": str(parent.uuid)})
        assert (answer.status_code, answer.json()["internal_code"]) == (422, "tree_has_a_loop")
    for row in rows:
        row.refresh_from_db()
    assert [row.revision for row in rows] == before
    assert [row.parent for row in rows] == [None, top, middle]


@both
def test_a_branch_may_move_and_become_a_tree(api: APIClient, device: Device, path: str, make: Any) -> None:
    top, middle, below = chain(device, make, 3)
    elsewhere = make(device)
    moved = api.patch(f"/v1/{path}/{middle.uuid}", {"parent_id": str(elsewhere.uuid)})
    assert moved.json()["parent_id"] == str(elsewhere.uuid)
    assert [row.uuid for row in branch(elsewhere)] == [middle.uuid, below.uuid]
    assert branch(top) == []
    freed = api.patch(f"/v1/{path}/{middle.uuid}", {"parent_id": None})
    assert freed.json()["parent_id"] is None
    filtered = api.get(f"/v1/{path}?parent={middle.uuid}").json()["results"]
    assert [row["id"] for row in filtered] == [str(below.uuid)]


@both
def test_a_tree_has_at_most_64_levels(api: APIClient, device: Device, path: str, make: Any) -> None:
    deepest = chain(device, make, MAX_DEPTH)[-1]
    body = {"name": "one more", "parent_id": str(deepest.uuid)}
    refused = api.post(f"/v1/{path}", body)
    assert (refused.status_code, refused.json()["internal_code"]) == (422, "tree_too_deep")
    pair = chain(device, make, 2)
    for parent, expected in ((deepest, 422), (deepest.parent, 422), (deepest.parent.parent, 200)):
        answer = api.patch(f"/v1/{path}/{pair[0].uuid}", {"parent_id": str(parent.uuid)})
        assert answer.status_code == expected, answer.content
    with pytest.raises(TreeTooDeep):
        make(device, parent_id=pair[1].uuid)
