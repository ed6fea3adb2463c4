"""A whole count over HTTP: campaign, three devices that go on moving stock, recount, approval; book = shelf."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from devices.models import Device, User
from devices.services.enrollment import create_enrollment_code
from inventory.models import Case
from inventory.services.counting.late import absorb_movement
from inventory.services.ledger import prove_ledger
from tests import factories
from tests.conftest import client_of, client_with
from tests.inventory.reports.asking import Reports

pytestmark = pytest.mark.django_db
MILK, TEA = "4006381333931", "9501101530003"


@dataclass
class Handset:
    """One installation with its own clock and its own queue; what it does offline waits for push()."""

    client: APIClient
    device: str
    id: str
    skew: timedelta = timedelta()
    sequence: int = 0
    base: str = ""
    queue: list[dict[str, Any]] = field(default_factory=list)

    def do(self, op: str, table: str, id: str, **data: Any) -> str:
        self.sequence += 1
        made = {"op_id": str(uuid4()), "sequence": self.sequence, "op": op, "table": table, "id": id, "data": data}
        self.queue.append(made)
        return id

    def create(self, table: str, **data: Any) -> str:
        return self.do("create", table, str(uuid4()), **data)

    def clock(self, at: datetime) -> str:
        return (at + self.skew).isoformat()

    def move(self, kind: str, product: str, quantity: str, at: datetime) -> None:
        told = self.clock(at)
        self.create("stock_movements", kind=kind, product_id=product, quantity=quantity, occurred_at=told)

    def count(self, sheet: str, product: str, quantity: str, at: datetime) -> None:
        told = self.clock(at)
        self.create("count_entries", sheet_id=sheet, product_id=product, quantity=quantity, counted_at=told)

    def push(self) -> None:
        body = {"client_time": self.clock(timezone.now()), "base": self.base, "ops": self.queue}
        pushed = self.client.post("/v1/sync/push", body).json()
        assert {result["status"] for result in pushed["results"]} == {"applied"}, pushed
        self.queue = []

    def pull(self) -> dict[str, Any]:
        page = self.client.get("/v1/sync/changes", {"cursor": self.base, "limit": 500}).json()
        assert page["has_more"] is False
        self.base = page["cursor"]
        return {row["id"]: row["data"] for row in page["changes"]}

    def stock(self, product: str) -> str:
        found: str = self.client.get(f"/v1/products/{product}/stock").json()["on_hand"]
        return found


def register(code: str, device: str | None = None, **more: Any) -> Handset:
    body = {"enrollment_code": code, **({"device_id": device} if device else {})}
    answer = APIClient().post("/v1/devices/register", body, format="json").json()
    return Handset(client_with(answer["device_token"]), answer["device_id"], answer["installation_id"], **more)


@dataclass
class Fleet:
    """An owner, three devices, a second installation of the first; and the time it all happened at."""

    owner: User
    shop: Handset
    till: Handset
    van: Handset
    depot: Handset
    noon: datetime = field(default_factory=lambda: timezone.now() - timedelta(hours=4))

    def boss(self, handset: Handset) -> APIClient:
        return client_of(self.owner, Device.objects.get(uuid=handset.device))

    def at(self, minutes: int) -> datetime:
        return self.noon + timedelta(minutes=minutes)


@pytest.fixture
def fleet(user: User) -> Fleet:
    _, code = create_enrollment_code(actor=factories.TESTER, owner=user, max_uses=3)
    shop = register(code, skew=timedelta(seconds=45))
    device = Device.objects.get(uuid=shop.device)
    _, joining = create_enrollment_code(actor=factories.TESTER, device=device)
    till = register(joining, shop.device, skew=timedelta(seconds=-50))
    return Fleet(user, shop, till, van=register(code), depot=register(code))


def stocked(handset: Handset, at: datetime, **goods: str) -> dict[str, str]:
    """Goods that the handset makes and receives."""
    made = {}
    for name, quantity in goods.items():
        made[name] = handset.create("products", name=name)
        handset.move("receipt", made[name], quantity, at)
    handset.push()
    handset.pull()
    return made


def launched(fleet: Fleet) -> dict[str, str]:
    """The stocktake of each device, opened by the owner, by the device's id."""
    boss = client_of(fleet.owner)
    made = boss.post("/v1/campaigns", {"name": "Year's end", "policy": {"recount": "required"}})
    story = boss.post(f"/v1/campaigns/{made.json()['id']}/launch", headers={"If-Match": made.headers["ETag"]}).json()
    found = {row["device_id"]: row["id"] for row in story["stocktakes"]}
    for handset in (fleet.shop, fleet.van, fleet.depot):
        opened = fleet.boss(handset).post(f"/v1/stocktakes/{found[handset.device]}/open")
        assert opened.json()["state"] == "open"
    return found


def sheet_for(fleet: Fleet, handset: Handset, stocktake: str) -> str:
    made = fleet.boss(handset).post("/v1/sheets", {"stocktake_id": stocktake, "assigned_to": handset.id})
    sheet: str = made.json()["id"]
    assert sheet in handset.pull()
    assert handset.client.post(f"/v1/sheets/{sheet}/download").json()["held_by"] == handset.id
    return sheet


def finish(fleet: Fleet, handset: Handset, stocktake: str) -> None:
    """Closed, decided, approved by the owner, who counted nothing, and posted."""
    boss, where = fleet.boss(handset), f"/v1/stocktakes/{stocktake}"
    decided = boss.post(f"{where}/decisions", {"list": "missing", "action": "accept", "reason": "missing"}).json()
    assert {row["status"] for row in decided["results"]} <= {200}, decided
    assert boss.post(f"{where}/approve").json()["state"] == "approved"
    assert boss.post(f"{where}/post").json()["state"] == "posted"


def count_the_shop_offline(fleet: Fleet, stocktake: str) -> tuple[dict[str, str], str]:
    """10 milk, 5 tea. Sold before the count: 2 milk here, 1 tea at the till (told late). One milk has vanished.

    Sold after the count: 1 milk here. So the shelf holds 6 milk and 4 tea in the end.
    """
    shop, till = fleet.shop, fleet.till
    goods = stocked(shop, fleet.at(-600), milk="10", tea="5")
    till.pull()
    sheet = sheet_for(fleet, shop, stocktake)
    till.move("issue", goods["tea"], "1", fleet.at(-60))
    shop.move("issue", goods["milk"], "2", fleet.at(-30))
    shop.count(sheet, goods["milk"], "7", fleet.at(0))
    shop.count(sheet, goods["tea"], "4", fleet.at(1))
    shop.move("issue", goods["milk"], "1", fleet.at(5))
    shop.do("update", "count_sheets", sheet, state="submitted", final_sequence=shop.sequence + 1)
    return goods, sheet


def test_the_book_is_the_shelf(fleet: Fleet, django_capture_on_commit_callbacks: Any) -> None:
    stocktakes = launched(fleet)
    of_shop, boss = stocktakes[fleet.shop.device], fleet.boss(fleet.shop)
    goods, sheet = count_the_shop_offline(fleet, of_shop)
    where = f"/v1/stocktakes/{of_shop}"
    fleet.shop.push()
    assert boss.get(f"/v1/sheets/{sheet}").json()["state"] == "sealed"
    fleet.till.push()  # late: it happened before the count, and comes after it
    assert boss.post(f"{where}/close").json()["state"] in ("closing", "review")
    assert boss.get(where).json()["state"] == "review"
    lines = {row["product_id"]: row for row in boss.get(f"{where}/lines").json()["results"]}
    milk, tea = lines[goods["milk"]], lines[goods["tea"]]
    assert (milk["expected"], milk["counted"], milk["variance"]) == ("8", "7", "-1")
    assert (tea["state"], tea["expected"], tea["flags"]) == ("matched", "4", [])
    at_milk = f"/v1/stocktake-lines/{milk['id']}"
    refused = boss.post(f"{at_milk}/accept", {"reason": "missing"}).json()
    assert refused["internal_code"] == "recount_required"
    assert boss.post(f"{at_milk}/recount", {}).json()["state"] == "recount"
    again = boss.post(f"{where}/recount", {"assigned_to": fleet.till.id}).json()
    body = {"product_id": goods["milk"], "quantity": "6"}
    assert fleet.till.client.post(f"/v1/sheets/{again['id']}/entries", body).status_code == 201
    fleet.till.client.post(f"/v1/sheets/{again['id']}/submit", {})
    boss.post(f"{where}/close")
    why = boss.get(f"{at_milk}/why").json()
    assert [(passed["counted"], passed["variance"]) for passed in why["passes"]] == [("7", "-1"), ("6", "-1")]
    told = fleet.till.client.post(f"{at_milk}/accept", {"reason": "missing"}).json()
    assert told["internal_code"] == "four_eyes"
    finish(fleet, fleet.shop, of_shop)
    assert (fleet.shop.stock(goods["milk"]), fleet.shop.stock(goods["tea"])) == ("6", "4")
    printed = Reports(boss, django_capture_on_commit_callbacks).text("stocktake_variance", stocktake_id=of_shop)
    assert "Stocktake variance" in printed
    assert "milk" in printed
    tell_of_it_too_late(fleet, goods["milk"])


def tell_of_it_too_late(fleet: Fleet, milk: str) -> None:
    """A sale of before the count arrives after posting: the count had seen it, and staff absorb it."""
    fleet.till.move("issue", milk, "1", fleet.at(-90))
    fleet.till.push()
    assert fleet.shop.stock(milk) == "5"
    case = Case.objects.get(kind=Case.Kind.LATE_MOVEMENT)
    absorb_movement(case, actor=factories.TESTER)
    assert fleet.shop.stock(milk) == "6"
    assert [proof for proof in map(prove_ledger, Device.objects.all()) if proof.drifts] == []


def test_continuous_scanning_while_stock_moves(fleet: Fleet) -> None:
    """6 milk on the van; 2 are sold between two scans, which the scanner does not count."""
    van = fleet.van
    goods = stocked(van, fleet.at(-600), milk="6", tea="1")
    for name, code in (("milk", MILK), ("tea", TEA)):
        van.create("barcodes", product_id=goods[name], value=code)
    van.push()
    stocktake = launched(fleet)[van.device]
    sheet = sheet_for(fleet, van, stocktake)
    scans = f"/v1/sheets/{sheet}/scans"
    totals = [van.client.post(scans, {"code": MILK}).json()["total"] for _ in range(4)]
    assert totals == ["1", "2", "3", "4"]
    both = van.client.post(scans, [{"code": MILK, "quantity": "2"}, {"code": TEA}]).json()["results"]
    assert [row["total"] for row in both] == ["6", "1"]
    assert van.client.post("/v1/stock-movements", {"product_id": goods["milk"], "kind": "issue", "quantity": "2"})
    van.client.post(f"/v1/sheets/{sheet}/submit", {})
    fleet.boss(van).post(f"/v1/stocktakes/{stocktake}/close")
    finish(fleet, van, stocktake)
    assert (van.stock(goods["milk"]), van.stock(goods["tea"])) == ("4", "1")


def test_what_nobody_counted_keeps_the_book(fleet: Fleet) -> None:
    depot = fleet.depot
    goods = stocked(depot, fleet.at(-600), milk="6", tea="9")
    stocktake = launched(fleet)[depot.device]
    sheet = sheet_for(fleet, depot, stocktake)
    depot.count(sheet, goods["milk"], "6", fleet.at(0))
    depot.do("update", "count_sheets", sheet, state="submitted", final_sequence=depot.sequence + 1)
    depot.push()
    boss, where = fleet.boss(depot), f"/v1/stocktakes/{stocktake}"
    boss.post(f"{where}/close")
    assert boss.get(f"{where}/lines", {"list": "not_counted"}).json()["results"][0]["product_id"] == goods["tea"]
    finish(fleet, depot, stocktake)
    assert (depot.stock(goods["milk"]), depot.stock(goods["tea"])) == ("6", "9")
    progress = boss.get(f"{where}/progress").json()
    assert (progress["lines"], progress["counted"], progress["decided"]) == ({"posted": 2}, 1, 2)
