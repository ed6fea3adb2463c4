"""A stocktake in the admin: made with its policy, watched, reviewed with the evidence, posted and reversed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from devices.actors import Actor
from devices.models import Device, User
from devices.services.enrollment import Enrolled
from inventory.models import (
    Campaign,
    Case,
    CountEntry,
    CountSheet,
    ScanEvent,
    StockLevel,
    StockMovement,
    Stocktake,
    StocktakeLine,
)
from inventory.services.counting.entries import record_entry
from inventory.services.counting.sheets import submit_sheet
from tests import factories

POLICY = {
    "tolerance": "0",
    "tolerance_percent": "0",
    "recount": "optional",
    "not_counted": "leave",
    "case_over": "",
    "passes": "3",
}


def address(model: type[Any], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def do(boss: Client, row: Any, name: str, **answers: str) -> str:
    response = boss.post(address(type(row), "do", row.pk, name), {"confirmed": "yes", **answers}, follow=True)
    row.refresh_from_db()
    return str(response.content.decode())


@pytest.fixture
def stocktake(boss: Client, device: Device) -> Stocktake:
    """Made in the admin over 10 pieces, and open."""
    factories.make_movement(device, quantity=Decimal(10))
    sent = {"device": device.pk, "name": "November", "kind": "full", "note": "", **POLICY}
    response = boss.post(address(Stocktake, "add"), sent)
    assert response.status_code == 302, response.context["errors"]
    made = Stocktake.objects.get()
    do(boss, made, "open")
    return made


@pytest.fixture
def line(stocktake: Stocktake) -> StocktakeLine:
    return StocktakeLine.objects.get(stocktake=stocktake)


def count(boss: Client, stocktake: Stocktake, line: StocktakeLine, actor: Actor, quantity: int, **more: Any) -> None:
    """One count on a sheet of its own, submitted; then counting is closed in the admin."""
    sheet = factories.make_sheet(stocktake.device, stocktake_id=stocktake.uuid)
    record_entry(
        device=stocktake.device,
        actor=actor,
        sheet_id=sheet.uuid,
        product_id=line.product.uuid,
        quantity=Decimal(quantity),
        **more,
    )
    sheet.refresh_from_db()
    submit_sheet(sheet, actor=actor)
    do(boss, stocktake, "close")
    line.refresh_from_db()


def test_the_form_makes_the_policy(boss: Client, device: Device) -> None:
    wanted = {**POLICY, "tolerance": "1.5", "tolerance_percent": "2", "case_over": "20", "blind": "on", "passes": "2"}
    boss.post(address(Stocktake, "add"), {"device": device.pk, "name": "Blind", "kind": "spot", "note": "", **wanted})
    made = Stocktake.objects.get()
    assert (made.rules.tolerance, made.rules.case_over, made.rules.passes) == (Decimal("1.5"), Decimal(20), 2)
    assert made.rules.blind
    page = boss.get(address(Stocktake, "change", made.pk)).content.decode()
    for words in ("Up to 1.5 units or 2 %", "Above 20 units a case is opened", "Blind: counters are shown no"):
        assert words in page


def test_a_wrong_policy_is_refused_in_words(boss: Client, device: Device) -> None:
    sent = {"device": device.pk, "name": "x", "kind": "full", "note": "", **POLICY, "tolerance": "-1"}
    response = boss.post(address(Stocktake, "add"), sent)
    assert response.status_code == 200
    assert "greater than or equal to 0" in response.content.decode()
    assert not Stocktake.objects.exists()


def test_from_the_draft_to_the_ledger_and_back(
    boss: Client, enrolled: Enrolled, stocktake: Stocktake, line: StocktakeLine
) -> None:
    count(boss, stocktake, line, factories.actor(enrolled.installation), 7)
    assert (stocktake.state, line.state, line.variance) == ("review", "variance", Decimal(-3))
    listed = boss.get(address(StocktakeLine, "changelist"), {"list": "missing"}).context["cl"].result_list
    assert list(listed) == [line]
    assert not list(boss.get(address(StocktakeLine, "changelist"), {"list": "matched"}).context["cl"].result_list)
    assert "1 to decide" in boss.get(address(Stocktake, "changelist")).content.decode()
    assert "needs a reason" in do(boss, line, "accept")
    assert line.state == "variance"
    assert "There are lines without a decision" in do(boss, stocktake, "approve")
    do(boss, line, "accept", reason="missing", note="shelf B")
    assert (line.state, line.reason, line.note, line.decided_by_name) == ("accepted", "missing", "shelf B", "boss")
    do(boss, stocktake, "approve")
    do(boss, stocktake, "post")
    line.refresh_from_db()
    assert (stocktake.state, line.state) == ("posted", "posted")
    assert StockLevel.objects.get().quantity == Decimal(7)
    do(boss, stocktake, "reverse")
    assert (stocktake.state, StockLevel.objects.get().quantity) == ("reversed", Decimal(10))


def test_four_eyes_are_the_services(boss: Client, staff: User, stocktake: Stocktake, line: StocktakeLine) -> None:
    count(boss, stocktake, line, Actor("staff", str(staff.uuid), "boss"), 7)
    before = StockMovement.objects.count()
    assert "Whoever counted cannot decide" in do(boss, line, "accept", reason="missing")
    assert (line.state, StockMovement.objects.count()) == ("variance", before)


def test_the_recount_is_asked_for_and_opened(
    boss: Client, enrolled: Enrolled, stocktake: Stocktake, line: StocktakeLine
) -> None:
    count(boss, stocktake, line, factories.actor(enrolled.installation), 7)
    assert "No line is marked for a recount" in do(boss, stocktake, "recount")
    do(boss, line, "recount")
    do(boss, stocktake, "recount", assignee_name="Grace")
    assert (stocktake.state, stocktake.pass_number, line.state) == ("counting", 2, "recount")
    sheet = CountSheet.objects.get(pass_number=2)
    assert sheet.assignee_name == "Grace"
    do(boss, sheet, "abandon")
    assert sheet.state == "abandoned"


def test_the_page_of_a_line_says_why(
    boss: Client, enrolled: Enrolled, stocktake: Stocktake, line: StocktakeLine
) -> None:
    count(boss, stocktake, line, factories.actor(enrolled.installation), 7, installation=enrolled.installation)
    factories.make_movement(line.device, product_id=line.product.uuid, quantity=Decimal(2))
    page = boss.get(address(StocktakeLine, "change", line.pk)).content.decode()
    assert "Counted 7 pcs in pass 1; expected 10 pcs: the level less 1 later movement" in page
    assert "it happened when the count had arrived already" in page
    assert "set 7" in page


def test_a_settled_scope_is_not_edited(boss: Client, stocktake: Stocktake) -> None:
    form = boss.get(address(Stocktake, "change", stocktake.pk)).context["adminform"].form
    assert set(form.fields) == {"name", "note"}
    assert boss.get(address(Stocktake, "delete", stocktake.pk)).status_code == 403


def test_a_late_movement_is_absorbed(
    boss: Client, enrolled: Enrolled, stocktake: Stocktake, line: StocktakeLine
) -> None:
    count(boss, stocktake, line, factories.actor(enrolled.installation), 10)
    do(boss, stocktake, "approve")
    do(boss, stocktake, "post")
    earlier = timezone.now() - timedelta(hours=1)
    factories.make_movement(line.device, product_id=line.product.uuid, quantity=Decimal(4), occurred_at=earlier)
    case = Case.objects.get(kind=Case.Kind.LATE_MOVEMENT)
    do(boss, case, "absorb")
    assert (case.state, StockLevel.objects.get().quantity) == ("resolved", Decimal(10))
    do(boss, case, "absorb")  # again: closed, nothing happens twice
    assert StockLevel.objects.get().quantity == Decimal(10)


def test_a_campaign_is_made_changed_and_launched(boss: Client, device: Device, other: Device) -> None:
    sent = {"name": "Year end", "kind": "full", "devices": [device.pk], **POLICY}
    response = boss.post(address(Campaign, "add"), sent)
    assert response.status_code == 302, response.context["errors"]
    campaign = Campaign.objects.get()
    assert campaign.device_ids == [str(device.uuid)]
    changed = {**sent, "name": "Year end 2026", "tolerance": "2", "opened_revision": campaign.revision}
    response = boss.post(address(Campaign, "change", campaign.pk), changed)
    assert response.status_code == 302, response.context["errors"]
    campaign.refresh_from_db()
    assert (campaign.name, campaign.policy["tolerance"]) == ("Year end 2026", "2")
    do(boss, campaign, "launch")
    assert [row.device for row in Stocktake.objects.filter(campaign=campaign)] == [device]
    page = boss.get(address(Campaign, "change", campaign.pk)).content.decode()
    assert str(device) in page
    assert "0 of 1 ended" in boss.get(address(Campaign, "changelist")).content.decode()
    assert "The campaign is not in a state for this" in do(boss, campaign, "launch")
    do(boss, campaign, "close")
    assert campaign.state == "closed"


def test_a_scan_that_nobody_could_read_is_counted_later(boss: Client, stocktake: Stocktake, device: Device) -> None:
    sheet = factories.make_sheet(device, stocktake_id=stocktake.uuid)
    scan = factories.make_scan_event(device, sheet_id=sheet.uuid, code="NEW-1")
    page = address(ScanEvent, "change", scan.pk)
    assert "Count it" in boss.get(page).content.decode()
    assert "Nobody knows this code yet" in do(boss, scan, "count")
    assert not CountEntry.objects.exists()
    factories.make_barcode(device, value="NEW-1")
    assert "done for 1" in do(boss, scan, "count")
    assert CountEntry.objects.get().scan == scan
    shown = boss.get(page).content.decode()
    assert ("Count it" in shown, "Counted later" in shown) == (False, True)
    listed = boss.get(address(ScanEvent, "changelist")).content.decode()
    assert "Counted later" in listed
