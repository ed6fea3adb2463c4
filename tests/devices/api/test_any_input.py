"""Any JSON to any writable endpoint, any query to any list: never a 5xx, and a refusal changes nothing."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_from_bytes, urlencode
from uuid import UUID

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from devices.models import Device, Feed, Installation, Presence, User
from tests import factories
from tests.conftest import client_of

pytestmark = pytest.mark.django_db
QUICK = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=40)
    | st.sampled_from(["", " ", "\x00", "\ud800", "１２", "1_000", "1e400", "2026-01-01T00:00:00Z", "2026-02-30"])
    | st.sampled_from(["9" * 20, str(UUID(int=0)), "true", "receipt", "../..", "' OR 1=1 --", "x" * 400, "0001-01-01"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def fields_of(name: str) -> list[str]:
    return {
        "products": [
            *("id", "name", "sku", "unit", "notes", "is_active", "reorder_level", "unit_cost", "category_id"),
            "attributes",
        ],
        "categories": ["id", "name", "parent_id"],
        "barcodes": ["id", "product_id", "value", "symbology", "quantity"],
        "locations": ["id", "name", "code", "parent_id", "kind"],
        "lots": ["id", "product_id", "code", "expires_on", "kind"],
        "tasks": ["id", "title", "description", "priority", "due_date", "assignee", "location_id", "completed"],
        "stock-movements": [
            "id", "product_id", "kind", "quantity", "from_location_id", "to_location_id", "lot_id", "reason", "note",
            "reference", "occurred_at",
        ],
        "devices/me": ["name", "platform"],
        "devices/me/heartbeat": ["queue_depth", "client_time", "battery", "app_version"],
        "devices/me/roll": ["secret"],
        "devices/register": [
            "device_id", "installation_id", "secret", "name", "platform", "app_version", "enrollment_code",
        ],
        "auth/token": ["username", "password"],
        "auth/refresh": ["refresh"],
        "auth/logout": ["refresh"],
        "auth/me": ["first_name", "last_name", "email"],
    }[name]  # fmt: skip


def one_row(device: Device, name: str) -> Any:
    make = {
        "products": factories.make_product,
        "categories": factories.make_category,
        "barcodes": factories.make_barcode,
        "locations": factories.make_location,
        "lots": factories.make_lot,
        "tasks": factories.make_task,
    }
    return make[name](device)


def bodies(name: str) -> st.SearchStrategy[Any]:
    """Right names with any values, now and then a wrong name, or no object at all."""
    names = st.sampled_from([*fields_of(name), "unknown"])
    return st.dictionaries(names, VALUES, max_size=6) | VALUES


def snapshot() -> Any:
    """Everything a refused request must leave as it was."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT COUNT(*) FROM devices_event), (SELECT SUM(head) FROM devices_feed), "
            "(SELECT COUNT(*) FROM stock_movements), (SELECT SUM(revision) FROM products)"
        )
        rows = cursor.fetchone()
    presence = list(Presence.objects.order_by("pk").values_list("queue_depth", "battery", "clock_offset_ms"))
    secrets = list(Installation.objects.order_by("pk").values_list("secret_hash", "next_secret_hash"))
    people = list(User.objects.order_by("pk").values_list("first_name", "last_name", "email", "username"))
    return (
        rows,
        presence,
        secrets,
        people,
        Device.all_objects.count(),
        list(Feed.objects.values()),
    )


def judge(send: Any) -> None:
    before = snapshot()
    answer = send()
    assert answer.status_code < 500, answer.content
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["internal_code"] != "internal_error"
        assert snapshot() == before


def raw(body: Any) -> bytes:
    return json.dumps(body).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    "name", ["products", "categories", "barcodes", "locations", "lots", "tasks", "stock-movements"]
)
def test_creating_with_anything(api: APIClient, device: Device, name: str) -> None:
    @QUICK
    @given(body=bodies(name) | st.lists(bodies(name), max_size=3))
    def run(body: Any) -> None:
        judge(lambda: api.generic("POST", f"/v1/{name}", raw(body), content_type="application/json"))
        assert api.get(f"/v1/{name}").status_code == 200  # and what was accepted can be read

    run()


@pytest.mark.parametrize("name", ["products", "categories", "barcodes", "locations", "lots", "tasks"])
def test_changing_to_anything(api: APIClient, device: Device, name: str) -> None:
    row = one_row(device, name)

    @QUICK
    @given(body=bodies(name), method=st.sampled_from(["PATCH", "PUT"]))
    def run(body: Any, method: str) -> None:
        judge(lambda: api.generic(method, f"/v1/{name}/{row.uuid}", raw(body), content_type="application/json"))
        assert api.get(f"/v1/{name}/{row.uuid}").status_code == 200

    run()


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("PATCH", "devices/me"),
        ("POST", "devices/me/heartbeat"),
        ("POST", "devices/me/roll"),
        ("POST", "devices/register"),
        ("POST", "auth/token"),
        ("POST", "auth/refresh"),
        ("POST", "auth/logout"),
        ("PATCH", "auth/me"),
    ],
)
def test_devices_and_people_with_anything(api: APIClient, user: User, method: str, name: str, settings: Any) -> None:
    rates = dict.fromkeys(("register", "sign_in", "caller", "unauthorized"), "100000/min")
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}
    client = client_of(user) if name.startswith("auth") else api

    @QUICK
    @given(body=bodies(name))
    def run(body: Any) -> None:
        judge(lambda: client.generic(method, f"/v1/{name}", raw(body), content_type="application/json"))

    run()


@pytest.mark.parametrize(
    "content", [st.binary(max_size=200), VALUES.map(lambda value: str(value).encode("utf-8", "replace"))]
)
def test_any_bytes_for_a_body(api: APIClient, device: Device, content: st.SearchStrategy[bytes]) -> None:
    @QUICK
    @given(body=content, key=st.text(max_size=20))
    def run(body: bytes, key: str) -> None:
        header = {"Idempotency-Key": key.encode("ascii", "replace").decode()}
        judge(lambda: api.generic("POST", "/v1/products", body, content_type="application/json", headers=header))

    run()


@pytest.mark.parametrize(
    "path",
    ["products", "categories", "barcodes", "locations", "lots", "tasks", "stock-movements", "stock-levels", "devices"],
)
def test_any_query_for_a_list(api: APIClient, device: Device, path: str) -> None:
    factories.make_movement(device)
    known = ["limit", "offset", "skip", "cursor", "search", "ordering", "fields", "deleted", "name", "updated_at__gte"]
    known += ["revision__gt", "category", "product", "is_active", "quantity__gte", "due_date__lte", "priority", "kind"]
    texts = SCALARS.map(str) | st.sampled_from(["name", "-name", "id", "true", "5", "-1"])

    @QUICK
    @given(
        query=st.dictionaries(st.sampled_from(known) | st.text(max_size=6), texts, max_size=4),
        noise=st.binary(max_size=6),
    )
    def run(query: dict[str, str], noise: bytes) -> None:
        text = urlencode(query, errors="replace")
        for ending in ("", "&" + quote_from_bytes(noise), "&name=" + quote_from_bytes(noise)):
            answer = api.get(f"/v1/{path}?{text}{ending}")
            assert answer.status_code in (200, 400, 404), answer.content

    run()


@pytest.mark.parametrize("path", ["products/{}", "products/{}/stock", "scan/{}", "devices/{}", "{}"])
def test_any_path(api: APIClient, device: Device, path: str) -> None:
    @QUICK
    @given(part=st.binary(min_size=1, max_size=12), query=st.binary(max_size=6))
    def run(part: bytes, query: bytes) -> None:
        url = "/v1/" + path.format(quote_from_bytes(part, safe=""))
        answer = api.get(f"{url}?at={quote_from_bytes(query)}")
        assert answer.status_code in (200, 400, 404), answer.content

    run()
