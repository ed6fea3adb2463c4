"""The shared catalogue over HTTP, and what a scan tells of a code that only the catalogue knows."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from devices.models import Device, User
from inventory.models import Case, CatalogProduct, CatalogSource
from tests.conftest import client_of, client_with
from tests.factories import make_barcode

NUTELLA, UPC = "03017620422003", "00012345678905"


@pytest.fixture
def products(db: None) -> None:
    source = CatalogSource.objects.create(name="Ours")
    for gtin, name, brand in (
        (NUTELLA, "Nutella", "Ferrero"),
        (UPC, "Soup", "Campbell"),
        ("04006381333931", "Pen", ""),
    ):
        CatalogProduct.objects.create(gtin=gtin, name=name, brand=brand, source=source, attributes={"labels": "a"})


def names(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [row["name"] for row in response.json()["results"]]


@pytest.mark.usefixtures("products")
def test_it_is_listed_searched_filtered_and_cut(api: APIClient) -> None:
    for query, found in (
        ({}, ["Nutella", "Soup", "Pen"]),
        ({"search": "FERR"}, ["Nutella"]),
        ({"search": "soup campbell"}, ["Soup"]),
        ({"gtin": "3017620422003"}, ["Nutella"]),
        ({"gtin": NUTELLA}, ["Nutella"]),
        ({"gtin": "012345678905"}, ["Soup"]),
        ({"gtin": "96385074"}, []),
        ({"ordering": "-name"}, ["Soup", "Pen", "Nutella"]),
        ({"ordering": "name", "limit": 1, "offset": 1}, ["Pen"]),
        ({"ordering": "name", "cursor": "", "limit": 2}, ["Nutella", "Pen"]),
    ):
        assert names(api.get("/v1/catalog", query)) == found, query
    assert api.get("/v1/catalog", {"fields": "gtin,name", "limit": 1}).json()["results"] == [
        {"gtin": NUTELLA, "name": "Nutella"}
    ]


@pytest.mark.usefixtures("products")
def test_one_is_found_by_its_code_in_any_length(api: APIClient) -> None:
    for code in ("3017620422003", NUTELLA):
        answer = api.get(f"/v1/catalog/{code}")
        shown = answer.json()
        assert shown.pop("updated_at").endswith("Z")
        assert (answer.status_code, shown) == (
            200,
            {
                "gtin": NUTELLA, "name": "Nutella", "brand": "Ferrero", "quantity": "", "category": "",
                "attributes": {"labels": "a"}, "source": "Ours",
            },
        )  # fmt: skip


@pytest.mark.usefixtures("products")
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/3017620422004", 404, "not_found"),
        ("/x", 404, "not_found"),
        ("/%F0%9F%98%80", 404, "not_found"),
        ("/3017620422003?x=1", 400, "unknown_filter"),
        ("?gtin=x", 400, "invalid_filter"),
        ("?brand=x", 400, "unknown_filter"),
        ("?ordering=brand", 400, "unknown_ordering"),
        ("?fields=id", 400, "unknown_field_wanted"),
        ("?limit=0", 400, "bad_page"),
    ],
)
def test_what_is_not_known_is_refused(api: APIClient, path: str, status: int, code: str) -> None:
    answer = api.get(f"/v1/catalog{path}")
    assert (answer.status_code, answer.json()["internal_code"]) == (status, code)


@pytest.mark.usefixtures("products")
def test_everybody_who_is_somebody_sees_the_same_and_changes_nothing(user: User, api: APIClient) -> None:
    assert names(client_of(user).get("/v1/catalog")) == names(api.get("/v1/catalog"))
    assert client_with().get("/v1/catalog").status_code == 401
    assert client_with().get(f"/v1/catalog/{NUTELLA}").status_code == 401
    for call in (api.post, api.put, api.patch, api.delete):
        for path in ("", f"/{NUTELLA}"):
            assert call(f"/v1/catalog{path}", {"name": "Mine"}).status_code == 405
    assert CatalogProduct.objects.get(gtin=NUTELLA).name == "Nutella"


@pytest.mark.usefixtures("products")
@pytest.mark.parametrize("code", ["3017620422003", NUTELLA, f"]C101{NUTELLA}10LOT", f"01{NUTELLA}"])
def test_an_unknown_code_is_prefilled_from_it(api: APIClient, device: Device, code: str) -> None:
    answer = api.get(f"/v1/scan/{code}").json()
    assert (answer["match"], answer["product"], answer["catalog"]["name"]) == ("unknown", None, "Nutella")
    assert answer["case_id"] == str(Case.objects.get().uuid)
    make_barcode(device, value="3017620422003")
    known = api.get(f"/v1/scan/{code}").json()
    assert (known["match"] == "unknown", known["catalog"]) == (False, None)


def test_what_the_catalogue_does_not_know_is_prefilled_by_nothing(api: APIClient) -> None:
    for code in ("3017620422003", "shelf 7"):
        assert api.get(f"/v1/scan/{code}").json()["catalog"] is None
