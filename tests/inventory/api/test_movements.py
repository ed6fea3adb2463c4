"""The ledger over HTTP: kinds and sides, exact quantities, insert-only, reversal."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from devices.models import Device, Installation
from inventory.models import Case, Location, Lot, Product, StockLevel, StockMovement
from inventory.services.locations import default_location
from tests import factories

ZERO_SIDES, FROM, TO, BOTH = {}, {"from"}, {"to"}, {"from", "to"}
# kind, sides sent → the sides recorded ("main" = the default location), or the refusal
SIDES: list[tuple[str, Any, Any]] = [
    ("receipt", ZERO_SIDES, (None, "main")), ("receipt", TO, (None, "to")),
    ("receipt", FROM, "movement_sides"), ("receipt", BOTH, "movement_sides"),
    ("issue", ZERO_SIDES, ("main", None)), ("issue", FROM, ("from", None)),
    ("issue", TO, "movement_sides"), ("issue", BOTH, "movement_sides"),
    ("transfer", BOTH, ("from", "to")), ("transfer", ZERO_SIDES, "movement_sides"),
    ("transfer", FROM, "movement_sides"), ("transfer", TO, "movement_sides"),
    ("adjustment", FROM, ("from", None)), ("adjustment", TO, (None, "to")),
    ("adjustment", ZERO_SIDES, "movement_sides"), ("adjustment", BOTH, "movement_sides"),
]  # fmt: skip
MICRO = st.integers(min_value=1, max_value=999_999_999_999_999)


@pytest.fixture
def product(device: Device) -> Product:
    return factories.make_product(device)


def send(api: APIClient, product: Product, **body: Any) -> Any:
    whole = {"product_id": str(product.uuid), "kind": "receipt", "quantity": "1", **body}
    return api.post("/v1/stock-movements", {key: str(v) if isinstance(v, Decimal) else v for key, v in whole.items()})


def levels(device: Device) -> dict[str, Decimal]:
    return {
        level.location.name: level.quantity
        for level in StockLevel.all_objects.for_device(device).select_related("location")
    }


@pytest.mark.parametrize("case", SIDES, ids=lambda case: f"{case[0]}-{'+'.join(sorted(case[1])) or 'none'}")
def test_kinds_and_sides(api: APIClient, device: Device, product: Product, case: tuple[str, Any, Any]) -> None:
    kind, sent, recorded = case
    places: dict[str | None, Location | None] = {
        "main": default_location(device), "from": factories.make_location(device, name="from"),
        "to": factories.make_location(device, name="to"), None: None,
    }  # fmt: skip
    answer = send(api, product, kind=kind, **{f"{side}_location_id": str(places[side].uuid) for side in sent})
    if isinstance(recorded, str):
        assert (answer.status_code, answer.json()["internal_code"]) == (422, recorded)
        assert (StockMovement.objects.count(), levels(device)) == (0, {})
        return
    source, target = (places[name] for name in recorded)
    assert answer.status_code == 201
    assert answer.json()["from_location_id"] == (str(source.uuid) if source else None)
    assert answer.json()["to_location_id"] == (str(target.uuid) if target else None)
    assert StockMovement.objects.count() == 1  # a transfer is one row: it cannot be half done
    assert levels(device) == {
        place.name: Decimal(sign) for place, sign in ((source, -1), (target, 1)) if place is not None
    }


def test_a_transfer_needs_two_places_and_count_is_the_servers(api: APIClient, device: Device, product: Product) -> None:
    here = str(default_location(device).uuid)
    same = send(api, product, kind="transfer", from_location_id=here, to_location_id=here)
    assert (same.status_code, same.json()["internal_code"]) == (422, "same_location")
    for kind in ("count", "COUNT", "sale", "", None, 5, ["issue"]):
        answer = send(api, product, kind=kind, to_location_id=here)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "kind")
    assert StockMovement.objects.count() == 0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(micro=MICRO, as_number=st.booleans())
def test_any_quantity_is_kept_exactly(api: APIClient, product: Product, micro: int, as_number: bool) -> None:
    quantity = Decimal(micro).scaleb(-6)
    text = f"{quantity:f}"
    sent = text if as_number else f'"{text}"'
    body = f'{{"product_id":"{product.uuid}","kind":"receipt","quantity":{sent}}}'
    answer = api.post("/v1/stock-movements", body, content_type="application/json")
    assert answer.status_code == 201, answer.content
    shown = answer.json()["quantity"]
    assert Decimal(shown) == quantity
    assert "e" not in shown.lower()
    assert not ("." in shown and shown.endswith("0"))
    assert StockMovement.objects.latest("id").quantity == quantity


@pytest.mark.parametrize(
    ("quantity", "code"),
    [
        ("0", "min_value"), ("-1", "min_value"), ("0.0000001", "max_decimal_places"), ("1e-7", "max_decimal_places"),
        ("1.0000000000000000000000000000000001", "max_decimal_places"), ("999999999.9999995", "max_value"),
        ("1000000000", "max_value"), ("1e400", "max_value"), ("-1e400", "max_value"), ("NaN", "invalid"),
        ("Infinity", "invalid"), ("1_000", "invalid"), ("1,5", "invalid"), (" 1", "invalid"), ("", "invalid"),
        ("٣", "invalid"), ("0x10", "invalid"), (True, "invalid"), ([], "invalid"), (None, "null"),
        ("9" * 41, "invalid"), (10**9, "max_value"), ({"a": 1}, "invalid"),
    ],
)  # fmt: skip
def test_what_is_no_quantity_is_refused(api: APIClient, product: Product, quantity: Any, code: str) -> None:
    answer = send(api, product, quantity=quantity)
    (problem,) = answer.json()["errors"]
    assert (answer.status_code, problem["field"]) == (422, "quantity")
    assert problem["code"] == code
    assert StockMovement.objects.count() == 0


def test_decimals_of_json_are_never_floats(api: APIClient, device: Device, product: Product) -> None:
    for number in ("0.1", "0.2"):
        body = f'{{"product_id":"{product.uuid}","kind":"receipt","quantity":{number}}}'
        assert api.post("/v1/stock-movements", body, content_type="application/json").status_code == 201
    send(api, product, kind="issue", quantity="0.3")
    level = StockLevel.objects.get(product=product)
    assert level.quantity == 0
    assert api.get("/v1/stock-levels?quantity=0").json()["count"] == 1
    assert api.get(f"/v1/stock-levels/{level.uuid}").json()["quantity"] == "0"


def test_the_ledger_is_insert_only(api: APIClient, device: Device) -> None:
    movement = factories.make_movement(device)
    path = f"/v1/stock-movements/{movement.uuid}"
    before = StockMovement.objects.values().get()
    for answer in (api.put(path, {}), api.patch(path, {"note": "x"}), api.delete(path)):
        assert (answer.status_code, answer.json()["internal_code"]) == (405, "method_not_allowed")
    assert api.post(f"{path}/restore").status_code == 404
    assert StockMovement.objects.values().get() == before
    level = StockLevel.objects.get()
    for method in (api.put, api.patch, api.delete):
        assert method(f"/v1/stock-levels/{level.uuid}").status_code == 405
    assert api.post("/v1/stock-levels", {}).status_code == 405


def test_references_of_another_or_no_row_are_refused_alike(api: APIClient, device: Device, other: Device) -> None:
    product, deleted = factories.make_product(device), factories.make_product(device)
    api.delete(f"/v1/products/{deleted.uuid}")
    for field, make in (("product_id", factories.make_product), ("to_location_id", factories.make_location),
                        ("lot_id", factories.make_lot)):  # fmt: skip
        answers = [send(api, product, **{field: str(uuid)}) for uuid in (make(other).uuid, uuid4())]
        if field == "product_id":
            answers.append(send(api, deleted))
        for answer in answers:
            body = answer.json()
            assert (answer.status_code, body["internal_code"]) == (404, "reference_not_found")
            assert (body["errors"][0]["field"], body["detail"]) == (field, answers[0].json()["detail"])
    assert StockMovement.objects.count() == 0


def test_a_lot_moves_with_its_own_product_only(api: APIClient, device: Device, product: Product) -> None:
    lot = factories.make_lot(device)
    answer = send(api, product, lot_id=str(lot.uuid))
    assert (answer.status_code, answer.json()["internal_code"]) == (422, "lot_of_another_product")
    assert StockMovement.objects.count() == 0


def test_who_recorded_is_kept(api: APIClient, device: Device, product: Product) -> None:
    movement = StockMovement.objects.by_uuid(device, send(api, product).json()["id"])
    mirror = api.post(f"/v1/stock-movements/{movement.uuid}/reverse").json()["id"]
    installation = Installation.objects.get(device=device)
    assert movement.installation == installation
    assert StockMovement.objects.by_uuid(device, mirror).installation == installation


REVERSED = [
    ("receipt", {}, "issue"),
    ("issue", {}, "receipt"),
    ("transfer", {"from_location_id": 0, "to_location_id": 1}, "transfer"),
    ("adjustment", {"to_location_id": 1}, "adjustment"),
    ("adjustment", {"from_location_id": 0}, "adjustment"),
]


@pytest.mark.parametrize(("kind", "sides", "mirrored"), REVERSED)
def test_a_reversal_is_the_mirror_image_once(
    api: APIClient, device: Device, kind: str, sides: dict[str, int], mirrored: str
) -> None:
    places = [factories.make_location(device) for _ in range(2)]
    lot = factories.make_lot(device)
    chosen = {side: str(places[number].uuid) for side, number in sides.items()}
    body = {"lot_id": str(lot.uuid), "reference": "R-7", "quantity": "2.5", "kind": kind, **chosen}
    made = send(api, lot.product, **body).json()
    wanted_id = str(uuid4())
    answer = api.post(f"/v1/stock-movements/{made['id']}/reverse", {"reason": "mistyped", "id": wanted_id})
    mirror = answer.json()
    assert (answer.status_code, mirror["id"], mirror["kind"]) == (201, wanted_id, mirrored)
    assert (mirror["from_location_id"], mirror["to_location_id"]) == (made["to_location_id"], made["from_location_id"])
    assert {key: mirror[key] for key in ("product_id", "lot_id", "quantity", "reference", "reason", "reverses_id")} == {
        "product_id": made["product_id"], "lot_id": str(lot.uuid), "quantity": "2.5", "reference": "R-7",
        "reason": "mistyped", "reverses_id": made["id"],
    }  # fmt: skip
    assert set(levels(device).values()) == {Decimal(0)}

    count = StockMovement.objects.count()
    again = api.post(f"/v1/stock-movements/{made['id']}/reverse")
    back = api.post(f"/v1/stock-movements/{wanted_id}/reverse")
    assert (again.status_code, again.json()["internal_code"]) == (409, "movement_already_reversed")
    assert (back.status_code, back.json()["internal_code"]) == (409, "reversal_of_reversal")
    assert StockMovement.objects.count() == count


def test_a_reversal_takes_only_its_own_fields_and_a_free_id(api: APIClient, device: Device) -> None:
    movement = factories.make_movement(device)
    path = f"/v1/stock-movements/{movement.uuid}/reverse"
    used = api.post(path, {"id": str(movement.uuid)})
    assert (used.status_code, used.json()["internal_code"]) == (409, "id_already_used")
    assert api.post(path, {"quantity": "1"}).status_code == 422
    assert api.post(path, {"reason": "x" * 101}).status_code == 422
    assert api.post(f"/v1/stock-movements/{uuid4()}/reverse").status_code == 404
    assert StockMovement.objects.count() == 1
    assert api.post(path).json()["reason"] == "reversal"


def test_below_zero_is_recorded_and_shown_to_people_once(api: APIClient, device: Device, product: Product) -> None:
    steps = [("issue", "2"), ("issue", "1"), ("receipt", "4"), ("issue", "2.5")]  # −2, −3, 1, −1.5
    times = []
    for kind, quantity in steps:
        assert send(api, product, kind=kind, quantity=quantity).status_code == 201
        times.append(Case.objects.get(kind="negative_stock").times)
    assert times == [1, 1, 1, 2]  # counted at each crossing, one case
    case = Case.objects.get(kind="negative_stock")
    assert case.evidence["quantity"] == "-1.5"
    assert case.evidence["product_id"] == str(product.uuid)


def test_a_serial_in_two_places_is_shown_to_people(api: APIClient, device: Device) -> None:
    lot = factories.make_lot(device, kind=Lot.Kind.SERIAL, code="SN1")
    one, two = (str(factories.make_location(device, name=name).uuid) for name in ("one", "two"))
    send(api, lot.product, lot_id=str(lot.uuid), to_location_id=one)
    send(api, lot.product, lot_id=str(lot.uuid), kind="transfer", from_location_id=one, to_location_id=two)
    assert not Case.objects.exists()
    send(api, lot.product, lot_id=str(lot.uuid), to_location_id=one)
    case = Case.objects.get()
    assert (case.kind, case.times) == ("serial_in_two_places", 1)
    assert sorted(case.evidence["places"]) == [["one", "1"], ["two", "1"]]
    send(api, lot.product, lot_id=str(lot.uuid), kind="transfer", from_location_id=two, to_location_id=one)
    case.refresh_from_db()
    assert (case.times, case.evidence["places"]) == (2, [["one", "2"]])
