"""A whole stocktake through the services, as a first look."""

from __future__ import annotations

from decimal import Decimal

import pytest

from devices.actors import Actor
from devices.services.enrollment import Enrolled
from inventory.models import StockLevel, StocktakeLine
from inventory.services.counting import decisions, entries, sheets, stocktakes
from tests import factories

pytestmark = pytest.mark.django_db
BOSS = Actor("staff", "0192f0c4-0000-7000-8000-000000000001", "Boss")


def test_whole(enrolled: Enrolled) -> None:
    device = enrolled.installation.device
    me = factories.actor(enrolled.installation)
    product = factories.make_product(device, name="Oat milk")
    factories.make_movement(device, product_id=product.uuid, quantity=Decimal(10))
    stocktake = stocktakes.create_stocktake(device=device, actor=BOSS, name="S", policy={"recount": "optional"})
    stocktakes.open_stocktake(stocktake, actor=BOSS)
    line = StocktakeLine.objects.get()
    assert line.state == "to_count"
    sheet = sheets.create_sheet(device=device, actor=BOSS, stocktake_id=stocktake.uuid)
    entries.record_entry(
        device=device, actor=me, sheet_id=sheet.uuid, product_id=product.uuid, quantity=Decimal(7),
        installation=enrolled.installation,
    )  # fmt: skip
    factories.make_movement(device, product_id=product.uuid, quantity=Decimal(5))
    sheet.refresh_from_db()
    sheets.submit_sheet(sheet, actor=me)
    stocktakes.close_stocktake(stocktake, actor=BOSS)
    line.refresh_from_db()
    stocktake.refresh_from_db()
    assert stocktake.state == "review"
    assert (line.state, line.expected, line.counted, line.variance, line.flags) == ("variance", 10, 7, -3, [])
    decisions.accept_line(line, actor=BOSS, reason="missing")
    stocktakes.approve_stocktake(stocktake, actor=BOSS)
    stocktakes.post_stocktake(stocktake, actor=BOSS)
    stocktake.refresh_from_db()
    assert stocktake.state == "posted"
    assert StockLevel.objects.get().quantity == 12
    stocktakes.reverse_stocktake(stocktake, actor=BOSS)
    assert StockLevel.objects.get().quantity == 15
    line.refresh_from_db()
    assert line.state == "reversed"
