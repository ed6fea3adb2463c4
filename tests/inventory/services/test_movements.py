"""Recording movements: atomic, exact under many writers, bounded, and fixed for ever."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from rest_framework.test import APIClient

from config.core.problems import as_app_error
from devices.actors import Actor
from devices.models import Device, Event, Feed
from inventory.errors import MovementAlreadyReversed
from inventory.models import LEVEL_LIMIT, Case, StockLevel, StockMovement
from inventory.services.locations import default_location
from inventory.services.movements import record_movement, record_movements, reverse_movement
from tests import factories

THREADS, EACH = 8, 6


def in_threads(work: Callable[[int], Any]) -> list[Any]:
    """Run work(0..7) at the same moment, each on a connection of its own."""
    barrier = Barrier(THREADS)

    def run(number: int) -> Any:
        try:
            barrier.wait(30)
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def revisions(device: Device) -> list[int]:
    """Every revision of the device's rows, and of what changed before, as the events tell them."""
    return sorted(Event.objects.for_device(device).values_list("revision", flat=True))


@pytest.mark.django_db(transaction=True)
def test_many_writers_on_one_bucket_lose_nothing() -> None:
    device = factories.make_device()
    product = factories.make_product(device)
    start = Feed.objects.get(device=device).head

    def issue(_: int) -> None:
        for _ in range(EACH):
            record_movement(
                device=device, actor=factories.TESTER, product_id=product.uuid, kind="issue", quantity=Decimal("0.1")
            )

    in_threads(issue)
    level = StockLevel.objects.get(product=product)
    assert level.quantity == Decimal("-0.1") * THREADS * EACH
    stamped = list(StockMovement.objects.for_device(device).values_list("revision", flat=True))
    assert len(stamped) == len(set(stamped)) == THREADS * EACH
    # Each movement took its own number and one for its level, the first one more for its case.
    assert Feed.objects.get(device=device).head == start + 2 * THREADS * EACH + 1
    assert Case.objects.get().times == 1
    by_id = StockMovement.objects.for_device(device).order_by("id").values_list("revision", flat=True)
    assert list(by_id) == sorted(stamped)


@pytest.mark.django_db(transaction=True)
def test_one_movement_is_reversed_once_however_many_try() -> None:
    device = factories.make_device()
    movement = factories.make_movement(device)

    def reverse(_: int) -> bool:
        try:
            reverse_movement(movement, actor=factories.TESTER)
        except MovementAlreadyReversed:
            return False
        return True

    assert sum(in_threads(reverse)) == 1
    assert StockLevel.objects.get(product=movement.product).quantity == 0
    assert StockMovement.objects.filter(reverses=movement).count() == 1


@pytest.mark.parametrize(("start", "kind"), [(LEVEL_LIMIT, "receipt"), (-LEVEL_LIMIT, "issue")])
def test_a_bucket_that_would_overflow_is_refused(api: APIClient, device: Device, start: Decimal, kind: str) -> None:
    """Nine trillion units: only a mistake goes there, and it must not wrap around or turn into a float."""
    product = factories.make_movement(device).product
    edge = start - 1 if start > 0 else start + 1
    StockLevel.objects.filter(product=product).update(quantity=edge)
    body = {"product_id": str(product.uuid), "kind": kind}
    assert api.post("/v1/stock-movements", {**body, "quantity": "1"}).status_code == 201
    count, head = StockMovement.objects.count(), Feed.objects.get(device=device).head
    for quantity in ("0.000001", "999999999.999999"):
        answer = api.post("/v1/stock-movements", {**body, "quantity": quantity})
        assert (answer.status_code, answer.json()["internal_code"]) == (422, "quantity_out_of_range")
    assert StockLevel.objects.get(product=product).quantity == start
    assert (StockMovement.objects.count(), Feed.objects.get(device=device).head) == (count, head)
    assert api.get(f"/v1/products/{product.uuid}/stock").json()["on_hand"] == f"{start}"


def test_a_bad_movement_in_a_list_does_not_stop_its_neighbours(api: APIClient, device: Device) -> None:
    product = factories.make_movement(device).product
    StockLevel.objects.filter(product=product).update(quantity=LEVEL_LIMIT)
    body = {"product_id": str(product.uuid), "quantity": "1"}
    answer = api.post("/v1/stock-movements", [{**body, "kind": kind} for kind in ("issue", "receipt", "receipt")])
    assert [result["status"] for result in answer.json()["results"]] == [201, 201, 422]
    assert StockLevel.objects.get(product=product).quantity == LEVEL_LIMIT


def test_a_failed_step_leaves_nothing_behind(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ledger, level, event and case are one: where the last fails, none is there."""
    product = factories.make_product(device)
    head, events = Feed.objects.get(device=device).head, Event.objects.count()

    def fails(**_: Any) -> None:
        raise RuntimeError("killed here")

    monkeypatch.setattr("inventory.services.movements.open_cases", fails)
    with pytest.raises(RuntimeError):
        factories.make_movement(device, product_id=product.uuid, kind="issue")
    assert (StockMovement.objects.count(), StockLevel.objects.count(), Event.objects.count()) == (0, 0, events)
    assert Feed.objects.get(device=device).head == head


@pytest.mark.parametrize(
    "statement",
    ["UPDATE stock_movements SET quantity = 1", "UPDATE stock_movements SET note = 'x'", "DELETE FROM stock_movements"],
)
def test_sql_cannot_change_the_ledger(device: Device, statement: str) -> None:
    factories.make_movement(device, quantity=Decimal(5))
    before = StockMovement.objects.values().get()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert StockMovement.objects.values().get() == before


@pytest.mark.parametrize(
    "values",
    [{"quantity": Decimal(0)}, {"quantity": Decimal(-1)}, {"to_location": None}],
    ids=["zero", "negative", "no side"],
)
def test_the_database_itself_refuses_what_is_no_movement(device: Device, values: dict[str, Any]) -> None:
    product = factories.make_product(device)
    row = {"product": product, "kind": "receipt", "quantity": Decimal(1), "to_location": default_location(device)}
    bad = StockMovement(device=device, revision=10_000, **{**row, **values})
    with pytest.raises(IntegrityError), transaction.atomic():
        bad.save(force_insert=True)
    assert StockMovement.objects.count() == 0


def test_an_event_tells_the_movement_by_wire_ids(device: Device) -> None:
    lot = factories.make_lot(device)
    actor = Actor(kind="user", id="7", name="Ada", request_id="request-0001")
    movement = record_movement(
        device=device, actor=actor, product_id=lot.product.uuid, kind="receipt", quantity=Decimal("2.50"),
        lot_id=lot.uuid, reason="delivery",
    )  # fmt: skip
    (event,) = Event.objects.about(movement)
    assert (event.actor_kind, event.actor_name, event.request_id) == ("user", "Ada", "request-0001")
    assert (event.action, event.revision) == ("created", movement.revision)
    for field, value in {
        "product": str(lot.product.uuid), "lot": str(lot.uuid), "quantity": "2.5", "reason": "delivery",
        "to_location": str(default_location(device).uuid),
    }.items():  # fmt: skip
        assert event.changes[field] == [None, value]
    assert "from_location" not in event.changes


def test_a_batch_is_at_most_500(device: Device) -> None:
    with pytest.raises(ValueError, match="500"):
        record_movements(device=device, actor=factories.TESTER, movements=[StockMovement()] * 501)


def test_a_batch_moves_each_bucket_once_and_numbers_rows_in_order(device: Device) -> None:
    product, place = factories.make_product(device), default_location(device)
    rows = [
        StockMovement(device=device, product=product, kind="receipt", quantity=Decimal(n), to_location=place)
        for n in range(1, 6)
    ]
    start = Feed.objects.get(device=device).head
    made = record_movements(device=device, actor=factories.TESTER, movements=rows)
    assert [row.revision for row in made] == list(range(start + 1, start + 6))
    level = StockLevel.objects.get()
    assert (level.quantity, level.revision) == (15, start + 6)


def test_an_unknown_constraint_is_never_shown_as_a_refusal() -> None:
    assert as_app_error(IntegrityError("FOREIGN KEY constraint failed")).status == 500
