"""Looks: what rules find is raised once, in a sentence, kept up to date, and cleared when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from devices.models import Device, Event, Feed
from inventory.jobs import alerts
from inventory.jobs.alerts import alert_sweep
from inventory.models import Alert, AlertLook, AlertRule, AlertSighting, CountEntry, Location
from inventory.services.alerts import looks
from inventory.services.alerts.inbox import acknowledge_alert, snooze_alert
from inventory.services.alerts.looks import devices_to_look_at, look
from inventory.services.alerts.rules import delete_rule, restore_rule, update_rule
from inventory.services.counting.stocktakes import cancel_stocktake
from inventory.services.products import delete_product, update_product
from tests.factories import (
    TESTER,
    make_category,
    make_entry,
    make_location,
    make_lot,
    make_movement,
    make_product,
    make_rule,
    make_sheet,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(db: None) -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(NOW, tick=False) as travel:
        yield travel


def said(**of: Any) -> list[str]:
    return list(Alert.objects.standing().filter(**of).order_by("summary").values_list("summary", flat=True))


def move(device: Device, product: Any, quantity: str, **values: Any) -> None:
    kind = "receipt" if Decimal(quantity) > 0 else "issue"
    make_movement(device, product_id=product.uuid, kind=kind, quantity=abs(Decimal(quantity)), **values)


def main_of(device: Device) -> Location:
    found: Location = Location.objects.get(device=device, is_default=True)
    return found


# --- below minimum ---
def test_below_minimum_is_raised_and_cleared(device: Device, other: Device) -> None:
    make_rule(device)
    milk = make_product(device, name="Oat milk 1 l", reorder_level=Decimal(10))
    make_product(other, reorder_level=Decimal(10))
    make_product(device, reorder_level=None)
    make_product(device, reorder_level=Decimal(10), is_active=False)
    move(device, milk, "3")
    alert_sweep()
    assert said() == ["Oat milk 1 l: 3 left, minimum 10."]
    alert = Alert.objects.get()
    assert (alert.state, alert.product, alert.kind, alert.raised_at) == ("open", milk, "below_minimum", NOW)
    assert alert.evidence == {"quantity": "3", "minimum": "10", "unit": "pcs"}
    assert alert.revision == Event.objects.about(alert).get(action="raised").revision
    move(device, milk, "7")
    alert_sweep()
    alert.refresh_from_db()
    assert (alert.state, alert.cleared_at) == ("cleared", NOW)
    assert [event.action for event in Event.objects.about(alert)] == ["cleared", "raised"]
    move(device, milk, "-1")
    alert_sweep()
    assert Alert.objects.count() == 2, "it is another alert"


def test_the_sentence_follows_the_stock(device: Device) -> None:
    make_rule(device)
    oil = make_product(device, name="Oil", unit="l", reorder_level=Decimal(10))
    move(device, oil, "2.5")
    alert_sweep()
    acknowledge_alert(Alert.objects.get(), actor=TESTER)
    move(device, oil, "-0.25")
    alert_sweep()
    assert said(state="acknowledged") == ["Oil: 2.25 l left, minimum 10 l."]
    head = Feed.objects.get(device=device).head
    for _ in range(2):
        alert_sweep()
        look(AlertRule.objects.get())
    assert Feed.objects.get(device=device).head == head, "nothing new, nothing written"


def test_at_a_location_and_below_it(device: Device) -> None:
    shop = make_location(device, name="Main")
    shelf = make_location(device, parent_id=shop.uuid)
    milk, tea = make_product(device, name="Milk"), make_product(device, name="Tea")
    make_rule(device, location_id=shop.uuid, product_id=milk.uuid, threshold=Decimal(10))
    move(device, milk, "3", to_location_id=shelf.uuid)
    move(device, milk, "100")
    move(device, tea, "1")
    alert_sweep()
    assert said() == ["Milk: 3 left at Main, minimum 10."]
    assert Alert.objects.get().location == shop


def test_of_a_category_and_below_it(device: Device) -> None:
    drinks = make_category(device, name="Drinks")
    hot = make_category(device, parent_id=drinks.uuid)
    for name, category in (("Tea", hot), ("Water", drinks), ("Nails", make_category(device)), ("Odds", None)):
        make_product(device, name=name, category_id=category.uuid if category else None)
    make_rule(device, category_id=drinks.uuid, threshold=Decimal(1))
    alert_sweep()
    assert said() == ["Tea: 0 left, minimum 1.", "Water: 0 left, minimum 1."]


def test_a_margin_keeps_it_from_flapping(device: Device) -> None:
    make_rule(device, threshold=Decimal(10), margin=Decimal(5))
    milk = make_product(device)
    move(device, milk, "12")
    alert_sweep()
    assert said() == [], "within the margin nothing is raised"
    move(device, milk, "-3")
    alert_sweep()
    assert len(said()) == 1
    move(device, milk, "5")
    alert_sweep()
    assert len(said()) == 1, "14 of 15"
    move(device, milk, "1")
    alert_sweep()
    assert said() == []


def test_patience_wants_to_see_it_so_often_in_a_row(device: Device) -> None:
    rule = make_rule(device, threshold=Decimal(10), patience=3)
    milk = make_product(device)
    for seen in (1, 2):
        look(rule, device.pk)
        assert (said(), AlertSighting.objects.get().times) == ([], seen)
    move(device, milk, "10")
    look(rule)
    assert not AlertSighting.objects.exists(), "not in a row"
    move(device, milk, "-1")
    for _ in range(3):
        look(rule)
    assert len(said()) == 1
    assert not AlertSighting.objects.exists()


def test_a_deleted_product_clears_its_alert(device: Device) -> None:
    make_rule(device)
    product = make_product(device, reorder_level=Decimal(1))
    alert_sweep()
    assert len(said()) == 1
    delete_product(product, actor=TESTER)
    alert_sweep()
    assert said() == []


# --- expiring ---
def test_expiring(device: Device, clock: Any) -> None:
    make_rule(device, kind="expiring", days=7)
    milk = make_product(device, name="Milk", unit="l")
    for code, day, stock in (("soon", 8, "2"), ("past", 1, "1"), ("far", 20, "1"), ("gone", 5, "")):
        lot = make_lot(device, product_id=milk.uuid, code=code, expires_on=date(2026, 3, day) - timedelta(days=1))
        if stock:
            move(device, milk, stock, lot_id=lot.uuid)
    alert_sweep()
    assert said() == [
        "Milk, lot past: 1 l left, expired on 2026-02-28.",
        "Milk, lot soon: 2 l left, expires on 2026-03-07.",
    ]
    assert Alert.objects.filter(product=milk).count() == 2
    alert_sweep()
    clock.move_to(NOW + timedelta(days=12))
    alert_sweep()
    assert len(said()) == 2, "nobody wrote; the nightly look finds it"
    look(AlertRule.objects.get())
    assert "Milk, lot far: 1 l left, expires on 2026-03-19." in said()


# --- not counted ---
def test_what_nobody_has_counted_for_long(device: Device, clock: Any) -> None:
    main, attic = main_of(device), make_location(device, name="Attic")
    tea, milk, idle = (make_product(device, name=name) for name in ("Tea", "Milk", "Idle"))
    for product in (tea, milk):
        move(device, product, "5")
    sheet = make_sheet(device)
    for product in (tea, milk):
        make_entry(device, sheet_id=sheet.uuid, product_id=product.uuid, location_id=main.uuid, quantity=Decimal(5))
    clock.shift(timedelta(days=20))
    new = make_product(device, name="New")
    move(device, new, "1")
    make_entry(device, product_id=tea.uuid, location_id=main.uuid, quantity=Decimal(5))
    rule = make_rule(device, kind="not_counted", days=30)
    clock.shift(timedelta(days=20))
    look(rule)
    assert said() == ["Milk was last counted on 2026-03-01 12:00 UTC."], f"{idle} never moved, {new} is new"
    clock.shift(timedelta(days=11))
    look(rule)
    assert said() == [
        "Milk was last counted on 2026-03-01 12:00 UTC.",
        "New has never been counted.",
        "Tea was last counted on 2026-03-21 12:00 UTC.",
    ]
    make_entry(device, product_id=milk.uuid, location_id=main.uuid, quantity=Decimal(5))
    cancel_stocktake(CountEntry.objects.filter(product=tea).latest("received_at").sheet.stocktake, actor=TESTER)
    alert_sweep()
    assert said() == ["New has never been counted.", "Tea was last counted on 2026-03-01 12:00 UTC."]
    move(device, tea, "1", to_location_id=attic.uuid)
    update_rule(rule, actor=TESTER, changes={"location_id": attic.uuid})
    look(AlertRule.objects.get())
    assert said() == ["Tea has never been counted at Attic."]


# --- when ---
def test_only_devices_that_were_written_to_are_looked_at(device: Device, other: Device) -> None:
    assert list(devices_to_look_at()) == []
    make_rule(device)
    assert list(devices_to_look_at()) == [device.pk]
    alert_sweep()
    assert list(devices_to_look_at()) == []
    make_product(device, reorder_level=Decimal(1))
    make_product(other, reorder_level=Decimal(1))
    alert_sweep()
    assert list(devices_to_look_at()) == [device.pk], "what it raised is a write: one more look finds nothing"
    alert_sweep()
    assert list(devices_to_look_at()) == []
    make_rule(None, threshold=Decimal(1))
    assert list(devices_to_look_at()) == [device.pk, other.pk]


def test_a_rule_of_every_device_is_looked_at_everywhere_when_it_changes(device: Device, other: Device) -> None:
    rule = make_rule(None, threshold=Decimal(1))
    for owner in (device, other):
        make_product(owner)
    while list(devices_to_look_at()):
        alert_sweep()
    assert len(said()) == 2
    changed = update_rule(rule, actor=TESTER, changes={"threshold": Decimal(0)})
    assert changed.revision == 2
    assert update_rule(rule, actor=TESTER, changes={"threshold": Decimal(0)}).revision == 2
    alert_sweep()
    assert said() == []


@pytest.mark.parametrize("wide", [True, False])
def test_what_a_disabled_or_deleted_rule_raised_is_cleared(device: Device, wide: bool) -> None:
    rule = make_rule(None if wide else device, threshold=Decimal(1))
    make_product(device)
    for stop, start in (
        (lambda: update_rule(rule, actor=TESTER, changes={"enabled": False}), {"enabled": True}),
        (lambda: delete_rule(rule, actor=TESTER), None),
    ):
        alert_sweep()
        assert len(said()) == 1
        stop()
        alert_sweep()
        assert said() == []
        if start:
            update_rule(rule, actor=TESTER, changes=start)
    restore_rule(rule, actor=TESTER)
    alert_sweep()
    assert len(said()) == 1


def test_a_sweep_ends_in_time(device: Device, other: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    make_rule(None)
    monkeypatch.setattr(alerts, "SECONDS", 0)
    alert_sweep()
    assert AlertLook.objects.count() == 1
    alert_sweep()
    assert AlertLook.objects.count() == 2


def test_what_was_settled_meanwhile_is_not_raised_twice(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = make_rule(device, threshold=Decimal(1))
    make_product(device)
    real = looks._settle

    def late(*args: Any) -> int:
        monkeypatch.setattr(looks, "_settle", real)
        look(rule, device.pk)  # another worker, between our reading and our lock
        return real(*args)

    monkeypatch.setattr(looks, "_settle", late)
    look(rule, device.pk)
    assert Alert.objects.count() == 1


def test_a_look_costs_the_same_for_many_products(
    device: Device, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    rule = make_rule(device, threshold=Decimal(1))
    for _ in range(30):
        make_product(device)
    with django_assert_max_num_queries(15):
        look(rule, device.pk)
    assert len(said()) == 30
    with django_assert_num_queries(2):
        look(rule, device.pk)


# --- snooze ---
def test_a_snoozed_one_comes_back_if_it_is_still_there(device: Device, clock: Any) -> None:
    rule = make_rule(device, threshold=Decimal(1))
    make_product(device)
    look(rule)
    alert = snooze_alert(Alert.objects.get(), actor=TESTER, until=NOW + timedelta(hours=4))
    clock.shift(timedelta(hours=3))
    assert look(rule) == 0
    clock.shift(timedelta(hours=1))
    assert look(rule) == 1
    alert.refresh_from_db()
    assert (alert.state, alert.snoozed_until) == ("open", None)
    assert [event.action for event in Event.objects.about(alert)] == ["raised", "snoozed", "raised"]


def test_a_snoozed_one_that_is_over_is_cleared(device: Device) -> None:
    rule = make_rule(device, threshold=Decimal(1))
    product = make_product(device)
    look(rule)
    snooze_alert(Alert.objects.get(), actor=TESTER, until=NOW + timedelta(hours=4))
    update_product(product, actor=TESTER, changes={"is_active": False})
    look(rule)
    assert said() == []


def test_everything_says_what_it_is(device: Device) -> None:
    named, plain = make_rule(device, name="Milk runs low", threshold=Decimal(1), patience=2), make_rule(device)
    assert [str(named), str(plain)] == ["Milk runs low", "Below minimum"]
    make_product(device, name="Milk")
    look(named)
    assert str(AlertSighting.objects.get()).endswith(" × 1")
    look(named)
    alert_sweep()
    assert str(Alert.objects.get()) == "Milk: 0 left, minimum 1."
    assert str(AlertLook.objects.get()).startswith("@")
