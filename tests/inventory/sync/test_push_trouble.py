"""Push where something is odd: facts, twins, clocks, deep trees, installations that are being retired."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from devices.models import Device, Feed, Installation, Operation, Presence, Standing
from devices.services.enrollment import Enrolled, Wish, create_enrollment_code, register_device
from devices.services.standing import set_standing
from inventory.errors.cases import CaseClosed
from inventory.models import Barcode, Case, Category, Location, Lot, Product, StockLevel, StockMovement, Task
from inventory.services.locations import delete_location
from inventory.services.lots import delete_lot
from inventory.services.products import delete_product
from inventory.services.sync.quarantine import accept_quarantine, discard_quarantine
from tests import factories
from tests.conftest import client_of, client_with
from tests.inventory.sync.ops import contents, head, op, push, push_one

Kind = Case.Kind


def case_of(device: Device, kind: Case.Kind) -> Case:
    """The one case of this kind."""
    found: Case = Case.objects.for_device(device).get(kind=kind)
    return found


# --- facts are kept ---
@pytest.mark.parametrize("gone", ["product", "lot", "location"])
def test_a_movement_of_what_was_deleted_is_kept_with_a_case(api: APIClient, device: Device, gone: str) -> None:
    product = factories.make_product(device)
    lot = factories.make_lot(device, product_id=product.uuid)
    place = factories.make_location(device)
    {
        "product": lambda: delete_product(product, actor=factories.TESTER),
        "lot": lambda: delete_lot(lot, actor=factories.TESTER),
        "location": lambda: delete_location(place, actor=factories.TESTER),
    }[gone]()
    data = {"product_id": product.uuid, "kind": "receipt", "quantity": "3", "to_location_id": place.uuid}
    result = push_one(
        api, "create", "stock_movements", {k: str(v) for k, v in data.items()} | {"lot_id": str(lot.uuid)}
    )
    assert result["status"] == "applied"
    assert StockMovement.objects.for_device(device).get().quantity == 3
    level = StockLevel.all_objects.for_device(device).get()
    assert (level.quantity, level.is_deleted) == (3, True)
    case = case_of(device, Kind.PAYLOAD_CONFLICT)
    assert case.evidence["movement_id"] == result["row"]["id"]
    assert f"{gone if gone != 'location' else 'to_location'}_deleted" in case.evidence["reasons"]


def test_a_lot_of_another_product_is_kept_with_a_case(api: APIClient, device: Device) -> None:
    lot, product = factories.make_lot(device), factories.make_product(device)
    data = {"product_id": str(product.uuid), "lot_id": str(lot.uuid), "kind": "receipt", "quantity": "1"}
    assert push_one(api, "create", "stock_movements", data)["status"] == "applied"
    assert case_of(device, Kind.PAYLOAD_CONFLICT).evidence["reasons"] == ["lot_of_another_product"]


def test_stock_below_nothing_is_kept_with_a_case(api: APIClient, device: Device) -> None:
    product = factories.make_product(device)
    data = {"product_id": str(product.uuid), "kind": "issue", "quantity": "2.5"}
    assert push_one(api, "create", "stock_movements", data)["status"] == "applied"
    assert StockLevel.objects.for_device(device).get().quantity == Decimal("-2.5")
    assert case_of(device, Kind.NEGATIVE_STOCK).evidence["quantity"] == "-2.5"


def test_the_time_of_a_fact_is_kept_as_told(api: APIClient, device: Device) -> None:
    product = factories.make_product(device)
    data = {"product_id": str(product.uuid), "kind": "receipt", "quantity": "1", "occurred_at": "1999-12-31T23:59:59Z"}
    before = timezone.now()
    row = push_one(api, "create", "stock_movements", data)["row"]
    assert row["occurred_at"] == "1999-12-31T23:59:59Z"
    movement = StockMovement.objects.get()
    assert before <= movement.received_at <= timezone.now()
    assert movement.installation == device.installations.get()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"kind": "count"}, "validation_failed"),
        ({"quantity": "0"}, "validation_failed"),
        ({"quantity": "-1"}, "validation_failed"),
        ({"quantity": "1.0000001"}, "validation_failed"),
        ({"kind": "transfer"}, "movement_sides"),
        ({"kind": "adjustment"}, "movement_sides"),
        ({"product_id": str(uuid4())}, "reference_not_found"),
    ],
)
def test_what_is_no_fact_at_all_is_rejected(api: APIClient, device: Device, data: dict[str, str], code: str) -> None:
    product = factories.make_product(device)
    body = {"product_id": str(product.uuid), "kind": "receipt", "quantity": "1"} | data
    result = push_one(api, "create", "stock_movements", body)
    assert (result["status"], result["internal_code"]) == ("rejected", code)
    assert result["retryable"] is (code == "reference_not_found")
    assert not StockMovement.objects.exists()
    assert not StockLevel.objects.exists()


# --- twins ---
def twins(device: Device, table: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Two bodies with the same code, and the code's column."""
    product = str(factories.make_product(device).uuid)
    one: dict[str, dict[str, Any]] = {
        "products": {"name": "A", "sku": "X-1"},
        "barcodes": {"product_id": product, "value": "X-1"},
        "locations": {"name": "A", "code": "X-1"},
        "lots": {"product_id": product, "code": "X-1"},
    }
    column = {"products": "sku", "barcodes": "value"}.get(table, "code")
    return one[table], dict(one[table]), column


MODELS: dict[str, Any] = {"products": Product, "barcodes": Barcode, "locations": Location, "lots": Lot}


@pytest.mark.parametrize("table", list(MODELS))
@pytest.mark.parametrize("together", [True, False])
def test_twins_are_both_kept_with_a_case(api: APIClient, device: Device, table: str, together: bool) -> None:
    first, second, column = twins(device, table)
    ops = [op("create", table, first), op("create", table, second), op("create", "tasks", {"title": "neighbour"})]
    answers = [push(api, *ops)] if together else [push(api, operation) for operation in ops]
    assert [result["status"] for answer in answers for result in answer["results"]] == ["applied"] * 3
    model = MODELS[table]
    kept = {str(row.uuid): row.is_duplicate for row in model.objects.for_device(device).filter(**{column: "X-1"})}
    assert kept == {ops[0]["id"]: False, ops[1]["id"]: True}
    case = case_of(device, Kind.DUPLICATE_PRODUCT)
    assert (case.evidence["table"], case.evidence["field"], case.evidence["value"]) == (table, column, "X-1")
    assert set(case.evidence["ids"]) == {ops[0]["id"], ops[1]["id"]}


@pytest.mark.parametrize("table", list(MODELS))
def test_an_edit_may_make_a_twin_and_unmake_it(api: APIClient, device: Device, table: str) -> None:
    first, second, column = twins(device, table)
    push_one(api, "create", table, first)
    row = push_one(api, "create", table, second | {column: "X-2"})["row"]
    assert push_one(api, "update", table, {column: "X-1"}, id=row["id"])["status"] == "applied"
    assert MODELS[table].objects.get(uuid=row["id"]).is_duplicate is True
    case_of(device, Kind.DUPLICATE_PRODUCT)
    assert push_one(api, "update", table, {column: "X-3"}, id=row["id"])["status"] == "applied"
    assert MODELS[table].objects.get(uuid=row["id"]).is_duplicate is False


def test_online_a_twin_is_still_refused(api: APIClient, device: Device) -> None:
    push_one(api, "create", "products", {"name": "A", "sku": "X-1"})
    response = api.post("/v1/products", {"name": "B", "sku": "X-1"})
    assert (response.status_code, response.json()["internal_code"]) == (409, "product_sku_taken")


def test_the_same_code_on_another_device_is_no_twin(api: APIClient, device: Device, other: Device) -> None:
    factories.make_product(other, sku="X-1")
    assert push_one(api, "create", "products", {"name": "A", "sku": "X-1"})["status"] == "applied"
    assert not Case.objects.filter(kind=Kind.DUPLICATE_PRODUCT).exists()


# --- trees ---
def test_two_replicas_that_hang_a_tree_on_itself(api: APIClient, device: Device) -> None:
    one, two = factories.make_category(device), factories.make_category(device)
    first = push_one(api, "update", "categories", {"parent_id": str(two.uuid)}, id=one.uuid, base={"parent_id": None})
    second = push_one(api, "update", "categories", {"parent_id": str(one.uuid)}, id=two.uuid, base={"parent_id": None})
    assert (first["status"], second["status"], second["internal_code"]) == ("applied", "rejected", "tree_has_a_loop")


@pytest.mark.parametrize("many", [1, 2])
def test_a_tree_does_not_grow_without_end(api: APIClient, device: Device, many: int) -> None:
    parent = None
    for _ in range(64):
        parent = factories.make_category(device, parent_id=parent.uuid if parent else None)
    ops = [op("create", "categories", {"name": "Too deep", "parent_id": str(parent.uuid)}) for _ in range(many)]
    assert {result["internal_code"] for result in push(api, *ops)["results"]} == {"tree_too_deep"}
    assert Category.objects.for_device(device).count() == 64


# --- clocks ---
@pytest.mark.parametrize("minutes", [-6, 6, 60 * 24 * 400])
def test_a_clock_far_off_is_a_case_once(api: APIClient, device: Device, minutes: int) -> None:
    for _ in range(3):
        client_time = (timezone.now() - timedelta(minutes=minutes)).isoformat()
        assert push(api, client_time=client_time)["results"] == []
    case = case_of(device, Kind.CLOCK_SKEW)
    offset = Presence.objects.get(installation__device=device).clock_offset_ms
    assert abs(offset - minutes * 60_000) < 10_000
    assert (case.times, abs(case.evidence["offset_ms"] - offset) < 10_000) == (1, True)


@pytest.mark.parametrize("minutes", [-4, 0, 4])
def test_a_clock_that_is_a_little_off_is_measured_only(api: APIClient, device: Device, minutes: int) -> None:
    push(api, client_time=(timezone.now() - timedelta(minutes=minutes)).isoformat())
    assert abs(Presence.objects.get(installation__device=device).clock_offset_ms - minutes * 60_000) < 10_000
    assert not Case.objects.exists()


def test_the_clock_of_a_user_is_nobodys(user: Any, enrolled: Enrolled) -> None:
    device = enrolled.installation.device
    Device.objects.filter(pk=device.pk).update(owner=user)
    push(client_of(user, device), client_time="2001-01-01T00:00:00Z", replica_id=str(enrolled.installation.uuid))
    assert not Case.objects.exists()


def test_clocks_never_decide_order(api: APIClient, device: Device) -> None:
    product = factories.make_product(device)
    late, early = (
        op("update", "products", {"name": name}, id=product.uuid) for name in ("said tomorrow", "said last year")
    )
    push(api, late, client_time="2100-01-01T00:00:00Z")
    push(api, early, client_time="2001-01-01T00:00:00Z")
    assert Product.objects.get().name == "said last year"


# --- retiring ---
def retire(enrolled: Enrolled, standing: Standing) -> None:
    device = Device.objects.get(pk=enrolled.installation.device_id)
    set_standing(device=device, actor=factories.TESTER, standing=standing, installation=enrolled.installation)


def queue(device: Device) -> list[dict[str, Any]]:
    product = factories.make_product(device)
    data = {"product_id": str(product.uuid), "kind": "receipt", "quantity": "2"}
    return [
        op("create", "stock_movements", data, sequence=1),
        op("create", "tasks", {"title": "left over"}, sequence=2),
        op("create", "tasks", {"titel": "typo"}, sequence=3),
    ]


def test_what_a_draining_installation_had_queued_waits_for_the_staff(
    api: APIClient, enrolled: Enrolled, device: Device, staff: Any
) -> None:
    ops = queue(device)
    retire(enrolled, Standing.DRAINING)
    for _ in range(2):
        answer = push(api, *ops)
        assert {(r["status"], r["internal_code"], r["retryable"]) for r in answer["results"]} == {
            ("rejected", "sync_quarantined", False)
        }
        assert answer["next_sequence"] == 4
    assert (StockMovement.objects.count(), Task.objects.count()) == (0, 0)
    case = case_of(device, Kind.QUARANTINE)
    assert (case.evidence["ops"], case.times) == (ops, 1)
    results = accept_quarantine(case, actor=factories.TESTER)
    assert [result.status for result in results] == ["applied", "applied", "rejected"]
    assert (StockLevel.objects.get().quantity, Task.objects.get().title) == (2, "left over")
    case.refresh_from_db()
    assert (case.state, case.resolution) == (Case.State.RESOLVED, "accepted: 2 applied, 1 rejected")
    with pytest.raises(CaseClosed):
        accept_quarantine(case, actor=factories.TESTER)
    assert StockLevel.objects.get().quantity == 2


def test_quarantine_that_is_discarded(api: APIClient, enrolled: Enrolled, device: Device) -> None:
    ops = queue(device)
    retire(enrolled, Standing.DRAINING)
    push(api, *ops)
    discard_quarantine(case_of(device, Kind.QUARANTINE), actor=factories.TESTER)
    case = case_of(device, Kind.QUARANTINE)
    assert (case.state, case.evidence["ops"]) == (Case.State.WAIVED, ops)
    push(api, *ops)
    assert (StockMovement.objects.count(), Task.objects.count(), Case.objects.count()) == (0, 0, 1)


def test_what_was_applied_before_draining_stays_so(api: APIClient, enrolled: Enrolled, device: Device) -> None:
    """The answer was lost, then the installation was retired: its replay is no new operation."""
    done, queued = (
        op("create", "tasks", {"title": "done"}, sequence=1),
        op("create", "tasks", {"title": "q"}, sequence=2),
    )
    push(api, done)
    retire(enrolled, Standing.DRAINING)
    first, second = push(api, done, queued)["results"]
    assert (first["status"], first["verdict"], first["row"]["title"]) == ("duplicate", "applied", "done")
    assert (second["status"], second["internal_code"]) == ("rejected", "sync_quarantined")
    assert [body["op_id"] for body in case_of(device, Kind.QUARANTINE).evidence["ops"]] == [queued["op_id"]]


def test_a_gap_is_a_gap_while_draining(api: APIClient, enrolled: Enrolled, device: Device) -> None:
    retire(enrolled, Standing.DRAINING)
    before, at = contents(device), head(device)
    response = api.post("/v1/sync/push", {"ops": [op("delete", "tasks", sequence=2)]})
    assert (response.status_code, response.json()["expected"]) == (409, 1)
    assert (contents(device), head(device)) == (before, at)


def test_a_draining_installation_may_only_push_and_its_siblings_go_on(
    api: APIClient, enrolled: Enrolled, device: Device
) -> None:
    _, code = create_enrollment_code(actor=factories.TESTER, device=device)
    sibling = client_with(register_device(Wish(enrollment_code=code)).token)
    retire(enrolled, Standing.DRAINING)
    response = api.get("/v1/sync/changes")
    assert (response.status_code, response.json()["internal_code"]) == (403, "device_draining")
    assert push_one(sibling, "create", "tasks", {"title": "x"})["status"] == "applied"
    assert sibling.get("/v1/sync/changes").status_code == 200


@pytest.mark.parametrize(("standing", "code"), [("revoked", "device_revoked"), ("suspended", "device_suspended")])
@pytest.mark.parametrize("whole_device", [True, False])
def test_who_may_not_sync_changes_nothing(
    api: APIClient, enrolled: Enrolled, standing: str, code: str, whole_device: bool
) -> None:
    device = enrolled.installation.device
    target: Any = Device if whole_device else Installation
    target.objects.filter(pk=device.pk if whole_device else enrolled.installation.pk).update(standing=standing)
    before, at = contents(device), head(device)
    for response in (
        api.post("/v1/sync/push", {"ops": [op("create", "tasks", {"title": "x"})]}),
        api.get("/v1/sync/changes"),
        api.get("/v1/sync/since"),
    ):
        assert (response.status_code, response.json()["internal_code"]) == (403, code)
    assert (contents(device), head(device)) == (before, at)


def test_without_a_token_nothing_is_taken(device: Device) -> None:
    for token in ("", "x", f"{device.installations.get().uuid}.wrong"):
        response = client_with(token).post("/v1/sync/push", {"ops": [op("create", "tasks", {"title": "x"})]})
        assert response.status_code == 401
        assert "WWW-Authenticate" in response.headers
    assert not Task.objects.exists()
    assert not Operation.objects.exists()


def test_a_user_pushes_into_their_own_device_only(user: Any, device: Device, other: Device) -> None:
    Device.objects.filter(pk=device.pk).update(owner=user)
    assert push_one(client_of(user, device), "create", "tasks", {"title": "mine"})["status"] == "applied"
    before = contents(other)
    response = client_of(user, other).post("/v1/sync/push", {"ops": [op("create", "tasks", {"title": "x"})]})
    assert (response.status_code, response.json()["internal_code"]) == (404, "device_not_found")
    assert contents(other) == before
    assert Feed.objects.get(device=other).head == head(other)


def test_a_mistake_of_the_server_costs_no_operation(
    api: APIClient, device: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Wrong SQL is no verdict on what a device has counted: it stays queued until the server is mended."""
    ops = queue(device)[:2]

    def mistake(*_: Any, **__: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT colour FROM stock_movements")

    with monkeypatch.context() as broken:
        broken.setattr("devices.services.owned.record_events", mistake)
        broken.setattr("devices.services.owned.record_event", mistake)
        answer = push(api, *ops)
    assert {(r["status"], r["internal_code"], r["retryable"]) for r in answer["results"]} == {
        ("rejected", "internal_error", True)
    }
    assert "by a mistake of ours" in caplog.text
    assert (StockMovement.objects.count(), Task.objects.count(), Operation.objects.count()) == (0, 0, 0)
    assert [r["status"] for r in push(api, *ops)["results"]] == ["applied", "applied"]
    assert (StockLevel.objects.get().quantity, Task.objects.get().title) == (2, "left over")
