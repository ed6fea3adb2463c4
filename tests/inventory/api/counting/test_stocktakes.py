"""Stocktakes over HTTP: the steps, the lists, the decisions, the progress."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from devices.models import Device, User
from devices.services.enrollment import Enrolled
from inventory.models import Case, Product, StockLevel, Stocktake, StocktakeLine
from inventory.services.cases import open_case
from tests import factories
from tests.conftest import client_of
from tests.rules.test_query_counts import exactly

pytestmark = pytest.mark.django_db
URL = "/v1/stocktakes"


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["internal_code"]


@dataclass
class Shop:
    """A device with goods on a shelf; `api` is its installation's client, `boss` that of its owner."""

    device: Device
    api: APIClient
    boss: APIClient
    shelf: Any

    def product(self, name: str, stock: int, place: Any = None) -> Product:
        product = factories.make_product(self.device, name=name)
        if stock:
            to = (place or self.shelf).uuid
            factories.make_movement(self.device, product_id=product.uuid, quantity=Decimal(stock), to_location_id=to)
        return product

    def stocktake(self, **policy: Any) -> str:
        stocktake = factories.make_stocktake(self.device, policy={"recount": "optional", **policy})
        return f"{URL}/{stocktake.uuid}"

    def sheet(self, stocktake: str, **values: Any) -> str:
        made = self.api.post("/v1/sheets", {"stocktake_id": stocktake.rpartition("/")[2], **values})
        assert made.status_code == 201, made.content
        return f"/v1/sheets/{made.json()['id']}"

    def count(self, sheet: str, product: Product, quantity: int, place: Any = None, by: Any = None) -> None:
        where = str((place or self.shelf).uuid)
        body = {"product_id": str(product.uuid), "location_id": where, "quantity": str(quantity)}
        made = (by or self.api).post(f"{sheet}/entries", body)
        assert made.status_code == 201, made.content

    def counted(self, stocktake: str, product: Product, quantity: int) -> None:
        """One count on a sheet, and the stocktake is in review."""
        sheet = self.sheet(stocktake)
        self.count(sheet, product, quantity)
        self.api.post(f"{sheet}/submit", {})
        assert self.api.post(f"{stocktake}/close").json()["state"] == "review"

    def another_person(self) -> APIClient:
        """The device has another owner now."""
        person = factories.make_user()
        Device.objects.filter(pk=self.device.pk).update(owner=person)
        return client_of(person, self.device)

    def line(self, product: Product) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get("/v1/stocktake-lines", {"product": product.uuid}).json()["results"][0]
        return found


@pytest.fixture
def shop(api: APIClient, device: Device, user: User) -> Shop:
    Device.objects.filter(pk=device.pk).update(owner=user)
    return Shop(device, api, client_of(user, device), factories.make_location(device, name="Shelf"))


def names(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    by_id = {str(product.uuid): product.name for product in Product.objects.all()}
    return sorted(by_id[row["product_id"]] for row in response.json()["results"])


def test_it_is_planned_opened_and_closed(shop: Shop) -> None:
    made = shop.api.post(URL, {"name": "November", "kind": "cycle", "location_id": str(shop.shelf.uuid)})
    assert (made.status_code, made.json()["state"], made.json()["policy"]["recount"]) == (201, "draft", "required")
    where = f"{URL}/{made.json()['id']}"
    assert code(shop.api.post(f"{where}/approve")) == (409, "stocktake_transition")
    planned = shop.api.post(f"{where}/schedule", {"scheduled_for": "2026-12-01T06:00:00Z"})
    assert (planned.json()["state"], planned.json()["scheduled_for"]) == ("scheduled", "2026-12-01T06:00:00Z")
    late = shop.api.post(f"{where}/open", headers={"If-Match": made.headers["ETag"]})
    assert code(late) == (412, "revision_mismatch")
    assert shop.api.post(f"{where}/open", headers={"If-Match": planned.headers["ETag"]}).json()["state"] == "open"
    sheet = shop.sheet(where, name="Shelf", location_id=str(shop.shelf.uuid))
    assert shop.api.post(f"{sheet}/download").json()["held_by"] is not None
    shop.count(sheet, factories.make_product(shop.device), 7)
    assert shop.api.get(where).json()["state"] == "counting"
    assert shop.api.post(f"{where}/close").json()["state"] == "closing"
    assert shop.api.post(f"{sheet}/submit", {}).json()["state"] == "sealed"
    assert shop.api.get(where).json()["state"] == "review"


def test_it_is_counted_again_decided_and_posted(shop: Shop) -> None:
    milk = shop.product("Milk", 10)
    where = shop.stocktake(recount="required")
    shop.counted(where, milk, 7)
    line = shop.line(milk)
    assert (line["state"], line["expected"], line["counted"], line["variance"]) == ("variance", "10", "7", "-3")
    at_line, missing = f"/v1/stocktake-lines/{line['id']}", {"reason": "missing"}
    assert code(shop.api.post(f"{at_line}/accept", missing)) == (409, "four_eyes")
    assert code(shop.boss.post(f"{at_line}/accept", missing)) == (409, "recount_required")
    assert code(shop.boss.post(f"{at_line}/accept", {})) == (422, "reason_required")
    assert code(shop.boss.post(f"{at_line}/accept", {"reason": "gremlins"})) == (422, "validation_failed")
    assert code(shop.boss.post(f"{where}/recount", {})) == (409, "nothing_to_recount")
    assert shop.line(milk) == line
    assert shop.boss.post(f"{at_line}/recount", {"note": "look again"}).json()["state"] == "recount"
    again = shop.boss.post(f"{where}/recount", {"assignee_name": "Ada"})
    assert (again.status_code, again.json()["pass_number"], again.json()["assignee_name"]) == (201, 2, "Ada")
    second = f"/v1/sheets/{again.json()['id']}"
    shop.count(second, milk, 7, by=shop.boss)
    shop.boss.post(f"{second}/submit", {})
    shop.boss.post(f"{where}/close")
    assert code(shop.boss.post(f"{at_line}/accept", missing)) == (409, "four_eyes")
    boss = shop.another_person()
    accepted = boss.post(f"{at_line}/accept", missing).json()
    assert (accepted["state"], accepted["reason"]) == ("accepted", "missing")
    assert boss.post(f"{where}/approve").json()["state"] == "approved"
    assert boss.post(f"{where}/post").json()["state"] == "posted"
    assert shop.api.get(f"/v1/products/{milk.uuid}/stock").json()["on_hand"] == "7"
    why = boss.get(f"{at_line}/why").json()
    assert (why["stored"]["counted"], [passed["counted"] for passed in why["passes"]]) == ("7", ["7", "7"])
    assert (
        why["sentence"] == "Counted 7 pcs in pass 2; expected 10 pcs: the level less 1 later movement. Variance -3 pcs."
    )
    posted = [move for passed in why["passes"] for move in passed["movements"]]
    assert [(move["kind"], move["why"], move["in_doubt"]) for move in posted] == [("count", "own_posting", False)] * 2
    assert why["flags"] == []
    assert why["decision"]["movement_id"] == shop.line(milk)["movement_id"]


def test_a_posted_one_is_filed_and_reversed(shop: Shop) -> None:
    milk = shop.product("Milk", 10)
    where = shop.stocktake()
    shop.counted(where, milk, 7)
    shop.boss.post(f"{where}/decisions", {"list": "missing", "action": "accept", "reason": "stolen"})
    assert shop.boss.post(f"{where}/approve").json()["approved_by"] == "ada"
    assert shop.boss.post(f"{where}/post").json()["state"] == "posted"
    assert StockLevel.objects.get().quantity == 7
    assert shop.boss.post(f"{where}/finish").json()["state"] == "closed"
    assert shop.boss.post(f"{where}/reverse").json()["state"] == "reversed"
    assert StockLevel.objects.get().quantity == 10


def test_one_line_is_reversed(shop: Shop) -> None:
    milk = shop.product("Milk", 10)
    where = shop.stocktake()
    shop.counted(where, milk, 9)
    line = f"/v1/stocktake-lines/{shop.line(milk)['id']}"
    assert code(shop.boss.post(f"{line}/reverse")) == (409, "line_not_reversible")
    shop.boss.post(f"{line}/accept", {"reason": "stolen"})
    shop.boss.post(f"{where}/post")
    assert StockLevel.objects.get().quantity == 9
    assert shop.boss.post(f"{line}/reverse").json()["state"] == "reversed"
    assert StockLevel.objects.get().quantity == 10


def test_the_lists(shop: Shop) -> None:
    cellar = factories.make_location(shop.device, name="Cellar")
    goods = {name: shop.product(name, 10) for name in ("Milk", "Bread", "Tea", "Salt")}
    new = shop.product("New", 0)
    where = shop.stocktake()
    sheet = shop.sheet(where)
    for name, counted in (("Milk", 10), ("Bread", 8), ("Salt", 4)):
        shop.count(sheet, goods[name], counted)
    shop.count(sheet, new, 2)
    shop.count(sheet, goods["Salt"], 6, cellar)
    unknown = shop.api.post(f"{sheet}/scans", {"code": "no such code"}).json()
    assert (unknown["outcome"], unknown["product"]) == ("unknown", None)
    assert Case.objects.get().uuid.hex == unknown["case_id"].replace("-", "")
    shop.api.post(f"{sheet}/submit", {})
    shop.api.post(f"{where}/close")
    lines = f"{where}/lines"
    found = {name: names(shop.api.get(lines, {"list": name})) for name in (
        "matched", "missing", "surplus", "unexpected", "misplaced", "not_counted", "waiting",
    )}  # fmt: skip
    assert found == {
        "matched": ["Milk"],
        "missing": ["Bread", "Salt"],
        "surplus": ["New", "Salt"],
        "unexpected": ["New", "Salt"],
        "misplaced": ["Salt"],
        "not_counted": ["Tea"],
        "waiting": ["Bread", "New", "Salt", "Salt", "Tea"],
    }
    assert names(shop.api.get(lines, {"location": cellar.uuid})) == ["Salt"]
    assert names(shop.api.get(lines, {"product": goods["Tea"].uuid})) == ["Tea"]
    assert names(shop.api.get(lines, {"state": "matched"})) == ["Milk"]
    assert names(shop.api.get(lines, {"flag": "overlap"})) == []
    me = factories.actor(shop.device.installations.get())
    assert len(names(shop.api.get(lines, {"counter": me.key}))) == 5
    assert names(shop.api.get(lines, {"counter": "user:nobody"})) == []
    assert names(shop.api.get(lines, {"list": "missing", "ordering": "variance", "search": "sal"})) == ["Salt"]
    scans = shop.api.get(lines, {"list": "unknown"}).json()["results"]
    assert [(scan["code"], scan["outcome"]) for scan in scans] == [("no such code", "unknown")]
    assert shop.api.get(lines, {"list": "unknown", "location": cellar.uuid}).json()["count"] == 0
    assert code(shop.api.get(lines, {"list": "unknown", "state": "matched"})) == (400, "unknown_filter")
    assert code(shop.api.get(lines, {"list": "lost"})) == (400, "invalid_filter")
    assert code(shop.api.get(lines, {"flag": "odd"})) == (400, "invalid_filter")
    missing = shop.api.get(f"{URL}/{uuid4()}/lines", headers={"If-None-Match": "*"})
    assert code(missing) == (404, "not_found")


def test_many_decisions_at_once(shop: Shop) -> None:
    goods = [shop.product(f"Good {n}", 10) for n in range(3)]
    where = shop.stocktake()
    sheet = shop.sheet(where)
    for product, counted in zip(goods, (10, 8, 7), strict=True):
        shop.count(sheet, product, counted)
    shop.api.post(f"{sheet}/submit", {})
    shop.api.post(f"{where}/close")
    ids = [shop.line(product)["id"] for product in goods]
    url, stranger = f"{where}/decisions", str(uuid4())
    refused = shop.api.post(url, {"list": "missing", "action": "accept", "reason": "missing"}).json()["results"]
    assert [row["problem"]["internal_code"] for row in refused] == ["four_eyes", "four_eyes"]
    assert not StocktakeLine.objects.filter(state="accepted").exists()
    body = {"line_ids": [*ids, stranger], "action": "accept", "reason": "missing", "note": "seen"}
    results = shop.boss.post(url, body).json()["results"]
    assert [row["line_id"] for row in results] == [*ids, stranger]
    assert [row["status"] for row in results] == [409, 200, 200, 404]
    assert results[0]["problem"]["internal_code"] == "line_transition"
    assert (results[1]["row"]["state"], results[1]["row"]["note"]) == ("accepted", "seen")
    assert shop.boss.post(url, {"list": "waiting", "action": "reject"}).json() == {"results": []}
    for wrong in (
        {"action": "accept"},
        {"action": "accept", "list": "missing", "line_ids": ids},
        {"action": "bless", "list": "missing"},
        {"action": "accept", "line_ids": []},
        {"action": "accept", "list": "missing", "reason": "gremlins"},
        {"action": "accept", "line_ids": [ids[0]] * 501},
    ):
        assert code(shop.boss.post(url, wrong)) == (422, "validation_failed")
    shop.boss.post(f"{where}/approve")
    assert code(shop.boss.post(url, {"list": "missing", "action": "recount"})) == (409, "stocktake_transition")


def test_progress(shop: Shop, enrolled: Enrolled) -> None:
    milk, tea = shop.product("Milk", 10), shop.product("Tea", 5)
    where = shop.stocktake()
    sheet = shop.sheet(where)
    shop.count(sheet, milk, 7)
    shop.api.post(f"{sheet}/scans", {"code": "?"})
    stocktake = Stocktake.objects.get()
    open_case(
        device=shop.device, actor=factories.TESTER, kind=Case.Kind.OVERLAP, key="k", summary="?",
        evidence={"stocktake_id": stocktake.uuid},
    )  # fmt: skip
    found = shop.api.get(f"{where}/progress").json()
    assert (found["state"], found["total"], found["counted"], found["decided"]) == ("counting", 2, 1, 0)
    assert (found["lines"], found["sheets"]) == ({"counted": 1, "to_count": 1}, {"in_progress": 1})
    assert (found["unknown_scans"], found["cases"], found["job"]) == (1, {"overlap": 1}, None)
    assert found["by_counter"][0]["counter"] == factories.actor(enrolled.installation).key
    assert [(row["counts"], row["products"], row["late"]) for row in found["by_counter"]] == [(1, 1, 0)]
    shop.api.post(f"{sheet}/submit", {})
    shop.api.post(f"{where}/close")
    shop.count(sheet, tea, 1)
    found = shop.api.get(f"{where}/progress").json()
    assert (found["total"], found["counted"], found["decided"]) == (2, 1, 0)
    assert found["by_location"] == [
        {"location_id": str(shop.shelf.uuid), "location_name": "Shelf", "lines": 2, "counted": 1, "decided": 0}
    ]
    assert found["by_counter"][0]["late"] == 1
    assert code(shop.api.get(f"{where}/progress", {"x": 1})) == (400, "unknown_filter")


def test_a_cancelled_one_is_deleted_and_comes_back(shop: Shop) -> None:
    milk = shop.product("Milk", 10)
    where = shop.stocktake()
    sheet = shop.sheet(where)
    shop.count(sheet, milk, 7)
    assert code(shop.api.delete(where)) == (409, "stocktake_transition")
    assert shop.api.post(f"{where}/cancel").json()["state"] == "cancelled"
    assert shop.api.delete(where).status_code == 204
    assert shop.api.get(sheet).status_code == 404
    assert shop.api.get("/v1/stocktake-lines").json()["count"] == 0
    assert shop.api.get(URL, {"deleted": "true"}).json()["count"] == 1
    assert shop.api.post(f"{where}/restore").json()["state"] == "cancelled"
    assert shop.api.get(sheet).status_code == 200
    assert shop.api.get("/v1/stocktake-lines").json()["count"] == 1


def test_filters_of_the_list(shop: Shop) -> None:
    campaign = factories.make_campaign(shop.device)
    stocktake = factories.make_draft(shop.device, campaign=campaign, name="Of a campaign")
    factories.make_stocktake(shop.device)
    shown = shop.api.get(URL, {"campaign": campaign.uuid}).json()["results"]
    assert [(row["id"], row["campaign_id"]) for row in shown] == [(str(stocktake.uuid), str(campaign.uuid))]
    assert shop.api.get(URL, {"campaign": uuid4()}).json()["count"] == 0
    assert shop.api.get(URL, {"state": "open"}).json()["count"] == 1


def test_queries_do_not_grow_with_the_lines(shop: Shop) -> None:
    goods = [shop.product(f"Good {n}", 10) for n in range(12)]
    where = shop.stocktake()
    sheet = shop.sheet(where)
    for product in goods:
        shop.count(sheet, product, 7)
    shop.api.post(f"{sheet}/submit", {})
    shop.api.post(f"{where}/close")
    exactly(10, lambda: shop.api.get(f"{where}/progress"))
    exactly(4, lambda: shop.api.get(f"{where}/lines", {"list": "missing"}))
    line = f"/v1/stocktake-lines/{shop.line(goods[0])['id']}"
    exactly(10, lambda: shop.api.get(f"{line}/why"))
    ids = [shop.line(product)["id"] for product in goods]
    body = {"action": "accept", "reason": "missing"}
    shop.boss.get(where)
    exactly(11, lambda: shop.boss.post(f"{where}/decisions", {"line_ids": ids[:2], **body}))
    exactly(11, lambda: shop.boss.post(f"{where}/decisions", {"line_ids": ids[2:], **body}))
