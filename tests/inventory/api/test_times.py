"""Times and dates on the wire: with a zone in, UTC with Z out, never a 5xx."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from devices.models import Device
from inventory.models import Product, StockMovement
from tests import factories

KEPT = [
    ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"),
    ("2026-03-01T12:00:00+05:30", "2026-03-01T06:30:00Z"),
    ("2026-03-01 12:00:00.123456-03:00", "2026-03-01T15:00:00.123456Z"),
    ("2026-02-28T23:59:59.999999Z", "2026-02-28T23:59:59.999999Z"),
    ("1999-12-31T23:59:59Z", "1999-12-31T23:59:59Z"),
    ("2100-01-01T00:00:00+14:00", "2099-12-31T10:00:00Z"),
]
REFUSED: list[Any] = [
    "2026-03-01T12:00:00", "2026-03-01", "20260301", "2026-12-31T23:59:60Z", "2026-02-30T00:00:00Z",
    "2026-03-01T25:00:00Z", "2026-03-01T12:00:00+25:00", "2026-03-01T12:00:00 02:00", "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00", "10000-01-01T00:00:00Z",
    "-0001-01-01T00:00:00Z", "yesterday", "", "٢٠٢٦-٠٣-٠١T12:00:00Z", "1772366400",
]  # fmt: skip
NO_TEXT: list[Any] = [1772366400, 1.5, True, [], {}, None]
DATES_REFUSED = ["2026-02-30", "01/03/2026", "2026-3", "2026-03-01T00:00:00Z", "0000-01-01", "10000-01-01", ""]


@pytest.fixture
def product(device: Device) -> Product:
    return factories.make_product(device)


def send(api: APIClient, product: Product, **body: Any) -> Any:
    return api.post(
        "/v1/stock-movements", {"product_id": str(product.uuid), "kind": "receipt", "quantity": "1", **body}
    )


@pytest.mark.parametrize(("given", "answered"), KEPT)
def test_a_time_is_kept_and_answered_in_utc(
    api: APIClient, product: Product, given: str, answered: str, settings: Any
) -> None:
    settings.TIME_ZONE = "Asia/Kolkata"  # how the admin shows times is no matter of the wire
    before = timezone.now()
    row = send(api, product, occurred_at=given).json()
    assert row["occurred_at"] == answered
    movement = StockMovement.objects.get()
    assert movement.occurred_at == datetime.fromisoformat(answered)
    assert before <= movement.received_at <= timezone.now()  # beside it, by the server's clock
    assert api.get(f"/v1/stock-movements/{row['id']}").json() == row


@pytest.mark.parametrize("given", [*REFUSED, *NO_TEXT], ids=repr)
def test_a_time_without_zone_or_out_of_range_is_refused(api: APIClient, product: Product, given: Any) -> None:
    answer = send(api, product, occurred_at=given)
    (problem,) = answer.json()["errors"]
    assert (answer.status_code, problem["field"]) == (422, "occurred_at")
    assert StockMovement.objects.count() == 0


def test_without_a_time_it_is_now(api: APIClient, product: Product) -> None:
    before = timezone.now()
    send(api, product)
    movement = StockMovement.objects.get()
    assert before <= movement.occurred_at <= timezone.now()


LISTS = [
    ("products", "created_at"), ("products", "updated_at"), ("categories", "updated_at"), ("barcodes", "created_at"),
    ("locations", "updated_at"), ("lots", "updated_at"), ("tasks", "created_at"), ("stock-movements", "occurred_at"),
    ("stock-movements", "created_at"), ("stock-levels", "updated_at"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "field"), LISTS)
def test_filters_by_time_take_what_bodies_take(api: APIClient, path: str, field: str) -> None:
    for given in REFUSED:
        answer = api.get(f"/v1/{path}?{field}__gte={quote(given)}")
        assert answer.status_code == 400, given
        assert answer.json()["errors"][0]["field"] == f"{field}__gte"
    unescaped_plus = api.get(f"/v1/{path}?{field}__gte=2026-03-01T12:00:00+02:00")
    assert (unescaped_plus.status_code, unescaped_plus.json()["internal_code"]) == (400, "invalid_filter")
    for given, _ in KEPT:
        for lookup in ("gte", "lte", "gt", "lt"):
            assert api.get(f"/v1/{path}?{field}__{lookup}={quote(given)}").status_code == 200


def test_a_filter_compares_moments_not_texts(api: APIClient, product: Product) -> None:
    for hour in ("10", "11", "12"):
        send(api, product, occurred_at=f"2026-03-01T{hour}:00:00Z")
    query = "occurred_at__gte=2026-03-01T13:00:00%2B02:00&occurred_at__lt=2026-03-01T12:00:00Z"
    rows = api.get(f"/v1/stock-movements?{query}").json()["results"]
    assert [row["occurred_at"] for row in rows] == ["2026-03-01T11:00:00Z"]


@pytest.mark.parametrize(("path", "field"), [("lots", "expires_on"), ("tasks", "due_date")])
def test_dates_are_iso_dates(api: APIClient, device: Device, path: str, field: str) -> None:
    body = {"title": "x"} if path == "tasks" else {"product_id": str(factories.make_product(device).uuid), "code": "L"}
    for given in DATES_REFUSED:
        answer = api.post(f"/v1/{path}", {**body, field: given})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), given
        assert api.get(f"/v1/{path}?{field}__gte={quote(given)}").status_code == 400, given
    assert api.post(f"/v1/{path}", {**body, field: 20260301}).status_code == 422
    for index, given in enumerate(["0001-01-01", "2024-02-29", "9999-12-31"]):
        made = api.post(f"/v1/{path}", {**body, **({"code": f"L{index}"} if "code" in body else {}), field: given})
        assert made.json()[field] == given
        assert api.get(f"/v1/{path}/{made.json()['id']}").json()[field] == given
    assert api.get(f"/v1/{path}?{field}__lt=2024-02-29").json()["count"] == 1
    assert api.get(f"/v1/{path}?{field}__isnull=true").json()["count"] == 0


@pytest.mark.parametrize(
    "at", [value for value in REFUSED if value not in ("20260301", "1772366400")] + ["9" * 19, "-1"]
)
def test_stock_at_no_moment_is_refused(api: APIClient, product: Product, at: str) -> None:
    answer = api.get(f"/v1/products/{product.uuid}/stock?at={quote(at)}")
    assert (answer.status_code, answer.json()["internal_code"]) == (400, "invalid_filter")


def test_stock_by_time_counts_what_happened_then(api: APIClient, product: Product) -> None:
    """Back-dated facts belong to the past they tell, whenever they were received."""
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for hours, quantity in ((0, "5"), (2, "7"), (1, "1")):
        send(api, product, occurred_at=(noon + timedelta(hours=hours)).isoformat(), quantity=quantity)
    head = api.get(f"/v1/products/{product.uuid}/stock").json()["revision"]
    for at, on_hand in (("11:59:59.999999Z", "0"), ("12:00:00Z", "5"), ("15:00:00%2B02:00", "6"), ("14:00:00Z", "13")):
        stock = api.get(f"/v1/products/{product.uuid}/stock?at=2026-03-01T{at}").json()
        assert (stock["on_hand"], stock["revision"]) == (on_hand, head)
