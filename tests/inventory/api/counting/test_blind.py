"""Blind counting: its holder is shown nothing of the book, in any answer; afterwards every row comes again."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from devices.models import Device
from inventory.models import Job, StockLevel, StocktakeLine, WebhookDelivery, WebhookEndpoint
from tests import factories
from tests.inventory.api.counting.blindfold import Blind, pull, review

pytestmark = pytest.mark.django_db


def quantities(client: APIClient) -> list[str | None]:
    """Every number of the book that this client gets to see, anywhere; None where it is kept back."""
    products = client.get("/v1/products", {"ordering": "name"}).json()["results"]
    stocks = [client.get(f"/v1/products/{row['id']}/stock").json() for row in products]
    pulled = client.get("/v1/sync/changes").json()["changes"]
    levels = [row["data"]["quantity"] for row in pulled if row["table"] == "stock_levels"]
    lines = [row["data"]["expected"] for row in pulled if row["table"] == "stocktake_lines"]
    wm = client.get("/v1/sync/watermelon", {"last_pulled_at": "null"}).json()["changes"]
    listed = client.get("/v1/stock-levels").json()["results"]
    return [
        *(stock["on_hand"] for stock in stocks),
        *(line["quantity"] for stock in stocks for line in stock["by_location"]),
        *levels,
        *lines,
        *(row["quantity"] for row in wm["stock_levels"]["updated"]),
        *(row["expected"] for row in wm["stocktake_lines"]["updated"]),
        *(row["quantity"] for row in listed),
        *(client.get(f"/v1/stock-levels/{row['id']}").json()["quantity"] for row in listed),
        *(row["expected"] for row in client.get("/v1/stocktake-lines").json()["results"]),
        client.get("/v1/scan/4006381333931").json()["product"]["on_hand"],
    ]


def test_its_holder_sees_no_number_of_the_book(blind: Blind) -> None:
    assert None not in quantities(blind.api)[:4]
    sheet = blind.sheet(assigned_to=str(blind.device.installations.order_by("pk").first().uuid))
    assert set(quantities(blind.api)) == {None}
    assert {"10", "5"} <= set(quantities(blind.colleague))
    assert {"10", "5"} <= set(quantities(blind.boss))
    blind.count(sheet, blind.milk, 7)
    assert set(quantities(blind.api)) == {None}


def test_where_nobody_is_named_everybody_is_blind(blind: Blind) -> None:
    blind.sheet()
    assert set(quantities(blind.api)) == set(quantities(blind.colleague)) == {None}
    assert {"10", "5"} <= set(quantities(blind.boss))


def test_in_review_it_is_hidden_still(blind: Blind) -> None:
    review(blind)
    assert set(quantities(blind.api)) == {None}
    lines = f"/v1/stocktakes/{blind.stocktake.uuid}/lines"
    shown = blind.api.get(lines).json()["results"]
    for line in shown:
        told = {name: line[name] for name in ("state", "expected", "counted", "variance", "flags", "reason")}
        assert told == {
            "state": "counted",
            "expected": None,
            "counted": None,
            "variance": None,
            "flags": [],
            "reason": "",
        }
    for query in (
        {"list": "missing"}, {"list": "matched"}, {"state": "variance"}, {"variance__lt": "0"},
        {"ordering": "variance"}, {"ordering": "revision,-expected"}, {"counter": "x"}, {"flag": "overlap"},
    ):  # fmt: skip
        assert blind.api.get(lines, query).json()["results"] == [], query
        assert blind.api.get("/v1/stocktake-lines", query).json()["results"] == [], query
    assert blind.boss.get(lines, {"list": "missing"}).json()["count"] == 1
    for query in ({"quantity__gte": "6"}, {"ordering": "-quantity"}):
        assert blind.api.get("/v1/stock-levels", query).json()["results"] == [], query
        assert blind.boss.get("/v1/stock-levels", query).json()["results"] != [], query
    progress = blind.api.get(f"/v1/stocktakes/{blind.stocktake.uuid}/progress").json()
    assert (progress["lines"], progress["decided"], progress["counted"]) == ({"counted": 2}, None, 2)
    assert progress["by_location"][0]["decided"] is None
    assert blind.boss.get(f"/v1/stocktakes/{blind.stocktake.uuid}/progress").json()["decided"] == 1


def test_why_and_decisions_tell_a_blind_counter_nothing(blind: Blind) -> None:
    review(blind)
    line = StocktakeLine.objects.get(product=blind.milk)
    where = f"/v1/stocktake-lines/{line.uuid}"
    why = blind.colleague.get(f"{where}/why").json()
    assert (why["level_now"], why["passes"], why["history"], set(why["stored"].values())) == (None, [], [], {None})
    assert blind.boss.get(f"{where}/why").json()["level_now"] == "10"
    before = line.revision
    for action in ("accept", "reject", "excuse", "recount"):
        refused = blind.colleague.post(f"{where}/{action}", {})
        assert (refused.status_code, refused.json()["internal_code"]) == (409, "four_eyes")
    body = {"list": "missing", "action": "accept", "reason": "missing"}
    refused = blind.colleague.post(f"/v1/stocktakes/{blind.stocktake.uuid}/decisions", body)
    assert refused.json()["internal_code"] == "four_eyes"
    line.refresh_from_db()
    assert line.revision == before


def test_scanning_tells_nothing_of_the_book(blind: Blind) -> None:
    elsewhere = factories.make_location(blind.device)
    sheet = blind.sheet(location_id=str(elsewhere.uuid))
    assert blind.api.post(f"{sheet}/scans", {"code": "4006381333931"}).json()["flags"] == []


def test_afterwards_every_row_comes_again(blind: Blind) -> None:
    """Also the level that posting does not move: tea was as it should be."""
    review(blind)
    held, cursor = pull(blind.api, "")
    stamp = blind.api.get("/v1/sync/watermelon", {"last_pulled_at": "null"}).json()["timestamp"]
    levels = {str(level.uuid): level for level in StockLevel.objects.all()}
    assert {held[id]["quantity"] for id in levels} == {None}
    blind.do("decisions", list="missing", action="accept", reason="missing")
    blind.do("approve")
    assert set(quantities(blind.api)) == {None}
    blind.do("post")
    shown, _ = pull(blind.api, cursor)
    assert sorted(shown[id]["quantity"] for id in levels) == ["5", "7"]
    assert sorted(shown[str(line.uuid)]["expected"] for line in StocktakeLine.objects.all()) == ["10", "5"]
    changes = blind.api.get("/v1/sync/watermelon", {"last_pulled_at": stamp}).json()["changes"]
    assert sorted(row["quantity"] for row in changes["stock_levels"]["updated"]) == [5, 7]
    assert len(changes["stocktake_lines"]["updated"]) == 2
    assert None not in quantities(blind.api)


def test_a_cancelled_one_shows_everything_again(blind: Blind) -> None:
    review(blind)
    _, cursor = pull(blind.api, "")
    blind.do("cancel")
    shown, _ = pull(blind.api, cursor)
    assert sorted(shown[str(level.uuid)]["quantity"] for level in StockLevel.objects.all()) == ["10", "5"]
    assert {shown[str(line.uuid)]["counted"] for line in StocktakeLine.objects.all()} == {"7", "5"}


def test_who_is_relieved_of_a_sheet_sees_again(blind: Blind) -> None:
    me = str(blind.device.installations.order_by("pk").first().uuid)
    sheet = blind.sheet(assigned_to=me)
    _, cursor = pull(blind.api, "")
    assert blind.boss.patch(sheet, {"assigned_to": blind.colleague_id}).status_code == 200
    shown, cursor = pull(blind.api, cursor)
    assert sorted(shown[str(level.uuid)]["quantity"] for level in StockLevel.objects.all()) == ["10", "5"]
    assert set(quantities(blind.colleague)) == {None}
    assert blind.boss.patch(sheet, {"name": "A"}).status_code == 200
    assert len(pull(blind.api, cursor)[0]) == 1


def test_without_blindness_nothing_is_sent_twice(api: APIClient, device: Device) -> None:
    product = factories.make_product(device)
    factories.make_movement(device, product_id=product.uuid)
    stocktake = factories.make_stocktake(device)
    sheet = factories.make_sheet(device, stocktake_id=stocktake.uuid)
    before = StockLevel.objects.get().revision
    assert (
        api.patch(f"/v1/sheets/{sheet.uuid}", {"assigned_to": str(device.installations.get().uuid)}).status_code == 200
    )
    assert api.post(f"/v1/stocktakes/{stocktake.uuid}/cancel").status_code == 200
    assert api.patch(f"/v1/sheets/{sheet.uuid}", {"assigned_to": None}).json()["assigned_to"] is None
    assert StockLevel.objects.get().revision == before


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/reports", {"report": "stock_on_hand", "format": "csv"}), ("/v1/exports", {})]
)
def test_no_file_about_the_book_for_a_blind_counter(blind: Blind, path: str, body: dict[str, Any]) -> None:
    blind.sheet(assigned_to=blind.colleague_id)
    assert blind.api.post(path, body).status_code == 202  # another counts
    before = Job.objects.count()
    refused = blind.colleague.post(path, body)
    assert (refused.status_code, refused.json()["internal_code"]) == (409, "counting_blindly")
    assert Job.objects.count() == before
    assert blind.boss.post(path, body).status_code == 202  # people are never blind


def test_no_new_ear_for_a_blind_counter(blind: Blind) -> None:
    """A webhook tells every level to whoever owns its address."""
    wanted = {"url": "https://example.com/hook", "events": ["stock_levels.*"]}
    known = blind.colleague.post("/v1/webhooks", wanted).json()
    delivery = blind.boss.post(f"/v1/webhooks/{known['id']}/test").json()
    blind.sheet(assigned_to=blind.colleague_id)
    before = list(WebhookEndpoint.all_objects.values_list("uuid", "revision", "deleted_at"))
    where = f"/v1/webhooks/{known['id']}"
    asked = [
        blind.colleague.post("/v1/webhooks", wanted),
        blind.colleague.patch(where, {"events": ["*"]}),
        blind.colleague.post(f"{where}/replay", {"revision": 1}),
        blind.colleague.post(f"{where}/test"),
        blind.colleague.post(f"/v1/webhook-deliveries/{delivery['id']}/resend"),
    ]
    assert {answer.json()["internal_code"] for answer in asked} == {"counting_blindly"}
    assert list(WebhookEndpoint.all_objects.values_list("uuid", "revision", "deleted_at")) == before
    assert WebhookDelivery.objects.count() == 1
    assert blind.colleague.get(where).status_code == 200
    assert blind.boss.patch(where, {"events": ["*"]}).status_code == 200  # people are never blind
    assert blind.api.delete(where).status_code == 204
