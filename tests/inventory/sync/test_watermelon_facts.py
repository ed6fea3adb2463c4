"""What WatermelonDB clients may not write: levels, the default location, and facts once they are told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from devices.models import Device
from inventory.models import Case, Location, StockLevel, StockMovement
from tests import factories
from tests.inventory.sync.melon import created, deleted, flags, head, pull, push, push_twice, raw, row, updated


def only_flag(device: Device) -> Case:
    (case,) = flags(device)
    return case


def test_refused_deletions_come_back(api: Any, device: Device) -> None:
    main = Location.objects.get()
    full = factories.make_movement(device, to_location_id=factories.make_location(device).uuid).to_location
    answer = pull(api)
    push_twice(api, device, answer["timestamp"], deleted("locations", str(main.uuid), str(full.uuid)))
    assert Location.objects.count() == 2
    again = pull(api, answer["timestamp"])
    assert row(again, "locations", main.uuid)
    assert row(again, "locations", full.uuid)
    reasons = {reason for case in flags(device) for reason in case.evidence["reasons"]}
    assert reasons == {"not deleted: default_location", "not deleted: location_not_empty"}


def test_levels_flow_down_only(api: Any, device: Device) -> None:
    level, other_level = factories.make_level(device), factories.make_level(device)
    answer = pull(api)
    mine = {**row(answer, "stock_levels", level.uuid), "quantity": 99}
    changes = {
        "stock_levels": {
            "created": [raw(quantity=1, product_id=str(level.product.uuid))],
            "updated": [mine],
            "deleted": [str(other_level.uuid)],
        }
    }
    push_twice(api, device, answer["timestamp"], changes)
    assert set(StockLevel.objects.values_list("quantity", flat=True)) == {Decimal(1)}
    again = pull(api, answer["timestamp"])
    assert row(again, "stock_levels", level.uuid)["quantity"] == 1
    assert row(again, "stock_levels", other_level.uuid)
    assert len(flags(device)) == 3
    before = head(device)
    push(api, again["timestamp"], updated("stock_levels", row(again, "stock_levels", level.uuid)))
    assert head(device) == before


def test_movements_are_facts(api: Any, device: Device) -> None:
    movement = factories.make_movement(device, quantity=Decimal(2))
    answer = pull(api)
    mine = {**row(answer, "stock_movements", movement.uuid), "quantity": 99, "received_at": 1}
    changes = {"stock_movements": {"created": [], "updated": [mine], "deleted": [str(movement.uuid)]}}
    push_twice(api, device, answer["timestamp"], changes)
    assert StockMovement.objects.get().quantity == 2
    assert StockLevel.objects.get().quantity == 2
    assert len(flags(device)) == 2


@pytest.mark.parametrize(
    ("sent", "kind", "sides"),
    [
        ({"kind": "receipt"}, "receipt", (None, "Main")),
        ({"kind": "issue"}, "issue", ("Main", None)),
        ({"kind": "receipt", "from_location_id": "A"}, "adjustment", ("A", None)),
        ({"kind": "count", "to_location_id": "A"}, "adjustment", (None, "A")),
        ({"kind": "", "from_location_id": "A", "to_location_id": "B"}, "transfer", ("A", "B")),
        ({"kind": "transfer", "to_location_id": "A"}, "adjustment", (None, "A")),
        (
            {"kind": "transfer", "from_location_id": "A", "to_location_id": "gone"},
            "transfer",
            ("A", "Unknown location"),
        ),
        ({"kind": "receipt", "lot_id": "gone"}, "receipt", (None, "Main")),
        ({"kind": "receipt", "occurred_at": 10**16}, "receipt", (None, "Main")),
    ],
)
def test_a_movement_is_kept_as_it_can_be_meant(api: Any, device: Device, sent: Any, kind: str, sides: Any) -> None:
    places = {name: str(factories.make_location(device, name=name).uuid) for name in "AB"} | {"gone": str(uuid4())}
    product = factories.make_product(device)
    last = pull(api)["timestamp"]
    columns = {name: places.get(value, value) for name, value in sent.items()}
    push_twice(api, device, last, created("stock_movements", raw(product_id=str(product.uuid), quantity=2, **columns)))
    fact = StockMovement.objects.get()
    assert fact.kind == kind
    assert tuple(place and place.name for place in (fact.from_location, fact.to_location)) == sides
    assert fact.lot is None
    plain = kind == sent["kind"] and "gone" not in sent.values() and "occurred_at" not in sent
    assert len(flags(device)) == (0 if plain else 1)


@pytest.mark.parametrize(
    "sent",
    [
        {"kind": "receipt", "quantity": 0},
        {"kind": "receipt", "quantity": -3},
        {"kind": "receipt", "quantity": None},
        {"kind": "receipt", "quantity": 10**10},
        {"kind": "receipt"},
        {"quantity": 1},
        {"kind": "adjustment", "quantity": 1},
        {"kind": "transfer", "quantity": 1, "from_location_id": "A", "to_location_id": "A"},
    ],
)
def test_a_movement_that_says_nothing_is_kept_as_evidence(api: Any, device: Device, sent: Any) -> None:
    product, place = factories.make_product(device), factories.make_location(device)
    good = raw(product_id=str(product.uuid), kind="receipt", quantity=1)
    bad = raw(
        product_id=str(product.uuid),
        **{name: str(place.uuid) if value == "A" else value for name, value in sent.items()},
    )
    push_twice(api, device, pull(api)["timestamp"], created("stock_movements", bad, good))
    assert str(StockMovement.objects.get().uuid) == good["id"]
    case = only_flag(device)
    assert "it cannot be stored" in case.evidence["reasons"][-1]
    assert case.evidence["raw"]["id"] == bad["id"]
