"""A shop where two installations count blindly and a person does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rest_framework.test import APIClient

from devices.models import Device
from inventory.models import Product, Stocktake


@dataclass
class Blind:
    """A blind stocktake of one device with two installations; milk 10, tea 5."""

    device: Device
    api: APIClient
    colleague: APIClient
    colleague_id: str
    boss: APIClient
    stocktake: Stocktake
    milk: Product
    tea: Product

    def sheet(self, **values: Any) -> str:
        made = self.boss.post("/v1/sheets", {"stocktake_id": str(self.stocktake.uuid), **values})
        assert made.json()["blind"] is True
        return f"/v1/sheets/{made.json()['id']}"

    def count(self, sheet: str, product: Product, quantity: int) -> None:
        body = {"product_id": str(product.uuid), "quantity": str(quantity)}
        assert self.api.post(f"{sheet}/entries", body).status_code == 201

    def do(self, action: str, /, **body: Any) -> Any:
        done = self.boss.post(f"/v1/stocktakes/{self.stocktake.uuid}/{action}", body or None)
        assert done.status_code < 300, done.content
        return done.json()


def review(blind: Blind) -> None:
    sheet = blind.sheet()
    blind.count(sheet, blind.milk, 7)
    blind.count(sheet, blind.tea, 5)
    blind.api.post(f"{sheet}/submit", {})
    blind.do("close")
    blind.stocktake.refresh_from_db()
    assert blind.stocktake.state == "review"


def pull(client: APIClient, cursor: str) -> tuple[dict[str, Any], str]:
    page = client.get("/v1/sync/changes", {"cursor": cursor, "limit": 500}).json()
    return {row["id"]: row["data"] for row in page["changes"]}, page["cursor"]
