"""Past the horizon tombstone and verdict are gone; the events still know, so old replays bring nothing back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from devices.models import Device, Operation
from inventory.models import Barcode, Product, Task
from inventory.services.products import delete_product, update_product
from inventory.services.sync.horizon import purge_horizon
from inventory.services.tasks import delete_task, restore_task
from tests import factories
from tests.inventory.sync import melon
from tests.inventory.sync.ops import contents, head, op, push, push_one


def forget(device: Device) -> None:
    """Everything is past the horizon."""
    while purge_horizon(device=device, before=timezone.now() + timedelta(days=1)):
        pass
    assert not Operation.objects.filter(device=device).exists()


def numbered(ops: list[dict[str, Any]], start: int) -> list[dict[str, Any]]:
    return [{**each, "sequence": start + index} for index, each in enumerate(ops)]


def answers(answer: dict[str, Any]) -> list[tuple[str, bool]]:
    """(status, whether there is a row) of each."""
    return [(result["status"], result["row"] is not None) for result in answer["results"]]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("start", [1, None], ids=["numbered", "unnumbered"])
def test_a_create_that_comes_again_brings_nothing_back(
    api: APIClient, device: Device, count: int, start: int | None
) -> None:
    ops = [op("create", "tasks", {"title": f"Task {number}"}) for number in range(count)]
    ops = numbered(ops, start) if start else ops
    push(api, *ops)
    for task in Task.objects.all():
        delete_task(task, actor=factories.TESTER)
    forget(device)
    assert not Task.all_objects.exists()
    before, at = contents(device)[:2], head(device)
    for _ in range(2):
        assert answers(push(api, *ops)) == [("duplicate", False)] * count
        assert (contents(device)[:2], head(device)) == (before, at)
    assert not Task.all_objects.exists()


def test_a_batch_of_old_and_new_creates(api: APIClient, device: Device) -> None:
    old = op("create", "tasks", {"title": "Old"})
    push(api, old)
    delete_task(Task.objects.get(), actor=factories.TESTER)
    forget(device)
    fresh = [op("create", "tasks", {"title": f"New {number}"}) for number in range(4)]
    found = answers(push(api, *fresh[:2], old, *fresh[2:]))
    assert found == [("applied", True)] * 2 + [("duplicate", False)] + [("applied", True)] * 2
    assert Task.all_objects.count() == 4


@pytest.mark.parametrize("count", [1, 2])
def test_an_id_is_not_given_away_again(api: APIClient, device: Device, other: Device, count: int) -> None:
    """By another operation it is what it is while the tombstone stands: a conflict, now without the row."""
    rows = [factories.make_task(device) for _ in range(count)]
    for task in rows:
        delete_task(task, actor=factories.TESTER)
    forget(device)
    before = contents(device)[0]
    ops = [op("create", "tasks", {"title": "Again"}, id=task.uuid) for task in rows]
    results = push(api, *ops)["results"]
    assert [(r["status"], r["fields"], r["row"]) for r in results] == [("conflict", [], None)] * count
    assert contents(device)[0] == before
    response = api.post(
        "/v1/sync/push", {"ops": [op("create", "tasks", ops[0]["data"], id=rows[0].uuid)], "atomic": True}
    )
    assert (response.status_code, response.json()["internal_code"]) == (409, "sync_atomic_failed")
    # Ids belong to a device: what another one had once is no matter.
    foreign = factories.make_task(other)
    delete_task(foreign, actor=factories.TESTER)
    forget(other)
    assert push_one(api, "create", "tasks", {"title": "Mine"}, id=foreign.uuid)["status"] == "applied"


def test_numbered_edits_and_deletions_that_come_again_change_nothing(api: APIClient, device: Device) -> None:
    product, task = factories.make_product(device, name="A"), factories.make_task(device)
    ops = numbered(
        [op("update", "products", {"name": "B"}, id=product.uuid), op("delete", "tasks", id=task.uuid)], start=1
    )
    push(api, *ops)
    update_product(Product.objects.get(), actor=factories.TESTER, changes={"name": "C"})
    restore_task(Task.all_objects.get(), actor=factories.TESTER)
    forget(device)
    before, at = contents(device), head(device)
    results = push(api, *ops)["results"]
    assert [(r["status"], r["verdict"]) for r in results] == [("duplicate", "applied")] * 2
    assert results[0]["row"]["name"] == "C"
    assert results[1]["row"]["deleted_at"] is None
    assert (contents(device), head(device)) == (before, at)


def test_a_numbered_edit_of_what_is_gone_for_good(api: APIClient, device: Device) -> None:
    product = factories.make_product(device)
    edit = op("update", "products", {"name": "B"}, id=product.uuid, sequence=1)
    push(api, edit)
    delete_product(Product.objects.get(), actor=factories.TESTER)
    forget(device)
    assert answers(push(api, edit)) == [("duplicate", False)]
    assert push(api, {**edit, "op_id": str(uuid4()), "sequence": 2})["results"][0]["internal_code"] == "not_found"


def test_what_had_no_effect_is_tried_again(api: APIClient, device: Device) -> None:
    """A retry of what was told to retry, and whatever was refused, have left no events."""
    product = uuid4()
    early = op("create", "barcodes", {"value": "123", "product_id": str(product)}, sequence=1)
    odd = op("create", "unheard_of", {"title": "x"}, sequence=2)
    assert push(api, early, odd)["results"][0]["retryable"] is True
    factories.make_product(device, id=product)
    forget(device)
    results = push(api, early, odd)["results"]
    assert [result["status"] for result in results] == ["applied", "rejected"]
    assert Barcode.objects.get().value == "123"


def test_facts_meet_their_own_ids(api: APIClient, device: Device) -> None:
    data = {"product_id": str(factories.make_product(device).uuid), "kind": "receipt", "quantity": "1"}
    moves = [op("create", "stock_movements", data, sequence=number) for number in (1, 2)]
    push(api, *moves)
    forget(device)
    before = contents(device)[:2]
    assert answers(push(api, *moves)) == [("duplicate", True)] * 2
    assert contents(device)[:2] == before


def test_what_it_costs(api: APIClient, device: Device) -> None:
    """One query for a run of creates, one for all replays of a push; nothing for movements."""
    product = str(factories.make_product(device).uuid)

    def cost(start: int, table: str, data: dict[str, Any]) -> int:
        ops = [op("create", table, data, sequence=start + number) for number in range(3)]
        with CaptureQueriesContext(connection) as queries:
            push(api, *ops)
        return sum('FROM "devices_event"' in query["sql"] for query in queries)

    assert cost(1, "tasks", {"title": "x"}) == 1
    assert cost(4, "stock_movements", {"product_id": product, "kind": "receipt", "quantity": "1"}) == 0


# --- WatermelonDB ---
def test_watermelon_learns_of_a_deletion_that_was_forgotten(api: APIClient, device: Device) -> None:
    rows = [melon.raw(title="Made"), melon.raw(title="Made too")]
    melon.push(api, None, melon.created("tasks", *rows))
    for task in Task.objects.all():
        delete_task(task, actor=factories.TESTER)
    forget(device)
    last = melon.pull(api)["timestamp"]
    new = melon.raw(title="New")
    melon.push(api, last, melon.created("tasks", *rows, new))
    assert [task.title for task in Task.objects.all()] == ["New"]
    answer = melon.pull(api, last)
    assert sorted(answer["changes"]["tasks"]["deleted"]) == sorted(row["id"] for row in rows)
    assert {flag.evidence["id"] for flag in melon.flags(device)} == {row["id"] for row in rows}
    assert melon.flags(device)[0].evidence["reasons"] == ["it was deleted long ago"]


@pytest.mark.parametrize("kept", ["alive", "deleted", "gone"])
def test_watermelon_and_a_child_that_was_forgotten(api: APIClient, device: Device, kept: str) -> None:
    product = factories.make_product(device)
    barcode = melon.raw(product_id=str(product.uuid), value="4006381333931")
    melon.push(api, None, melon.created("barcodes", barcode))
    if kept == "deleted":  # the ledger keeps its tombstone
        factories.make_movement(device, product_id=product.uuid)
    gone = f"/v1/barcodes/{barcode['id']}" if kept == "alive" else f"/v1/products/{product.uuid}"
    assert api.delete(gone).status_code == 204
    forget(device)
    assert not Barcode.all_objects.exists()
    last = melon.pull(api)["timestamp"]
    melon.push(api, last, melon.created("barcodes", barcode))
    assert not Barcode.objects.exists()
    assert Product.objects.filter(name="Unknown product").count() == 0
    shown = melon.pull(api, last)["changes"]["barcodes"]["deleted"]
    assert shown == ([] if kept == "gone" else [barcode["id"]])
