"""Where a movement stands: its sequence, and the clock it was made by; counting compares with these."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from devices.models import Device, Event, Feed, Presence, Standing
from devices.services.enrollment import Enrolled
from devices.services.feed import bump_epoch
from devices.services.standing import set_standing
from inventory.api import tables
from inventory.models import Case, StockMovement
from inventory.services.movements import record_movement
from inventory.services.positions import Position
from inventory.services.sync.quarantine import accept_quarantine
from tests import factories
from tests.conftest import client_of, client_with
from tests.inventory.sync import melon
from tests.inventory.sync.ops import head, op, pull_all, push

SLOW = 90_000  # ms that the client's clock is behind
OCCURRED = "2026-03-01T10:00:00Z"


@pytest.fixture(autouse=True)
def _time_stands_still() -> Iterator[None]:
    """Offsets are exact, however long a push takes."""
    with time_machine.travel(datetime(2026, 3, 2, 10, tzinfo=UTC), tick=False):
        yield


def moves(device: Device, count: int, *, start: int | None = 1, **data: Any) -> list[dict[str, Any]]:
    """`count` receipts, numbered from `start`."""
    given = {"product_id": str(factories.make_product(device).uuid), "kind": "receipt", "quantity": "1", **data}
    numbers = [{} if start is None else {"sequence": start + index} for index in range(count)]
    return [op("create", "stock_movements", given, **number) for number in numbers]


def slow_clock() -> str:
    return (timezone.now() - timedelta(milliseconds=SLOW)).isoformat()


def stands() -> list[tuple[int | None, int]]:
    """(sequence, offset to the second) of all movements in feed order."""
    return [(m.sequence, round(m.clock_offset_ms / 1000) * 1000) for m in StockMovement.objects.order_by("revision")]


@pytest.mark.parametrize("count", [1, 3])
def test_a_pushed_movement_keeps_its_sequence_and_offset(api: APIClient, device: Device, count: int) -> None:
    push(api, *moves(device, count, occurred_at=OCCURRED), client_time=slow_clock())
    assert stands() == [(number, SLOW) for number in range(1, count + 1)]


@pytest.mark.parametrize("count", [1, 3])
def test_without_client_time_the_last_known_offset_counts(api: APIClient, device: Device, count: int) -> None:
    push(api, client_time=slow_clock())
    push(api, *moves(device, count, start=None, occurred_at=OCCURRED))
    assert stands() == [(None, SLOW)] * count


def test_a_time_of_the_server_needs_no_offset(api: APIClient, device: Device) -> None:
    push(api, *moves(device, 2), client_time=slow_clock())
    assert stands() == [(1, 0), (2, 0)]


def test_online_a_typed_time_takes_the_last_known_offset(api: APIClient, device: Device) -> None:
    push(api, client_time=slow_clock())
    body = {"product_id": str(factories.make_product(device).uuid), "kind": "receipt", "quantity": "1"}
    for sent in (body, {**body, "occurred_at": OCCURRED}):
        assert api.post("/v1/stock-movements", sent).status_code == 201
    row = StockMovement.objects.order_by("revision").first()
    assert api.post(f"/v1/stock-movements/{row.uuid}/reverse", {}).status_code == 201
    assert stands() == [(None, 0), (None, SLOW), (None, 0)]


def test_a_user_has_no_clock_and_no_order_but_the_installations(user: Any, enrolled: Enrolled, api: APIClient) -> None:
    device = enrolled.installation.device
    Device.objects.filter(pk=device.pk).update(owner=user)
    push(api, client_time=slow_clock())
    person = client_of(user, device)
    push(person, *moves(device, 1, start=7, occurred_at=OCCURRED), client_time="2001-01-01T00:00:00Z")
    push(person, *moves(device, 1, occurred_at=OCCURRED), replica_id=str(enrolled.installation.uuid))
    assert stands() == [(None, 0), (1, SLOW)]
    made = {"product_id": str(factories.make_product(device).uuid), "kind": "receipt", "quantity": "1"}
    assert person.post("/v1/stock-movements", {**made, "occurred_at": OCCURRED}).status_code == 201
    assert stands()[-1] == (None, 0)


def test_watermelon_takes_the_last_known_offset(api: APIClient, device: Device) -> None:
    push(api, client_time=slow_clock())
    given = {"product_id": str(factories.make_product(device).uuid), "kind": "receipt", "quantity": 1}
    for count in (1, 2):
        rows = [melon.raw(**given, occurred_at=1_772_366_400_000) for _ in range(count)]
        melon.push(api, None, melon.created("stock_movements", *rows))
    assert stands() == [(None, SLOW)] * 3


def test_what_was_quarantined_keeps_where_it_stood(api: APIClient, enrolled: Enrolled, device: Device) -> None:
    ops = moves(device, 2, occurred_at=OCCURRED)
    set_standing(device=device, actor=factories.TESTER, standing=Standing.DRAINING, installation=enrolled.installation)
    push(api, *ops, client_time=slow_clock(), base=str(head(device)))
    case = Case.objects.get(kind=Case.Kind.QUARANTINE)
    assert case.evidence["base_revision"] == head(device) - 1  # opening the case moved the head
    accept_quarantine(case, actor=factories.TESTER)
    assert stands() == [(1, SLOW), (2, SLOW)]
    assert {movement.installation for movement in StockMovement.objects.all()} == {enrolled.installation}
    enrolled.installation.refresh_from_db()
    assert enrolled.installation.next_sequence == 3


def test_it_is_the_servers_own_and_not_on_the_wire(
    api: APIClient, boss: Client, device: Device, enrolled: Enrolled
) -> None:
    pushed = push(api, *moves(device, 1, occurred_at=OCCURRED), client_time=slow_clock())["results"][0]["row"]
    pulled = next(change["data"] for change in pull_all(api)[0] if change["table"] == "stock_movements")
    read = api.get(f"/v1/stock-movements/{pushed['id']}").json()
    raw = melon.row(melon.pull(api), "stock_movements", pushed["id"])
    created = Event.objects.filter(table="stock_movements").get().changes
    for shown in (pushed, pulled, read, raw, created):
        assert not {"sequence", "clock_offset_ms", "corrected_at"} & set(shown)
    given = {"product_id": pulled["product_id"], "kind": "receipt", "quantity": "1"}
    for name in ("sequence", "clock_offset_ms"):
        assert api.post("/v1/stock-movements", {**given, name: 5}).status_code == 422
        result = push(api, op("create", "stock_movements", {**given, name: 5}))["results"][0]
        assert result["status"] == "rejected"
    assert StockMovement.objects.count() == 1


# --- what the client had pulled ---
@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Position]:
    """The positions that movements are recorded with."""
    found: list[Position] = []

    def record(*, position: Position, **values: Any) -> StockMovement:
        found.append(position)
        return record_movement(position=position, **values, as_fact=True)

    table = tables.TABLES["stock_movements"]
    monkeypatch.setitem(tables.TABLES, "stock_movements", _with_create(table, record))
    return found


def _with_create(table: Any, create: Any) -> Any:
    values = {name: getattr(table, name) for name in table.__slots__}
    return type(table)(**{**values, "create": create})


def test_base_says_what_the_client_had_pulled(api: APIClient, device: Device, seen: list[Position]) -> None:
    product = factories.make_product(device)
    cursor = pull_all(api)[1]["cursor"]
    foreign = pull_all(client_with(factories.enrol().token))[1]["cursor"]
    at = head(device)
    epoch = Feed.objects.get(pk=device.pk).epoch
    given = [
        (cursor, at),
        (at, at),
        (str(at), at),
        ("2", 2),
        (None, None),
        ("", None),
        ("soon", None),
        ("10" * 12, None),
        ("٣", None),
        (10_000, None),  # ahead: before a restore
        (f"1.{epoch}.10000.10000", None),
        (f"1.{epoch + 1}.2.2", None),
        (f"1.{epoch}.2.2", 2),  # from before cursors had their device's mark
        (foreign, None),
    ]
    data = {"product_id": str(product.uuid), "kind": "receipt", "quantity": "1"}
    for number, (base, known) in enumerate(given, 1):
        push(api, op("create", "stock_movements", data, sequence=number), base=base)
        assert seen[-1] == Position(number, known, 0), base
    bump_epoch(device)
    push(api, op("create", "stock_movements", data), base=cursor)
    assert seen[-1].base_revision is None


def test_watermelons_last_pulled_at_says_nothing_of_what_was_known(api: APIClient, device: Device) -> None:
    """The library pulls before it pushes: what it pushes was done before that. Seen by its effect on the quarantine."""
    last = melon.pull(api)["timestamp"]
    set_standing(device=device, actor=factories.TESTER, standing=Standing.DRAINING)
    for given in (last, None):
        Case.objects.filter(kind=Case.Kind.QUARANTINE).purge()
        melon.push(api, given, melon.created("tasks", melon.raw(title=f"After {given}")))
        assert Case.objects.get(kind=Case.Kind.QUARANTINE).evidence["base_revision"] is None


# --- corrected ---
@pytest.mark.parametrize(
    ("occurred", "offset", "corrected"),
    [
        ("2026-03-01T10:00:00", 0, "2026-03-01T10:00:00"),
        ("2026-03-01T10:00:00", SLOW, "2026-03-01T10:01:30"),
        ("2026-03-01T10:00:00", -SLOW, "2026-03-01T09:58:30"),
        ("2026-03-01T11:59:59", SLOW, "2026-03-01T12:00:00"),  # never later than the receipt
        ("2026-03-01T13:00:00", 0, "2026-03-01T12:00:00"),
        ("9999-12-31T00:00:00", 10**11, "2026-03-01T12:00:00"),
        ("0001-01-01T00:00:00", -(10**11), "0001-01-01T00:00:00"),
    ],
)
def test_corrected_time_is_the_servers_idea_of_it(occurred: str, offset: int, corrected: str) -> None:
    def utc(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    movement = StockMovement(occurred_at=utc(occurred), clock_offset_ms=offset, received_at=utc("2026-03-01T12:00:00"))
    assert movement.corrected_at == utc(corrected)


def test_heartbeats_measure_too(api: APIClient, device: Device) -> None:
    api.post("/v1/devices/me/heartbeat", {"queue_depth": 0, "client_time": slow_clock()})
    assert abs(Presence.objects.get().clock_offset_ms - SLOW) < 5000
    push(api, *moves(device, 1, occurred_at=OCCURRED))
    assert stands() == [(1, SLOW)]
