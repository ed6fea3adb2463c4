"""Reversals that were made offline: kept whatever is wrong with them, and flagged."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from devices.models import Device
from inventory.models import Case, StockLevel, StockMovement
from tests import factories
from tests.inventory.sync import melon
from tests.inventory.sync.ops import contents, op, pull_all, push, push_one

MIRROR = {"receipt": "issue", "issue": "receipt", "transfer": "transfer", "adjustment": "adjustment"}


@pytest.fixture
def original(device: Device) -> StockMovement:
    """4 pieces of a lot went from one place to another."""
    product = factories.make_product(device)
    return factories.make_movement(
        device,
        product_id=product.uuid,
        lot_id=factories.make_lot(device, product_id=product.uuid).uuid,
        kind="transfer",
        quantity=Decimal(4),
        from_location_id=factories.make_location(device).uuid,
        to_location_id=factories.make_location(device).uuid,
    )


def mirror(movement: StockMovement, **other: Any) -> dict[str, Any]:
    """What undoes a movement, as a client writes it."""
    sides = {"from_location_id": movement.to_location, "to_location_id": movement.from_location}
    return {
        "product_id": str(movement.product.uuid),
        "kind": MIRROR[movement.kind],
        "quantity": str(movement.quantity.normalize()),
        "lot_id": str(movement.lot.uuid) if movement.lot else None,
        "reverses_id": str(movement.uuid),
        **{name: str(place.uuid) if place else None for name, place in sides.items()},
        **other,
    }


def cases() -> list[tuple[str, list[str], str]]:
    """(movement, reasons, the movement it says it reverses) of each."""
    found = Case.objects.filter(kind=Case.Kind.PAYLOAD_CONFLICT).order_by("id")
    return [(case.evidence["movement_id"], case.evidence["reasons"], case.evidence["reverses_id"]) for case in found]


@pytest.mark.parametrize("kind", MIRROR)
def test_a_movement_is_reversed_offline(api: APIClient, device: Device, kind: str) -> None:
    places = [factories.make_location(device) for _ in range(2)]
    sides = {
        "receipt": {"to_location_id": places[0].uuid},
        "issue": {"from_location_id": places[0].uuid},
        "adjustment": {"from_location_id": places[0].uuid},
        "transfer": {"from_location_id": places[0].uuid, "to_location_id": places[1].uuid},
    }[kind]
    movement = factories.make_movement(device, kind=kind, **sides)
    reversal = op("create", "stock_movements", mirror(movement))
    result = push(api, reversal)["results"][0]
    assert (result["status"], result["row"]["reverses_id"]) == ("applied", str(movement.uuid))
    assert {level.quantity for level in StockLevel.objects.all()} == {0}
    assert cases() == []
    before = contents(device)
    assert push(api, reversal)["results"][0]["status"] == "duplicate"
    assert push_one(api, "create", "stock_movements", mirror(movement), id=reversal["id"])["status"] == "duplicate"
    assert contents(device)[:2] == before[:2]
    again = api.post(f"/v1/stock-movements/{movement.uuid}/reverse", {})
    assert (again.status_code, again.json()["internal_code"]) == (409, "movement_already_reversed")


@pytest.mark.parametrize("together", [True, False])
def test_a_second_reversal_is_kept_without_its_link(
    api: APIClient, device: Device, original: StockMovement, together: bool
) -> None:
    ops = [op("create", "stock_movements", mirror(original)) for _ in range(2)]
    results = push(api, *ops)["results"] if together else [push(api, each)["results"][0] for each in ops]
    assert [result["status"] for result in results] == ["applied", "applied"]
    assert [result["row"]["reverses_id"] for result in results] == [str(original.uuid), None]
    assert cases() == [(ops[1]["id"], ["already_reversed"], str(original.uuid))]
    assert sorted(level.quantity for level in StockLevel.objects.all()) == [-4, 4]  # both went back
    before = contents(device)
    for each in ops:
        assert push(api, each)["results"][0]["status"] == "duplicate"
        fresh = push_one(api, "create", "stock_movements", each["data"], id=each["id"])
        assert fresh["status"] == "duplicate"  # also once the verdict is forgotten
    assert contents(device)[:2] == before[:2]
    pulled = {change["id"]: change["data"] for change in pull_all(api)[0]}
    assert [pulled[each["id"]]["reverses_id"] for each in ops] == [str(original.uuid), None]


def test_a_reversal_that_was_reversed_online_meanwhile(api: APIClient, original: StockMovement) -> None:
    assert api.post(f"/v1/stock-movements/{original.uuid}/reverse", {}).status_code == 201
    result = push_one(api, "create", "stock_movements", mirror(original))
    assert (result["status"], result["row"]["reverses_id"]) == ("applied", None)
    assert cases() == [(result["row"]["id"], ["already_reversed"], str(original.uuid))]


def test_a_reversal_of_a_reversal_is_kept(api: APIClient, device: Device, original: StockMovement) -> None:
    first = push_one(api, "create", "stock_movements", mirror(original))["row"]
    reversal = StockMovement.objects.get(uuid=first["id"])
    second = push_one(api, "create", "stock_movements", mirror(reversal))
    assert (second["status"], second["row"]["reverses_id"]) == ("applied", first["id"])
    assert cases() == [(second["row"]["id"], ["reversal_of_reversal"], first["id"])]


@pytest.mark.parametrize(
    "other",
    [
        {"quantity": "3"},
        {"lot_id": None},
        {"kind": "adjustment", "to_location_id": None},
        {"kind": "issue", "to_location_id": None},
    ],
    ids=str,
)
def test_what_is_not_the_mirror_is_kept_as_it_was_said(
    api: APIClient, original: StockMovement, other: dict[str, Any]
) -> None:
    result = push_one(api, "create", "stock_movements", mirror(original, **other))
    assert (result["status"], result["row"]["reverses_id"]) == ("applied", str(original.uuid))
    assert {name: result["row"][name] for name in other} == other
    assert cases() == [(result["row"]["id"], ["not_the_mirror"], str(original.uuid))]


def test_another_product_or_place_is_not_the_mirror(api: APIClient, device: Device) -> None:
    movement = factories.make_movement(device)
    product, place = factories.make_product(device), factories.make_location(device)
    other = {"product_id": str(product.uuid), "from_location_id": str(place.uuid)}
    result = push_one(api, "create", "stock_movements", mirror(movement, **other))
    assert result["status"] == "applied"
    assert cases() == [(result["row"]["id"], ["not_the_mirror"], str(movement.uuid))]


def test_everything_wrong_at_once_is_one_case(api: APIClient, original: StockMovement) -> None:
    first = push_one(api, "create", "stock_movements", mirror(original))["row"]
    reversal = StockMovement.objects.get(uuid=first["id"])
    push_one(api, "create", "stock_movements", mirror(reversal))
    third = push_one(api, "create", "stock_movements", mirror(reversal, quantity="9"))["row"]
    reasons = ["reversal_of_reversal", "not_the_mirror", "already_reversed"]
    assert cases()[1:] == [(third["id"], reasons, first["id"])]


def test_a_movement_that_is_not_there_may_come_yet(api: APIClient, device: Device, other: Device) -> None:
    movement = factories.make_movement(device)
    foreign = factories.make_movement(other)
    before = contents(device)
    for missing in (str(uuid4()), str(foreign.uuid)):
        result = push_one(api, "create", "stock_movements", mirror(movement, reverses_id=missing))
        assert (result["status"], result["internal_code"], result["retryable"]) == (
            "rejected",
            "reference_not_found",
            True,
        )
        assert result["errors"][0]["field"] == "reverses_id"
    assert contents(device) == before


def test_online_it_is_the_reverse_address_only(api: APIClient, device: Device) -> None:
    movement = factories.make_movement(device)
    response = api.post("/v1/stock-movements", mirror(movement))
    assert response.status_code == 422
    assert [problem["field"] for problem in response.json()["errors"]] == ["reverses_id"]
    assert StockMovement.objects.count() == 1


def test_many_movements_and_their_reversals_are_two_batches(api: APIClient, device: Device) -> None:
    """Also where each stands right behind what it reverses."""
    place = StockMovement(to_location=factories.make_location(device), product=factories.make_product(device))

    def pairs(count: int) -> list[dict[str, Any]]:
        ops = []
        for _ in range(count):
            given = {"product_id": str(place.product.uuid), "kind": "receipt", "quantity": "1"}
            made = op("create", "stock_movements", {**given, "to_location_id": str(place.to_location.uuid)})
            undo = {"kind": "issue", "from_location_id": str(place.to_location.uuid), "reverses_id": made["id"]}
            ops += [made, op("create", "stock_movements", {**given, **undo})]
        return ops

    counts = []
    for count in (20, 200):
        ops = pairs(count)
        with CaptureQueriesContext(connection) as queries:
            results = push(api, *ops)["results"]
        assert [result["status"] for result in results] == ["applied"] * len(ops)
        assert [result["row"]["id"] for result in results] == [each["id"] for each in ops]
        counts.append(len(queries))
    assert counts[1] <= counts[0] + 5 <= 60  # SQLite takes long lists in parts
    assert cases() == []
    assert StockLevel.objects.get().quantity == 0
    for made, undo in StockMovement.objects.exclude(reverses=None).values_list("reverses__revision", "revision"):
        assert made < undo  # a client that pulls knows what is reversed first


def test_a_child_right_behind_its_parent_is_one_batch_more(api: APIClient, device: Device) -> None:
    top = op("create", "categories", {"name": "Top"})
    ops = [top, *(op("create", "categories", {"name": f"Below {n}", "parent_id": top["id"]}) for n in range(3))]
    early = op("create", "categories", {"name": "Early", "parent_id": str(uuid4())})
    late = op("create", "categories", {"name": "Late"}, id=early["data"]["parent_id"])
    results = push(api, *ops, early, late)["results"]
    assert [result["status"] for result in results] == ["applied"] * 4 + ["rejected", "applied"]


# --- WatermelonDB ---
def raw_mirror(movement: StockMovement, **other: Any) -> dict[str, Any]:
    return melon.raw(
        **{**mirror(movement), "quantity": float(movement.quantity), "occurred_at": 1_772_366_400_000, **other}
    )


def test_watermelon_pushes_reversals_too(api: APIClient, device: Device, original: StockMovement) -> None:
    last = melon.pull(api)["timestamp"]
    first, second = raw_mirror(original), raw_mirror(original)
    melon.push_twice(api, device, last, melon.created("stock_movements", first, second))
    links = {str(m.uuid): m.reverses for m in StockMovement.objects.exclude(uuid=original.uuid)}
    assert links == {first["id"]: original, second["id"]: None}
    assert cases() == [(second["id"], ["already_reversed"], str(original.uuid))]
    answer = melon.pull(api, last)
    assert melon.row(answer, "stock_movements", first["id"])["reverses_id"] == str(original.uuid)
    assert melon.row(answer, "stock_movements", second["id"])["reverses_id"] is None


def test_watermelon_may_list_a_reversal_before_what_it_reverses(api: APIClient, device: Device) -> None:
    product = factories.make_product(device)
    made = melon.raw(product_id=str(product.uuid), kind="receipt", quantity=1, occurred_at=1_772_366_400_000)
    undo = {**made, "id": str(uuid4()), "kind": "issue", "reverses_id": made["id"]}
    melon.push_twice(api, device, None, melon.created("stock_movements", undo, made))
    assert StockMovement.objects.get(uuid=undo["id"]).reverses.uuid == StockMovement.objects.get(kind="receipt").uuid
    assert not Case.objects.exists()


def test_watermelon_reverses_what_nobody_knows(api: APIClient, device: Device) -> None:
    movement = factories.make_movement(device)
    lost = raw_mirror(movement, reverses_id=str(uuid4()))
    huge = raw_mirror(movement, quantity=10**13)
    melon.push_twice(api, device, None, melon.created("stock_movements", lost, huge))
    assert StockMovement.objects.get(kind="issue").reverses is None
    assert [flag.evidence["reasons"] for flag in melon.flags(device)] == [
        ["quantity: not valid", "it cannot be stored"],
        ["reverses_id: does not exist"],
    ]
