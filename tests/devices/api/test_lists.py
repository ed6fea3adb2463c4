"""Lists: pages, cursors, ordering, search, filters, fields, ETags. Shown on products, true of every resource."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from config.core.middleware import API
from devices.models import Device
from inventory.services.categories import delete_category
from inventory.services.products import delete_product
from inventory.services.tasks import create_task
from tests import factories

URL = "/v1/products"
pytestmark = pytest.mark.django_db


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [row.get("name", row.get("title")) for row in answer.json()["results"]]


def walk(api: APIClient, url: str, link: str = "next") -> list[list[str]]:
    """The pages from `url` on, following the links."""
    pages: list[list[str]] = []
    following: str | None = url
    while following:
        assert len(pages) < 60, "the links go round in a circle"
        answer = api.get(following)
        pages.append(names(answer))
        following = answer.json()[link]
    return pages


@pytest.fixture
def ten(device: Device) -> list[str]:
    return [factories.make_product(device, name=f"P{number}").name for number in range(10)]


def test_a_page_has_twenty_rows_by_default(api: APIClient, device: Device) -> None:
    for number in range(21):
        factories.make_product(device, name=f"P{number}")
    body = api.get(URL).json()
    assert (body["count"], len(body["results"]), body["previous"]) == (21, 20, None)
    assert set(body) == {"count", "next", "previous", "results"}
    assert names(api.get(body["next"])) == ["P20"]
    assert len(api.get(f"{URL}?limit=500").json()["results"]) == 21


@pytest.mark.parametrize("word", ["offset", "skip"])
def test_pages_by_offset_lead_through_everything_and_back(api: APIClient, ten: list[str], word: str) -> None:
    pages = walk(api, f"{URL}?limit=3&{word}=0")
    assert [name for page in pages for name in page] == ten
    last = f"{URL}?limit=3&{word}=9"
    assert [name for page in reversed(walk(api, last, "previous")) for name in page] == ten
    assert names(api.get(f"{URL}?limit=3&{word}=10")) == []
    assert names(api.get(f"{URL}?{word}=10000000")) == []


@pytest.mark.parametrize("ordering", ["", "&ordering=name", "&ordering=-name", "&ordering=-sku,name"])
@pytest.mark.parametrize("limit", [1, 3, 10, 11])
def test_pages_by_cursor_lead_through_everything_and_back(
    api: APIClient, ten: list[str], ordering: str, limit: int
) -> None:
    expected = names(api.get(f"{URL}?limit=500{ordering}"))
    url = f"{URL}?limit={limit}&cursor={ordering}"
    forward = walk(api, url)
    assert [name for page in forward for name in page] == expected
    last = url
    while following := api.get(last).json()["next"]:
        last = following
    assert list(reversed(walk(api, last, "previous"))) == forward
    assert api.get(url).json()["count"] is None


def test_a_cursor_skips_and_repeats_nothing_while_rows_come_and_go(
    api: APIClient, device: Device, ten: list[str]
) -> None:
    first = api.get(f"{URL}?limit=4&cursor=&ordering=name").json()
    delete_product(factories.Product.objects.get(name="P3"), actor=factories.TESTER)  # the last one seen
    factories.make_product(device, name="P00")  # before the place
    factories.make_product(device, name="P55")  # behind it
    rest = walk(api, first["next"])
    assert [name for page in rest for name in page] == ["P4", "P5", "P55", "P6", "P7", "P8", "P9"]


def test_more_equal_rows_than_a_page_holds(api: APIClient, device: Device) -> None:
    for number in range(7):
        factories.make_task(device, title=f"T{number}", priority=3)
    pages = walk(api, "/v1/tasks?limit=2&cursor=&ordering=-priority")
    assert [title for page in pages for title in page] == [f"T{number}" for number in range(7)]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_rows_without_a_value_come_last_on_every_page(
    api: APIClient, device: Device, descending: bool, limit: int
) -> None:
    for title, due in (("a", None), ("b", "2026-02-01"), ("c", None), ("d", "2026-01-01"), ("e", None)):
        create_task(device=device, actor=factories.TESTER, title=title, due_date=due)
    expected = list("bdace" if descending else "dbace")
    ordering = "-due_date" if descending else "due_date"
    assert names(api.get(f"/v1/tasks?ordering={ordering}")) == expected
    url = f"/v1/tasks?cursor=&limit={limit}&ordering={ordering}"
    forward = walk(api, url)
    assert [title for page in forward for title in page] == expected
    last = url
    while following := api.get(last).json()["next"]:
        last = following
    assert list(reversed(walk(api, last, "previous"))) == forward


def test_times_and_quantities_order_cursors_exactly(api: APIClient, device: Device) -> None:
    product = factories.make_product(device)
    for quantity in ("0.1", "0.2", "0.000001", "999999999.999999", "0.100001"):
        factories.make_movement(device, product_id=product.uuid, quantity=Decimal(quantity))
    for ordering in ("quantity", "-quantity", "occurred_at", "-received_at"):
        every = api.get(f"/v1/stock-movements?ordering={ordering}").json()["results"]
        seen, following = [], f"/v1/stock-movements?limit=2&cursor=&ordering={ordering}"
        while following:
            page = api.get(following).json()
            seen += page["results"]
            following = page["next"]
        assert seen == every


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=x",
        "limit=",
        "limit=1.5",
        "limit=1_0",
        "limit=１２",
        "limit=%2B5",
        "limit=99999999999999999999",
        "offset=-1",
        "offset=99999999999999999999",
        "offset=10000001",
        "skip=x",
        "offset=1&skip=1",
        "cursor=&offset=1",
        "cursor=&skip=1",
        "cursor=&limit=0",
        "cursor=x",
        "cursor=%00",
        "cursor=" + "A" * 9000,
        "cursor=WyJmIixbImlkIl0sWyJ4Il1d",  # ["f",["id"],["x"]]
        "cursor=WyJmIixbImlkIl0sW251bGxdXQ",  # ["f",["id"],[null]]
        "cursor=WyJmIixbIm5hbWUiXSxbIngiXV0",  # another order
        "cursor=WyJmIixbImlkIl0sW11d",  # ["f",["id"],[]]
        "cursor=eyJhIjogMX0",  # {"a": 1}
        "cursor=WzEsMiwzXQ",  # [1,2,3]
        "cursor=WyJ4IixbImlkIl0sWzFdXQ",  # ["x",["id"],[1]]
    ],
)
def test_pages_out_of_range_are_refused(api: APIClient, ten: list[str], query: str) -> None:
    answer = api.get(f"{URL}?{query}")
    assert answer.status_code == 400
    assert answer.json()["internal_code"] in ("bad_page", "bad_text")


def test_a_cursor_is_for_the_list_that_gave_it(api: APIClient, ten: list[str]) -> None:
    link = api.get(f"{URL}?limit=2&cursor=&ordering=name").json()["next"]
    assert api.get(link.replace("ordering=name", "ordering=-name")).status_code == 400
    assert api.get(link.replace("&ordering=name", "")).status_code == 400
    assert api.get(link.replace("limit=2", "limit=3")).status_code == 200
    for ordering, value in (("updated_at", '"2026-01-01T00:00:00"'), ("updated_at", "5"), ("revision", '"x"')):
        raw = base64.urlsafe_b64encode(f'["f",["{ordering}","id"],[{value},1]]'.encode()).decode().rstrip("=")
        assert api.get(f"{URL}?ordering={ordering}&cursor={raw}").json()["internal_code"] == "bad_page"


@pytest.mark.parametrize(
    "ordering", ["device", "id", "-id", "secret", "name,name", "name,-name", "--name", "name;", ",", "?"]
)
def test_unknown_orders_are_refused(api: APIClient, ordering: str) -> None:
    answer = api.get(URL, {"ordering": ordering})
    assert (answer.status_code, answer.json()["internal_code"]) == (400, "unknown_ordering")


def test_order_search_and_filters(api: APIClient, device: Device) -> None:
    tea = factories.make_category(device, name="Tea")
    for name, sku, active in (("Earl Grey", "T-1", True), ("Sencha", "T-2", True), ("Édition noire", "N_1", False)):
        factories.make_product(device, name=name, sku=sku, is_active=active, category_id=tea.uuid)
    factories.make_product(device, name="  100 % cotton ", sku="C-1")
    found = {
        "ordering=-name": None,
        "search=earl": ["Earl Grey"],
        "search=earl t-1": ["Earl Grey"],
        "search=édition": ["Édition noire"],
        "search=100 %25": ["  100 % cotton "],
        "search=": None,
        "name=Sencha": ["Sencha"],
        "name=sencha": [],
        "name__iexact=sencha": ["Sencha"],
        "name__icontains=É": ["Édition noire"],
        "name__icontains=%25": ["  100 % cotton "],
        "name= ": [],
        "name=  100 %25 cotton ": ["  100 % cotton "],
        "sku__istartswith=n_": ["Édition noire"],
        "sku__istartswith=t_": [],
        "is_active=false": ["Édition noire"],
        "is_active=true&category=" + str(tea.uuid).upper(): ["Earl Grey", "Sencha"],
        "reorder_level__isnull=false": [],
        "updated_at__gte=2020-01-01T00:00:00Z&search=earl": ["Earl Grey"],
        "updated_at__gte=2999-01-01T00:00:00%2B02:00": [],
        "revision__gt=99999999999999999999": [],
        "revision__gte=0&search=sencha": ["Sencha"],
    }
    for query, expected in found.items():
        got = names(api.get(f"{URL}?{query}"))
        assert (got == expected) if expected is not None else len(got) == 4, query


@pytest.mark.parametrize(
    "query",
    [
        "is_active=yes",
        "is_active=1",
        "is_active=",
        "is_active=True",
        "name=",
        "sku=",
        "name=a&name=b",
        "limit=5&limit=6",
        "category=x",
        "category=",
        "category={id}&category={id}",
        "category=１２３４５６７８１２３４５６７８１２３４５６７８１２３４５６７８",
        "reorder_level__isnull=maybe",
        "updated_at__gte=yesterday",
        "updated_at__gte=2026-01-01",
        "updated_at__gte=2026-01-01T00:00:00",
        "updated_at__gte=0001-01-01T00:00:00%2B23:59",
        "updated_at__gte=２０２６-01-01T00:00:00Z",
        "revision__gt=x",
        "revision__gt=1_000",
        "revision__gt=NaN",
        "revision__gt=1e400",
        "revision__gt=１２",
        "deleted=maybe",
    ],
)
def test_bad_filter_values_are_refused(api: APIClient, query: str) -> None:
    answer = api.get(f"{URL}?{query.format(id=uuid4())}")
    assert (answer.status_code, answer.json()["internal_code"]) == (400, "invalid_filter")


@pytest.mark.parametrize(
    "query", ["nmae=x", "name__regex=x", "device=1", "id=1", "category__name=x", "format=xml", "a[]=1"]
)
def test_unknown_filters_are_refused(api: APIClient, query: str) -> None:
    for url in (URL, f"{URL}?limit=5"):
        answer = api.get(url + ("&" if "?" in url else "?") + query)
        assert (answer.status_code, answer.json()["internal_code"]) == (400, "unknown_filter")
    etag = api.get(URL).headers["ETag"]
    assert api.get(f"{URL}?{query}", headers={"If-None-Match": etag}).status_code == 400


def test_a_quantity_filter_takes_what_the_column_holds(api: APIClient, device: Device) -> None:
    factories.make_movement(device, quantity=Decimal("2.5"))
    url = "/v1/stock-movements"
    assert api.get(f"{url}?quantity=2.50").json()["count"] == 1
    assert api.get(f"{url}?quantity__gte=2.500001").json()["count"] == 0
    for value in ("2.5000001", "1" + "0" * 20, "Infinity", "NaN", "1e3", "1_000"):
        answer = api.get(f"{url}?quantity={value}")
        assert (answer.status_code, answer.json()["internal_code"]) == (400, "invalid_filter")


def test_foreign_deleted_and_missing_references_filter_alike(api: APIClient, device: Device, other: Device) -> None:
    deleted = factories.make_category(device)
    delete_category(deleted, actor=factories.TESTER)
    bodies = []
    for uuid in (uuid4(), factories.make_category(other).uuid, deleted.uuid):
        answer = api.get(f"{URL}?category={uuid}")
        assert answer.status_code == 404
        bodies.append({**answer.json(), "request_id": ""})
    assert bodies[0]["internal_code"] == "reference_not_found"
    assert bodies == bodies[:1] * 3


@pytest.mark.parametrize("text", ["x" * 201, "\x00", "a\x00b"])
def test_search_has_its_limits(api: APIClient, text: str) -> None:
    answer = api.get(URL, {"search": text})
    assert (answer.status_code, answer.json()["internal_code"]) == (400, "bad_text")


@pytest.mark.parametrize(
    "text", ["a " * 100, '"', '"a b', "'", "\\", "%", "_", "\ufeff", "\u202e", "٣", "a,b", "' OR 1=1 --"]
)
def test_any_other_text_can_be_searched(api: APIClient, ten: list[str], text: str) -> None:
    assert api.get(URL, {"search": text}).status_code == 200


def test_fields_leave_out_the_rest(api: APIClient, ten: list[str]) -> None:
    rows = api.get(f"{URL}?fields=name,id&limit=2").json()["results"]
    assert [set(row) for row in rows] == [{"id", "name"}] * 2
    assert set(api.get(f"{URL}/{rows[0]['id']}?fields=sku").json()) == {"sku"}
    for query, code in (("fields=secret", "unknown_field_wanted"), ("fields=", "unknown_field_wanted")):
        for url in (URL, f"{URL}/{rows[0]['id']}"):
            answer = api.get(f"{url}?{query}")
            assert (answer.status_code, answer.json()["internal_code"]) == (400, code)


def test_deleted_rows_are_listed_when_asked_for(api: APIClient, ten: list[str]) -> None:
    delete_product(factories.Product.objects.get(name="P4"), actor=factories.TESTER)
    assert names(api.get(f"{URL}?deleted=true")) == ["P4"]
    assert "P4" not in names(api.get(f"{URL}?deleted=false"))
    assert api.get(URL).json()["count"] == 9


def test_an_unchanged_list_is_not_sent_again(api: APIClient, device: Device, ten: list[str]) -> None:
    etag = api.get(URL).headers["ETag"]
    for given in (etag, f'"x", {etag}', etag.removeprefix("W/")):
        answer = api.get(URL, headers={"If-None-Match": given})
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", etag)
    product = factories.Product.objects.get(name="P1")
    api.patch(f"{URL}/{product.uuid}", {"name": "P1"})  # changes nothing
    assert api.get(URL, headers={"If-None-Match": etag}).status_code == 304
    api.patch(f"{URL}/{product.uuid}", {"name": "New"})
    assert api.get(URL, headers={"If-None-Match": etag}).status_code == 200
    assert api.get(URL, headers={"If-None-Match": '"nonsense", W/'}).status_code == 200


def test_answers_are_private(api: APIClient) -> None:
    answer = api.get(URL)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Authorization" in answer.headers["Vary"]
    assert "Access-Control-Allow-Origin" not in api.get(URL, headers={"Origin": "https://evil.example"}).headers
    assert API == "/v1/"
