"""Push as a whole: order, replays, all or nothing, limits (PROTOCOL §4)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from devices.models import Device, Event, Operation
from devices.services.enrollment import Enrolled, Wish, create_enrollment_code, register_device
from inventory.models import Category, Product, StockLevel, StockMovement, Task
from inventory.services.categories import delete_category
from inventory.services.products import update_product
from tests import factories
from tests.conftest import client_of, client_with
from tests.inventory.sync.ops import contents, head, op, pull_all, push


def titles(*names: str, start: int | None = None) -> list[dict[str, Any]]:
    """Creates of tasks, numbered from `start`."""
    numbers = [{} if start is None else {"sequence": start + index} for index in range(len(names))]
    return [op("create", "tasks", {"title": name}, **number) for name, number in zip(names, numbers, strict=True)]


def second_installation(device: Device) -> Enrolled:
    _, code = create_enrollment_code(actor=factories.TESTER, device=device)
    return register_device(Wish(enrollment_code=code))


def statuses(answer: dict[str, Any]) -> list[str]:
    return [result["status"] for result in answer["results"]]


# --- sequence ---
def test_sequences_are_contiguous_and_counted(api: APIClient, enrolled: Enrolled) -> None:
    assert push(api, *titles("a", "b", start=1))["next_sequence"] == 3
    assert push(api, *titles("c", start=3))["next_sequence"] == 4
    assert push(api, *titles("without"))["next_sequence"] == 4
    enrolled.installation.refresh_from_db()
    assert enrolled.installation.next_sequence == 4


@pytest.mark.parametrize("starts", [(2,), (5,), (1, 3), (1, 2, 4)])
def test_a_gap_refuses_the_whole_push(api: APIClient, device: Device, starts: tuple[int, ...]) -> None:
    ops = [titles(f"Task {start}", start=start)[0] for start in starts]
    before, at = contents(device), head(device)
    response = api.post("/v1/sync/push", {"ops": [*titles("unnumbered"), *ops]})
    assert response.status_code == 409
    body = response.json()
    assert (body["internal_code"], body["expected"]) == ("sync_sequence_gap", 1)
    assert contents(device) == before
    assert head(device) == at
    assert push(api, *titles("first", start=1))["next_sequence"] == 2


def test_lower_sequences_are_replays(api: APIClient) -> None:
    first, second, third = titles("a", "b", "c", start=1)
    push(api, first, second)
    answer = push(api, first, second, third)
    assert statuses(answer) == ["duplicate", "duplicate", "applied"]
    assert answer["next_sequence"] == 4


def test_a_rejected_operation_has_its_place_in_the_order(api: APIClient) -> None:
    bad = op("create", "tasks", {"titel": "typo"}, sequence=1)
    missing = op("create", "tasks", {"title": "x", "location_id": str(uuid4())}, sequence=2)
    answer = push(api, bad, missing)
    assert statuses(answer) == ["rejected", "rejected"]
    assert [result["retryable"] for result in answer["results"]] == [False, True]
    assert answer["next_sequence"] == 3


def test_every_installation_has_an_order_of_its_own(api: APIClient, device: Device) -> None:
    second = client_with(second_installation(device).token)
    assert push(api, *titles("a", "b", start=1))["next_sequence"] == 3
    assert push(second, *titles("c", start=1))["next_sequence"] == 2
    assert Task.objects.for_device(device).count() == 3


def test_a_user_may_name_the_installation_whose_queue_it_is(
    api: APIClient, enrolled: Enrolled, user: Any, other: Device
) -> None:
    device = enrolled.installation.device
    Device.objects.filter(pk=device.pk).update(owner=user)
    person = client_of(user, device)
    answer = push(person, *titles("a", start=1), replica_id=str(enrolled.installation.uuid))
    assert answer["next_sequence"] == 2
    assert push(person, *titles("b", start=77))["next_sequence"] is None
    for foreign in (other.installations.get().uuid, uuid4()):
        response = person.post("/v1/sync/push", {"replica_id": str(foreign), "ops": titles("c")})
        assert (response.status_code, response.json()["internal_code"]) == (404, "reference_not_found")
    assert Task.objects.count() == 2


def test_an_installation_speaks_for_itself_only(api: APIClient, enrolled: Enrolled) -> None:
    device = enrolled.installation.device
    sibling = second_installation(device).installation
    mine = str(enrolled.installation.uuid)
    assert push(api, *titles("a", start=1), replica_id=mine)["next_sequence"] == 2
    response = api.post("/v1/sync/push", {"replica_id": str(sibling.uuid), "ops": titles("b", start=1)})
    assert (response.status_code, response.json()["internal_code"]) == (404, "reference_not_found")
    assert Task.objects.for_device(device).count() == 1


# --- replays ---
def test_any_number_of_replays_changes_nothing(api: APIClient, device: Device) -> None:
    product = op("create", "products", {"name": "A"}, sequence=1)
    moves = [
        op("create", "stock_movements", {"product_id": product["id"], "kind": "receipt", "quantity": "2"}, sequence=n)
        for n in (2, 3)
    ]
    edit = op("update", "products", {"name": "B"}, id=product["id"], base={"name": "A"}, sequence=4)
    delete = op("delete", "tasks", id=factories.make_task(device).uuid, sequence=5)
    queue = [product, *moves, edit, delete]
    assert statuses(push(api, *queue)) == ["applied"] * 5
    before, at = contents(device), head(device)
    for again in (queue, queue[2:], [delete], queue * 3):
        answer = push(api, *again)
        assert {(result["status"], result["verdict"]) for result in answer["results"]} == {("duplicate", "applied")}
        assert (answer["head"], answer["next_sequence"]) == (at, 6)
    assert contents(device) == before
    assert StockLevel.objects.for_device(device).get().quantity == 4


def test_a_duplicate_shows_the_row_as_it_is_now(api: APIClient, device: Device) -> None:
    operation = op("create", "products", {"name": "A"})
    push(api, operation)
    product = Product.objects.get(uuid=operation["id"])
    update_product(product, actor=factories.TESTER, changes={"name": "B"})
    result = push(api, operation)["results"][0]
    assert (result["status"], result["row"]["name"]) == ("duplicate", "B")
    assert result["row"] == api.get(f"/v1/products/{operation['id']}").json()


@pytest.mark.parametrize("verdict", ["conflict", "rejected"])
def test_a_replay_tells_a_verdict_that_was_lost(api: APIClient, device: Device, verdict: str) -> None:
    product = factories.make_product(device, name="A")
    operation = op("update", "products", {"name": "C"}, id=product.uuid, base={"name": "Z"})
    if verdict == "rejected":
        operation = op("update", "products", {"nam": "C"}, id=product.uuid)
    assert statuses(push(api, operation)) == [verdict]
    result = push(api, operation)["results"][0]
    assert (result["status"], result["verdict"], result["row"]["name"]) == ("duplicate", verdict, "A")


def test_the_same_op_id_twice_in_one_push(api: APIClient) -> None:
    operation = titles("once")[0]
    assert statuses(push(api, operation, operation)) == ["applied", "duplicate"]
    assert Task.objects.count() == 1


@pytest.mark.parametrize(
    "other_content",
    [
        {"data": {"title": "Other"}},
        {"id": "0b6f6b3e-5b0e-4f0e-9a77-0f8c5a4c1d11"},
        {"table": "categories", "data": {"name": "Once"}},
        {"op": "delete"},
        {"base_revision": 3},
    ],
)
@pytest.mark.parametrize("how", ["later", "in one push"])
def test_an_op_id_is_used_once(api: APIClient, device: Device, other_content: dict[str, Any], how: str) -> None:
    operation = titles("Once")[0]
    reused = operation | other_content
    if how == "later":
        push(api, operation)
        before = contents(device)
        result = push(api, reused)["results"][0]
        assert contents(device) == before
    else:
        result = push(api, operation, reused)["results"][1]
    assert (result["status"], result["internal_code"], result["retryable"]) == ("rejected", "sync_op_id_reused", False)
    assert list(Task.objects.values_list("title", flat=True)) == ["Once"]
    assert statuses(push(api, operation)) == ["duplicate"]


def test_the_order_of_keys_is_no_difference(api: APIClient) -> None:
    operation = titles("Once")[0]
    push(api, operation)
    assert statuses(push(api, dict(reversed(operation.items())))) == ["duplicate"]


def test_another_devices_op_id_is_free_and_unknown(api: APIClient, device: Device) -> None:
    stranger = factories.enrol()
    theirs = op("create", "tasks", {"title": "Theirs"}, sequence=1)
    push(client_with(stranger.token), theirs)
    before = contents(stranger.installation.device)
    mine = theirs | {"data": {"title": "Mine"}}
    answer = push(api, mine)
    assert statuses(answer) == ["applied"]
    assert "Theirs" not in str(answer)
    assert contents(stranger.installation.device) == before


def test_a_retryable_rejection_is_not_stored(api: APIClient, device: Device) -> None:
    category = factories.make_category(device)
    operation = op("create", "products", {"name": "A", "category_id": str(uuid4())}, sequence=1)
    result = push(api, operation)["results"][0]
    assert (result["status"], result["internal_code"], result["retryable"]) == ("rejected", "reference_not_found", True)
    assert result["errors"][0]["field"] == "category_id"
    assert not Operation.objects.filter(op_id=operation["op_id"]).exists()
    parent = op("create", "categories", {"name": "Late"}, id=operation["data"]["category_id"])
    assert statuses(push(api, parent, operation)) == ["applied", "applied"]
    delete_category(category, actor=factories.TESTER)
    assert statuses(push(api, operation)) == ["duplicate"]


@pytest.mark.parametrize("kind", ["missing", "foreign", "deleted"])
def test_bad_references_are_all_the_same(api: APIClient, device: Device, other: Device, kind: str) -> None:
    rows = {"foreign": factories.make_category(other), "deleted": factories.make_category(device)}
    delete_category(rows["deleted"], actor=factories.TESTER)
    id = str(rows[kind].uuid) if kind in rows else str(uuid4())
    result = push(api, op("create", "products", {"name": "A", "category_id": id}))["results"][0]
    result.pop("op_id")
    assert result == {
        "status": "rejected",
        "internal_code": "reference_not_found",
        "detail": "`category_id` refers to a row that does not exist.",
        "retryable": True,
        "errors": [{"field": "category_id", "code": "reference_not_found", "detail": "This id does not exist."}],
    }


def test_events_name_the_operation(api: APIClient, device: Device) -> None:
    ops = [*titles("a", "b"), op("create", "categories", {"name": "c"})]
    push(api, *ops)
    for operation in ops:
        event = Event.objects.for_device(device).get(object_id=operation["id"])
        assert (str(event.operation_id), event.actor_kind) == (operation["op_id"], "installation")


# --- all or nothing ---
def test_atomic_that_works(api: APIClient) -> None:
    assert statuses(push(api, *titles("a", "b", start=1), atomic=True)) == ["applied", "applied"]


@pytest.mark.parametrize("trouble", ["rejected", "conflict", "retryable"])
def test_atomic_applies_nothing_where_one_fails(api: APIClient, device: Device, trouble: str) -> None:
    product = factories.make_product(device, name="A")
    bad = {
        "rejected": op("create", "tasks", {"titel": "typo"}, sequence=2),
        "conflict": op("update", "products", {"name": "C"}, id=product.uuid, base={"name": "Z"}, sequence=2),
        "retryable": op("create", "tasks", {"title": "x", "location_id": str(uuid4())}, sequence=2),
    }[trouble]
    good = titles("a", start=1)[0]
    before, at = contents(device), head(device)
    response = api.post("/v1/sync/push", {"ops": [good, bad], "atomic": True})
    assert response.status_code == 409
    body = response.json()
    assert body["internal_code"] == "sync_atomic_failed"
    assert [result["op_id"] for result in body["results"]] == [good["op_id"], bad["op_id"]]
    assert [result["status"] for result in body["results"]] == [
        "applied",
        "conflict" if trouble == "conflict" else "rejected",
    ]
    assert contents(device) == before
    assert head(device) == at
    assert statuses(push(api, good)) == ["applied"]


# --- the request ---
def test_500_operations_are_taken_and_501_are_not(api: APIClient, device: Device) -> None:
    ops = titles(*(f"Task {number}" for number in range(501)), start=1)
    before = contents(device)
    response = api.post("/v1/sync/push", {"ops": ops})
    assert response.status_code == 413
    assert response.json()["internal_code"] == "sync_too_many_operations"
    assert contents(device) == before
    answer = push(api, *ops[:500])
    assert statuses(answer) == ["applied"] * 500
    assert [result["op_id"] for result in answer["results"]] == [operation["op_id"] for operation in ops[:500]]
    assert answer["next_sequence"] == 501
    assert (answer["head"], len(pull_all(api, limit=500, tables="tasks")[0])) == (head(device), 500)


def test_a_mixed_queue_is_carried_out_in_its_order(api: APIClient, device: Device) -> None:
    """A row may be made, named by the next, changed, and deleted in one push; creates in a run are one batch."""
    category = op("create", "categories", {"name": "Tools"})
    below = op("create", "categories", {"name": "Saws", "parent_id": category["id"]})
    product = op("create", "products", {"name": "Saw", "category_id": below["id"]})
    edit = op(
        "update", "products", {"category_id": category["id"]}, id=product["id"], base={"category_id": below["id"]}
    )
    gone = op("delete", "categories", id=below["id"])
    late = op("create", "products", {"name": "Late", "category_id": below["id"]})
    assert statuses(push(api, category, below, product, edit, gone, late)) == ["applied"] * 5 + ["rejected"]
    assert Product.objects.for_device(device).get().category == Category.objects.for_device(device).get()


def test_a_batch_answers_with_the_defaults_it_filled_in(api: APIClient, device: Device) -> None:
    product = str(factories.make_product(device).uuid)
    ops = [op("create", "barcodes", {"product_id": product, "value": f"400638133393{n}"}) for n in range(3)]
    for operation, result in zip(ops, push(api, *ops)["results"], strict=True):
        assert result["row"] == api.get(f"/v1/barcodes/{operation['id']}").json()
        assert result["row"]["quantity"] == "1"


def test_no_operations_is_a_push_too(api: APIClient, device: Device) -> None:
    at = head(device)
    answer = push(api)
    assert (answer["results"], answer["head"], answer["next_sequence"]) == ([], at, 1)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ops": None},
        {"ops": {}},
        {"ops": [7]},
        {"ops": [{}]},
        {"ops": [{"op_id": "7"}]},
        {"ops": [op("delete", "tasks", sequence=0)]},
        {"ops": [op("delete", "tasks") | {"sequence": "1"}]},
        {"ops": [op("delete", "tasks") | {"sequence": True}]},
        {"ops": [op("delete", "tasks") | {"sequence": 2**62}]},
        {"ops": [], "atomic": "yes please"},
        {"ops": [], "client_time": "yesterday"},
        {"ops": [], "replica_id": "me"},
        {"ops": [], "unknown": 1},
        [],
    ],
)
def test_a_body_that_cannot_be_read_is_refused_whole(api: APIClient, device: Device, body: Any) -> None:
    if isinstance(body, dict) and body.get("ops"):
        body = {**body, "ops": [*titles("good"), *body["ops"]]}
    before = contents(device)
    response = api.post("/v1/sync/push", body)
    assert response.status_code == 422, response.json()
    assert response.json()["internal_code"] == "validation_failed"
    assert contents(device) == before


@pytest.mark.parametrize("number", ["2.5", "1e2", "0.000001"])
def test_quantities_may_be_json_numbers(api: APIClient, device: Device, number: str) -> None:
    product = factories.make_product(device)
    operation = op("create", "stock_movements", {"product_id": str(product.uuid), "kind": "receipt", "quantity": 7})
    text = json.dumps({"ops": [operation]}).replace('"quantity": 7', f'"quantity": {number}')
    for status in ("applied", "duplicate"):
        response = api.post("/v1/sync/push", text, content_type="application/json")
        assert statuses(response.json()) == [status]
    assert StockMovement.objects.get().quantity == Decimal(number)


@pytest.mark.parametrize("number", ["1e999999999", "1" + "0" * 300, "1e-999999999"])
def test_numbers_without_measure_are_one_verdict(api: APIClient, device: Device, number: str) -> None:
    product = factories.make_product(device)
    operation = op("create", "stock_movements", {"product_id": str(product.uuid), "kind": "receipt", "quantity": 7})
    text = json.dumps({"ops": [operation, *titles("good")]}).replace('"quantity": 7', f'"quantity": {number}')
    response = api.post("/v1/sync/push", text, content_type="application/json")
    assert statuses(response.json()) == ["rejected", "applied"]


def test_a_push_answers_an_idempotency_key_too(api: APIClient) -> None:
    body = {"ops": titles("once")}
    first = api.post("/v1/sync/push", body, headers={"Idempotency-Key": "k1"})
    again = api.post("/v1/sync/push", body, headers={"Idempotency-Key": "k1"})
    assert (again.status_code, again.content) == (200, first.content)
    assert Task.objects.count() == 1
