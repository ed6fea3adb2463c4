"""Search, name check, filters and ordering of products find the same rows on both engines."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.db import connection
from rest_framework.test import APIClient

from config.core.sqlite.base import _folded
from devices.models import Device
from inventory.models import Product
from tests import factories

NAMES = ["Éclair", "éclair noir", "ECLAIR", "Straße", "STRASSE", "İstanbul çay", "ÇAY", "100% juice", "100 juice",
         "a_b", "axb", "back\\slash", "ΣΊΣΥΦΟΣ", "日本茶 煎茶", "quote's \"tea\""]  # fmt: skip


@pytest.fixture
def shelf(device: Device, other: Device) -> None:
    for name in NAMES:
        factories.make_product(device, name=name)
        factories.make_product(other, name=name)
    factories.make_product(device, name="Deleted éclair")
    Product.objects.for_device(device).filter(name="Deleted éclair").update(deleted_at="2026-01-01T00:00:00Z")


def names(api: APIClient, query: str) -> list[str]:
    answer = api.get(f"/v1/products?{query}")
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("éclair", ["Éclair", "éclair noir"]), ("ÉCLAIR", ["Éclair", "éclair noir"]), ("eclair", ["ECLAIR"]),
        ("noir écl", ["éclair noir"]), ("straße", ["Straße"]), ("strasse", ["STRASSE"]),
        ("çAY", ["İstanbul çay", "ÇAY"]),
        ("İSTANBUL", ["İstanbul çay"]), ("istanbul", []), ("100%", ["100% juice"]), ("0% j", ["100% juice"]),
        ("a_b", ["a_b"]), ("k\\s", ["back\\slash"]), ("\\", ["back\\slash"]), ("%", ["100% juice"]), ("_", ["a_b"]),
        ("σίσυφος", ["ΣΊΣΥΦΟΣ"]), ("煎茶", ["日本茶 煎茶"]), ("nothing", []), ("quote's", ["quote's \"tea\""]),
        ('"noir éclair"', []), ('"éclair noir"', ["éclair noir"]),
    ],
)  # fmt: skip
def test_search_is_literal_and_case_insensitive(api: APIClient, text: str, found: list[str]) -> None:
    assert names(api, f"limit=50&search={quote(text)}") == found


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("lookup", "value", "found"),
    [
        ("name", "Éclair", ["Éclair"]), ("name", "éclair", []), ("name__iexact", "éCLAIR", ["Éclair"]),
        ("name__icontains", "_", ["a_b"]), ("name__icontains", "%", ["100% juice"]),
        ("name__istartswith", "ÉC", ["Éclair", "éclair noir"]), ("name__istartswith", "a_", ["a_b"]),
        ("name__iexact", "a%", []), ("name__icontains", "\\", ["back\\slash"]),
    ],
)  # fmt: skip
def test_filters_take_their_value_literally(api: APIClient, lookup: str, value: str, found: list[str]) -> None:
    assert names(api, f"limit=50&{lookup}={quote(value)}") == found


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("name", "taken"),
    [("éCLAIR", "Éclair"), (" Éclair\t", "Éclair"), ("eclair", "ECLAIR"), ("çay", "ÇAY"), ("A_B", "a_b"), ("a%", None),
     ("Deleted éclair", None), ("Straß", None), ("İSTANBUL ÇAY", "İstanbul çay"), ("écla", None)],
)  # fmt: skip
def test_check_name(api: APIClient, device: Device, name: str, taken: str | None) -> None:
    answer = api.get(f"/v1/products/check-name?name={quote(name)}")
    ids = [str(Product.objects.for_device(device).get(name=taken).uuid)] if taken else []
    assert answer.json() == {"name": name, "exists": taken is not None, "product_ids": ids}


@pytest.mark.parametrize("stored", [" Tea", "Tea ", "\tTea\n", "\u00a0Tea\u3000"])
def test_outer_spaces_of_a_stored_name_do_not_count(api: APIClient, device: Device, stored: str) -> None:
    assert api.post("/v1/products", {"name": stored}).json()["name"] == stored
    for asked in ("tea", "  TEA  ", "\u3000tea"):
        assert api.get(f"/v1/products/check-name?name={quote(asked)}").json()["exists"], asked
    assert not api.get("/v1/products/check-name?name=te%20a").json()["exists"]


@pytest.mark.parametrize("query", ["", "name=", "name=%20", f"name={'x' * 301}", "name=a&deleted=true", "nmae=a"])
def test_a_name_to_check_has_1_to_300_characters(api: APIClient, query: str) -> None:
    assert api.get(f"/v1/products/check-name?{query}").status_code == 400


def test_a_check_names_at_most_20(api: APIClient, device: Device) -> None:
    for _ in range(21):
        factories.make_product(device, name="Same")
    assert len(api.get("/v1/products/check-name?name=same").json()["product_ids"]) == 20


def test_ordering_by_text_is_by_code_point_on_both_engines(api: APIClient, device: Device) -> None:
    given = ["b", "B", "a", "é", "z", "Z", "_", " ", "10", "9", "日"]
    for name in given:
        factories.make_product(device, name=f"{name}x")
    by_code_point = sorted(f"{name}x" for name in given)
    assert names(api, "ordering=name") == by_code_point
    assert names(api, "ordering=-name") == by_code_point[::-1]
    pages, url = [], "/v1/products?ordering=name&cursor=&limit=3"
    while url:
        page = api.get(url).json()
        pages += [row["name"] for row in page["results"]]
        url = page["next"]
    assert pages == by_code_point


def test_equal_values_keep_one_order_over_pages(api: APIClient, device: Device) -> None:
    ids = [str(factories.make_product(device, name="Same").uuid) for _ in range(7)]
    shown = [
        api.get(f"/v1/products?ordering=name&limit=2&offset={offset}").json()["results"] for offset in range(0, 8, 2)
    ]
    assert [row["id"] for page in shown for row in page] == ids


def test_filters_combine(api: APIClient, device: Device) -> None:
    category = factories.make_category(device)
    wanted = factories.make_product(device, name="Tea", category_id=category.uuid, reorder_level=3)
    factories.make_product(device, name="Tea", category_id=category.uuid, is_active=False)
    factories.make_product(device, name="Tea")
    query = f"category={category.uuid}&is_active=true&reorder_level__isnull=false&revision__gte={wanted.revision}"
    assert [row["id"] for row in api.get(f"/v1/products?{query}&search=tea").json()["results"]] == [str(wanted.uuid)]
    for bad in ("is_active=maybe", "revision__gt=-1e99999999", "revision__gt=1e400", "reorder_level__isnull=2",
                "category=5", "updated_at__gte=2026-03-01T12:00:00", "updated_at__gte=0001-01-01T00:00:00%2B14:00",
                "category=", "name__regex=a", "category__name=x"):  # fmt: skip
        assert api.get(f"/v1/products?{bad}").status_code == 400, bad
    assert api.get(f"/v1/products?category={uuid4()}").status_code == 404


@pytest.mark.django_db
def test_letters_fold_as_postgresql_folds_them() -> None:
    """Every letter of the first two planes; SQLite's LIKE is ours, so that both engines find the same."""
    letters = [chr(code) for code in (*range(1, 0xD800), *range(0xE000, 0x20000))]
    assert [_folded(text) for text in ("ß", "straße", "ŉ", "é", "ς", "ı", "ᾳ")] == [
        "ß",
        "STRAßE",
        "ŉ",
        "É",
        "Σ",
        "I",
        "ᾼ",
    ]
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT letter, upper(letter) FROM unnest(%s::text[]) AS letter", [letters])
        rows: list[Any] = cursor.fetchall()
    assert [(letter, theirs) for letter, theirs in rows if _folded(letter) != theirs] == []
