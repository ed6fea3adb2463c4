"""Stock of a product: now, at a revision, at a time; with lots, and after deletes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from devices.models import Device, Feed
from inventory.models import Location, Product, StockLevel
from inventory.reports.stock import stock_of, sums_by_sku
from inventory.services.locations import default_location, delete_location
from inventory.services.products import delete_product
from tests import factories


@pytest.fixture
def product(device: Device) -> Product:
    return factories.make_product(device, sku="T-1")


def stock(api: APIClient, product: Product, query: str = "") -> dict[str, Any]:
    answer = api.get(f"/v1/products/{product.uuid}/stock{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def line(place: Location, quantity: str, lot: Any = None) -> dict[str, Any]:
    return {
        "location_id": str(place.uuid),
        "location_name": place.name,
        "lot_id": str(lot.uuid) if lot else None,
        "quantity": quantity,
    }


def test_a_product_that_never_moved_has_none(api: APIClient, device: Device, product: Product) -> None:
    head = Feed.objects.get(device=device).head
    for query in ("", f"?at={head}", "?at=2026-03-01T00:00:00Z"):
        assert stock(api, product, query) == {"on_hand": "0", "by_location": [], "revision": head}
    assert stock(api, product, "?at=0") == {"on_hand": "0", "by_location": [], "revision": 0}


def test_stock_now_and_at_each_revision(api: APIClient, device: Device, product: Product) -> None:
    main, cellar = default_location(device), factories.make_location(device, name="A cellar")
    lot = factories.make_lot(device, product_id=product.uuid)
    made = {"product_id": product.uuid}
    factories.make_movement(device, product_id=factories.make_product(device).uuid, quantity=Decimal(99))
    first = factories.make_movement(device, **made, quantity=Decimal("2.5"))
    second = factories.make_movement(device, **made, lot_id=lot.uuid, quantity=Decimal(4))
    third = factories.make_movement(
        device, **made, lot_id=lot.uuid, kind="transfer", quantity=Decimal(4),
        from_location_id=main.uuid, to_location_id=cellar.uuid,
    )  # fmt: skip
    at_second = {"on_hand": "6.5", "by_location": [line(main, "2.5"), line(main, "4", lot)]}
    now = {"on_hand": "6.5", "by_location": [line(cellar, "4", lot), line(main, "2.5")]}  # by name, empty ones left out
    head = Feed.objects.get(device=device).head
    assert stock(api, product) == {**now, "revision": head}
    assert stock(api, product, f"?at={third.revision}") == {**now, "revision": third.revision}
    assert stock(api, product, f"?at={second.revision}") == {**at_second, "revision": second.revision}
    assert stock(api, product, f"?at={first.revision - 1}")["on_hand"] == "0"
    assert stock(api, product, f"?at={head + 10_000}") == {**now, "revision": head}  # no promise about the future


def test_now_is_read_in_one_statement(device: Device, product: Product) -> None:
    """The revision belongs to the quantities: a writer in between could tear two reads apart."""
    factories.make_movement(device, product_id=product.uuid)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        found = stock_of(product, head=0)
    assert len(queries) == 1
    assert found.revision == Feed.objects.get(device=device).head


def test_the_past_ends_at_the_head_that_was_read(device: Device, product: Product) -> None:
    first = factories.make_movement(device, product_id=product.uuid)
    factories.make_movement(device, product_id=product.uuid)
    for at in (first.occurred_at.replace(year=2100), 10**15):
        assert stock_of(product, head=first.revision, at=at).on_hand == 1


def test_equal_names_keep_their_order(api: APIClient, device: Device, product: Product) -> None:
    places = [factories.make_location(device, name="Shelf") for _ in range(3)]
    for place in reversed(places):
        factories.make_movement(device, product_id=product.uuid, to_location_id=place.uuid)
    ids = [row["location_id"] for row in stock(api, product)["by_location"]]
    assert ids == sorted(str(place.uuid) for place in places)
    assert [row["location_id"] for row in stock(api, product, "?at=999999")["by_location"]] == ids


def test_a_deleted_product_has_no_stock_to_ask_for_but_keeps_it(
    api: APIClient, device: Device, product: Product
) -> None:
    factories.make_movement(device, product_id=product.uuid, quantity=Decimal(3))
    delete_product(product, actor=factories.TESTER)
    answer = api.get(f"/v1/products/{product.uuid}/stock")
    assert (answer.status_code, answer.json()["internal_code"]) == (404, "not_found")
    assert api.get("/v1/stock-levels").json()["count"] == 0
    api.post(f"/v1/products/{product.uuid}/restore")
    assert stock(api, product)["on_hand"] == "3"


def test_a_deleted_location_or_lot_does_not_change_the_past(api: APIClient, device: Device, product: Product) -> None:
    place = factories.make_location(device)
    lot = factories.make_lot(device, product_id=product.uuid)
    made = {"product_id": product.uuid, "lot_id": lot.uuid}
    came = factories.make_movement(device, **made, to_location_id=place.uuid)
    factories.make_movement(device, **made, kind="issue", from_location_id=place.uuid)
    before = stock(api, product, f"?at={came.revision}")
    delete_location(place, actor=factories.TESTER)
    api.delete(f"/v1/lots/{lot.uuid}")
    assert stock(api, product, f"?at={came.revision}") == before
    assert before["by_location"] == [line(place, "1", lot)]
    assert stock(api, product)["on_hand"] == "0"


def test_stock_in_a_deleted_lot_still_counts(api: APIClient, device: Device, product: Product) -> None:
    lot = factories.make_lot(device, product_id=product.uuid)
    factories.make_movement(device, product_id=product.uuid, lot_id=lot.uuid)
    api.delete(f"/v1/lots/{lot.uuid}")
    assert stock(api, product)["by_location"] == [line(default_location(device), "1", lot)]
    assert api.get("/v1/stock-levels").json()["count"] == 0


def test_stock_takes_no_other_parameter_and_only_own_products(api: APIClient, other: Device, product: Product) -> None:
    assert api.get(f"/v1/products/{product.uuid}/stock?limit=1").status_code == 400
    assert api.get(f"/v1/products/{factories.make_product(other).uuid}/stock").status_code == 404


def test_sums_by_sku(device: Device, other: Device, product: Product) -> None:
    factories.make_movement(device, product_id=product.uuid, quantity=Decimal("0.1"))
    factories.make_movement(device, product_id=product.uuid, quantity=Decimal("0.2"),
                            to_location_id=factories.make_location(device).uuid)  # fmt: skip
    factories.make_movement(other, product_id=factories.make_product(other, sku="T-1").uuid)
    assert list(sums_by_sku(device)) == [{"sku": "T-1", "on_hand": Decimal("0.3")}]


def test_levels_over_http(api: APIClient, device: Device, product: Product) -> None:
    lot = factories.make_lot(device, product_id=product.uuid)
    place = factories.make_location(device, name="Cellar")
    factories.make_movement(device, product_id=product.uuid, quantity=Decimal(5))
    factories.make_movement(device, product_id=product.uuid, quantity=Decimal("0.25"), lot_id=lot.uuid,
                            to_location_id=place.uuid)  # fmt: skip
    for query, quantities in {
        "": ["5", "0.25"], "ordering=quantity": ["0.25", "5"], f"lot={lot.uuid}": ["0.25"], "search=cellar": ["0.25"],
        f"location={place.uuid}&product={product.uuid}": ["0.25"], "quantity__gte=0.250001": ["5"],
        "quantity__lt=5": ["0.25"], "quantity=0.25": ["0.25"], "search=t-1": ["5", "0.25"],
    }.items():  # fmt: skip
        rows = api.get(f"/v1/stock-levels?{query}").json()["results"]
        assert [row["quantity"] for row in rows] == quantities, query
    for bad in ("quantity=NaN", "quantity=1e3", "quantity=0.0000001", "quantity__lt=99999999999999", "quantity=a"):
        assert api.get(f"/v1/stock-levels?{bad}").status_code == 400, bad
    level = StockLevel.objects.get(lot=lot)
    assert api.get(f"/v1/stock-levels/{level.uuid}").json()["location_id"] == str(place.uuid)
