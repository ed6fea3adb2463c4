"""Blind counting: cases and alerts that tell of the stock are not there for whoever counts it, and come afterwards."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from devices.models import Event
from inventory.models import Alert, Case, StockLevel
from inventory.services.alerts.looks import look
from inventory.services.cases import claim_case, open_case, resolve_case
from inventory.services.ledger import open_drift_cases, prove_ledger
from tests import factories
from tests.inventory.api.counting.blindfold import Blind, pull, review
from tests.inventory.sync import melon
from tests.inventory.sync.ops import contents, push_one

pytestmark = pytest.mark.django_db


def ids(client: APIClient, table: str) -> set[str]:
    """The ids of cases or alerts that a client gets to see; every door shows the same."""
    listed = {row["id"] for row in client.get(f"/v1/{table}", {"limit": 500}).json()["results"]}
    known = [str(row.uuid) for row in {"cases": Case, "alerts": Alert}[table].objects.all()]
    opened = {id for id in known if client.get(f"/v1/{table}/{id}").status_code == 200}
    page = client.get("/v1/sync/changes", {"limit": 500, "tables": table}).json()
    pulled = {row["id"] for row in page["changes"]}
    library = {row["id"] for row in melon.pull(client)["changes"][table]["updated"]}
    assert listed == opened == pulled == library
    assert page["counts"] == {table: len(pulled)}
    return listed


def below(blind: Blind) -> Case:
    """More tea left than the book had."""
    factories.make_movement(blind.device, product_id=blind.tea.uuid, kind="issue", quantity=Decimal(6))
    found: Case = Case.objects.get(kind="negative_stock")
    return found


def drift(blind: Blind) -> Case:
    StockLevel.objects.filter(product=blind.milk, lot=None).update(quantity=Decimal(11))
    open_drift_cases(prove_ledger(blind.device), actor=factories.TESTER)
    found: Case = Case.objects.get(kind="ledger_drift")
    return found


def serial(blind: Blind) -> Case:
    lot = factories.make_lot(blind.device, product_id=blind.milk.uuid, kind="serial")
    factories.make_movement(blind.device, product_id=blind.milk.uuid, lot_id=lot.uuid, quantity=Decimal(2))
    found: Case = Case.objects.get(kind="serial_in_two_places")
    return found


def nameless(blind: Blind) -> Case:
    """As cases were before they named a product."""
    kind = Case.Kind.VARIANCE_OVER_LIMIT
    return open_case(
        device=blind.device, actor=factories.TESTER, kind=kind, key="line:?", summary="expected 10", evidence={}
    )


TELLING = [below, drift, serial, nameless]


@pytest.mark.parametrize("make", TELLING, ids=lambda make: make.__name__)
def test_a_case_that_tells_is_not_there_for_its_holder(blind: Blind, make: Callable[[Blind], Case]) -> None:
    case, harmless = make(blind), factories.make_case(blind.device)
    everything = {str(case.uuid), str(harmless.uuid)}
    assert ids(blind.api, "cases") == everything
    sheet = blind.sheet(assigned_to=str(blind.device.installations.order_by("pk").first().uuid))
    assert ids(blind.api, "cases") == {str(harmless.uuid)}
    assert ids(blind.colleague, "cases") == ids(blind.boss, "cases") == everything
    for query in ({"kind": case.kind}, {"search": case.summary[:5]}, {"product": str(blind.milk.uuid)}):
        assert blind.api.get("/v1/cases", query).json()["results"] == [], query
    refused = blind.api.post(f"/v1/cases/{case.uuid}/claim")
    assert (refused.status_code, refused.json()["internal_code"]) == (404, "not_found")
    assert blind.boss.patch(sheet, {"assigned_to": blind.colleague_id}).status_code == 200
    assert ids(blind.colleague, "cases") == {str(harmless.uuid)}


def test_what_became_of_it_meanwhile_comes_when_the_stocktake_is_cancelled(blind: Blind) -> None:
    case = below(blind)
    held, cursor = pull(blind.api, "")
    assert held[str(case.uuid)]["state"] == "open"
    blind.sheet()
    claim_case(case, actor=factories.TESTER)
    resolve_case(case, actor=factories.TESTER, resolution="−1 was right")
    hidden, cursor = pull(blind.api, cursor)
    stamp = melon.pull(blind.api)["timestamp"]
    assert str(case.uuid) not in hidden
    blind.do("cancel")
    shown, _ = pull(blind.api, cursor)
    assert (shown[str(case.uuid)]["state"], shown[str(case.uuid)]["resolution"]) == ("resolved", "−1 was right")
    assert melon.row(melon.pull(blind.api, stamp), "cases", case.uuid)["state"] == "resolved"


def test_the_variance_of_a_count_is_told_when_it_is_posted(blind: Blind) -> None:
    """Milk is 3 short, booked by a movement; tea is right: its level does not move, its case comes all the same."""
    blind.stocktake.policy = {**blind.stocktake.policy, "case_over": "2"}
    blind.stocktake.save(update_fields=["policy"])
    tea = open_case(
        device=blind.device,
        actor=factories.TESTER,
        kind=Case.Kind.OVERLAP,
        key="tea",
        summary="expected 5",
        evidence={},
        product=blind.tea,
    )
    review(blind)
    milk = Case.objects.get(kind="variance_over_limit")
    assert (milk.product, "expected 10" in milk.summary) == (blind.milk, True)
    _, cursor = pull(blind.api, "")
    assert ids(blind.api, "cases") == ids(blind.colleague, "cases") == set()
    assert ids(blind.boss, "cases") == {str(milk.uuid), str(tea.uuid)}
    blind.do("decisions", list="missing", action="accept", reason="missing")
    blind.do("approve")
    assert ids(blind.api, "cases") == set()
    blind.do("post")
    shown, _ = pull(blind.api, cursor)
    assert {str(milk.uuid), str(tea.uuid)} <= set(shown)
    assert ids(blind.api, "cases") == {str(milk.uuid), str(tea.uuid)}


def alerts_of(blind: Blind) -> dict[str, Alert]:
    """One of each kind that this shop can have."""
    case = below(blind)
    Case.objects.filter(pk=case.pk).update(created_at="2026-01-01T00:00:00Z")
    lot = factories.make_lot(blind.device, product_id=blind.milk.uuid, expires_on="2020-01-01")
    factories.make_movement(blind.device, product_id=blind.milk.uuid, lot_id=lot.uuid)
    wishes: list[dict[str, Any]] = [
        {"kind": "below_minimum", "product_id": blind.tea.uuid, "threshold": Decimal(50)},
        {"kind": "expiring", "days": 1},
        {"kind": "case_open", "days": 1},
        {"kind": "ledger_drift"},
    ]
    drift(blind)
    for wish in wishes:
        look(factories.make_rule(blind.device, **wish), blind.device.pk)
    return {alert.kind: alert for alert in Alert.objects.all()}


def test_an_alert_that_tells_is_not_there_for_its_holder(blind: Blind) -> None:
    alerts = alerts_of(blind)
    assert set(alerts) == {"below_minimum", "expiring", "case_open", "ledger_drift"}
    assert alerts["case_open"].product == blind.tea
    everything = {str(alert.uuid) for alert in alerts.values()}
    _, cursor = pull(blind.colleague, "")
    blind.sheet(assigned_to=blind.colleague_id)
    assert ids(blind.colleague, "alerts") == {str(alerts["ledger_drift"].uuid)}
    assert ids(blind.api, "alerts") == ids(blind.boss, "alerts") == everything
    assert blind.colleague.get("/v1/alerts", {"kind": "below_minimum"}).json()["count"] == 0
    _, cursor = pull(blind.colleague, cursor)
    blind.do("cancel")
    shown, _ = pull(blind.colleague, cursor)
    assert everything - set(shown) == {str(alerts["ledger_drift"].uuid)}
    assert ids(blind.colleague, "alerts") == everything


def test_what_is_hidden_cannot_be_written_either_and_answers_as_if_it_were_missing(blind: Blind) -> None:
    alert = alerts_of(blind)["below_minimum"]
    op = {"state": "acknowledged"}
    blind.sheet()
    before = contents(blind.device)
    answers = [push_one(blind.api, "update", "alerts", op, id=id) for id in (alert.uuid, uuid4())]
    assert [answer.pop("op_id") for answer in answers]
    assert answers[0] == answers[1]
    assert (answers[0]["status"], answers[0]["internal_code"]) == ("rejected", "not_found")
    for action in ("acknowledge", "snooze"):
        assert blind.api.post(f"/v1/alerts/{alert.uuid}/{action}", {}).status_code == 404
    assert contents(blind.device)[:2] == before[:2]
    assert push_one(blind.boss, "update", "alerts", op, id=alert.uuid)["row"]["summary"] == alert.summary


def test_a_replay_tells_nothing_of_what_is_hidden_by_then(blind: Blind) -> None:
    alert = alerts_of(blind)["below_minimum"]
    operation = {"op_id": str(uuid4()), "op": "update", "table": "alerts", "id": str(alert.uuid)}
    operation["data"] = {"state": "acknowledged"}  # type: ignore[assignment]
    [first] = blind.api.post("/v1/sync/push", {"ops": [operation]}).json()["results"]
    assert (first["status"], first["row"]["summary"]) == ("applied", alert.summary)
    blind.sheet()
    [again] = blind.api.post("/v1/sync/push", {"ops": [operation]}).json()["results"]
    assert (again["status"], again["verdict"], again["row"]) == ("duplicate", "applied", None)


def test_without_blindness_no_case_is_sent_twice(blind: Blind) -> None:
    case = below(blind)
    second = factories.make_stocktake(blind.device)
    sheet = blind.boss.post("/v1/sheets", {"stocktake_id": str(second.uuid)}).json()
    assert sheet["blind"] is False
    assert blind.boss.post(f"/v1/stocktakes/{second.uuid}/cancel").status_code == 200
    blind.do("cancel")
    assert [event.action for event in Event.objects.about(case)] == ["sent_again", "opened"]
