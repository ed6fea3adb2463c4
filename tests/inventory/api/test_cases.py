"""Cases over HTTP: all of the device read them, people decide, and a decision is made once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from devices.models import Device, Event, User
from inventory.models import Case, StockMovement
from inventory.services.cases import claim_case, open_case, resolve_case
from tests import factories
from tests.conftest import client_of
from tests.inventory.counting.desk import Desk, after
from tests.inventory.sync.ops import contents

ACTIONS = ("claim", "resolve", "waive", "absorb", "keep")


@pytest.fixture
def boss(user: User, device: Device) -> APIClient:
    """The owner of the device."""
    Device.objects.filter(pk=device.pk).update(owner=user)
    return client_of(user, device)


def refused(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["internal_code"]


def test_a_case_is_listed_without_its_evidence_and_shown_with_it(api: APIClient, boss: APIClient) -> None:
    api.get("/v1/scan/4006381333931")
    case = Case.objects.get()
    for client in (api, boss):
        [listed] = client.get("/v1/cases").json()["results"]
        shown = client.get(f"/v1/cases/{case.uuid}")
        assert shown.headers["ETag"] == f'"{case.revision}"'
        assert shown.json() == {**listed, "evidence": {"code": "4006381333931", "gtins": ["04006381333931"]}}
        told = {name: listed[name] for name in ("kind", "state", "summary", "times", "product_id", "closed_at")}
        assert told == {
            "kind": "unknown_barcode",
            "state": "open",
            "summary": "Unknown code 4006381333931",
            "times": 1,
            "product_id": None,
            "closed_at": None,
        }
        assert not {"key", "evidence"} & set(listed)
        etag = {"If-None-Match": shown.headers["ETag"]}
        assert client.get(f"/v1/cases/{case.uuid}", headers=etag).status_code == 304
        assert client.get(f"/v1/cases/{case.uuid}", {"fields": "state"}).json() == {"state": "open"}


def test_filters(api: APIClient, device: Device, other: Device) -> None:
    movement = factories.make_movement(device, kind="issue", quantity=Decimal(3))
    below, unknown = Case.objects.get(), factories.make_case(device, summary="Unknown thing")
    claimed, closed = factories.make_case(device), factories.make_case(device)
    claim_case(claimed, actor=factories.TESTER)
    resolve_case(closed, actor=factories.TESTER)
    factories.make_case(other)
    for query, expected in (
        ({}, {below, unknown, claimed, closed}),
        ({"kind": "negative_stock"}, {below}),
        ({"state": "open"}, {below, unknown}),
        ({"state": "claimed"}, {claimed}),
        ({"closed_at__isnull": "false"}, {closed}),
        ({"product": str(movement.product.uuid)}, {below}),
        ({"search": "thing"}, {unknown}),
        ({"revision__gt": closed.revision}, {claimed, closed}),
    ):
        shown = api.get("/v1/cases", query).json()["results"]
        assert {row["id"] for row in shown} == {str(case.uuid) for case in expected}, query
    for query in ({"kind": "moon"}, {"key": "a"}, {"ordering": "evidence"}, {"deleted": "true"}):
        assert api.get("/v1/cases", query).status_code == 400, query


def test_there_is_no_other_way_to_write_one(api: APIClient, boss: APIClient, device: Device) -> None:
    case = factories.make_case(device)
    before = contents(device)
    for client in (api, boss):
        assert client.post("/v1/cases", {}).status_code == 405
        for method in (client.patch, client.put, client.delete):
            assert method(f"/v1/cases/{case.uuid}", {}).status_code == 405
    assert contents(device) == before


@pytest.mark.parametrize("action", ACTIONS)
def test_a_device_decides_nothing(api: APIClient, device: Device, action: str) -> None:
    case = factories.make_case(device, kind=Case.Kind.LATE_MOVEMENT)
    before = contents(device)
    assert refused(api.post(f"/v1/cases/{case.uuid}/{action}")) == (403, "people_only")
    assert refused(api.post(f"/v1/cases/{uuid4()}/{action}")) == (404, "not_found")
    assert contents(device) == before


@pytest.mark.parametrize(("action", "state"), [("resolve", "resolved"), ("waive", "waived")])
def test_claimed_then_closed(boss: APIClient, user: User, device: Device, action: str, state: str) -> None:
    case = factories.make_case(device)
    url = f"/v1/cases/{case.uuid}"
    claimed = boss.post(f"{url}/claim", headers={"If-Match": f'"{case.revision}"'})
    assert (claimed.status_code, claimed.json()["state"], claimed.json()["closed_at"]) == (200, "claimed", None)
    late = boss.post(f"{url}/{action}", {}, headers={"If-Match": f'"{case.revision}"'})
    assert refused(late) == (412, "revision_mismatch")
    assert late.json()["current"]["state"] == "claimed"
    done = boss.post(f"{url}/{action}", {"resolution": "Looked."}, headers={"If-Match": claimed.headers["ETag"]})
    assert (done.json()["state"], done.json()["resolution"]) == (state, "Looked.")
    assert done.json()["closed_at"] is not None
    assert done.json() == boss.get(url).json()
    events = Event.objects.about(Case.objects.get())
    assert [(event.action, event.actor_kind) for event in events] == [
        (state, "user"),
        ("claimed", "user"),
        ("opened", "system"),
    ]
    before = contents(device)
    for again in ("claim", "resolve", "waive"):
        assert refused(boss.post(f"{url}/{again}")) == (409, "case_closed")
    assert contents(device) == before


@pytest.mark.parametrize(
    "body", [{"resolution": 7}, {"resolution": "x" * 10_001}, {"because": "x"}, {"state": "open"}, ["x"]]
)
def test_a_wrong_body_closes_nothing(boss: APIClient, device: Device, body: Any) -> None:
    case = factories.make_case(device, kind=Case.Kind.LATE_MOVEMENT)
    before = contents(device)
    for action in ("resolve", "waive", "keep"):
        response = boss.post(f"/v1/cases/{case.uuid}/{action}", body)
        assert refused(response) == (422, "validation_failed"), action
    assert refused(boss.post(f"/v1/cases/{case.uuid}/claim", headers={"If-Match": "soon"}))[0] == 400
    assert contents(device) == before


def test_a_repeated_decision_gets_the_same_answer(boss: APIClient, device: Device) -> None:
    case = factories.make_case(device)
    key = {"Idempotency-Key": "decided"}
    first = boss.post(f"/v1/cases/{case.uuid}/resolve", {"resolution": "A"}, headers=key)
    before = contents(device)
    again = boss.post(f"/v1/cases/{case.uuid}/resolve", {"resolution": "A"}, headers=key)
    assert (again.status_code, again.content, again.headers["ETag"]) == (200, first.content, first.headers["ETag"])
    other = boss.post(f"/v1/cases/{case.uuid}/resolve", {"resolution": "B"}, headers=key)
    assert refused(other) == (422, "idempotency_key_reused")
    assert contents(device) == before


@pytest.mark.parametrize(
    ("kind", "actions"),
    [(Case.Kind.QUARANTINE, ("resolve", "waive", "absorb", "keep")), (Case.Kind.NEGATIVE_STOCK, ("absorb", "keep"))],
)
def test_what_a_kind_has_no_action_for(boss: APIClient, device: Device, kind: Case.Kind, actions: Any) -> None:
    case = open_case(device=device, actor=factories.TESTER, kind=kind, key="k", summary="?", evidence={"ops": []})
    before = contents(device)
    for action in actions:
        assert refused(boss.post(f"/v1/cases/{case.uuid}/{action}")) == (409, "no_action_of_case"), action
    assert contents(device) == before
    assert boss.post(f"/v1/cases/{case.uuid}/claim").json()["state"] == "claimed"


# --- late movements ---
@pytest.fixture
def late(user: User) -> tuple[Desk, APIClient, str]:
    """10 in the book, 7 counted at noon and posted; then somebody pushes that 2 had left before."""
    desk = Desk(recount="optional")
    Device.objects.filter(pk=desk.device.pk).update(owner=user)
    desk.stock(10, occurred_at=after(days=-1))
    desk.open()
    desk.push(desk.counts(desk.sheet(), 7, after(), base=desk.head, sequence=1))
    desk.close()
    desk.accept()
    desk.post()
    desk.push(desk.moves(-2, after(minutes=-30)), who=1)
    assert desk.level == 5
    client = client_of(user, desk.device)
    [case] = client.get("/v1/cases", {"kind": "late_movement", "product": str(desk.product.uuid)}).json()["results"]
    return desk, client, f"/v1/cases/{case['id']}"


def test_absorbed(late: tuple[Desk, APIClient, str]) -> None:
    desk, client, url = late
    shown = client.get(url)
    assert shown.json()["evidence"]["quantity"] == "-2"
    stale = client.post(f"{url}/absorb", headers={"If-Match": f'"{int(shown.headers["ETag"].strip(chr(34))) - 1}"'})
    assert refused(stale) == (412, "revision_mismatch")
    assert (desk.level, StockMovement.objects.filter(reason="late_movement").count()) == (5, 0)
    done = client.post(f"{url}/absorb", headers={"If-Match": shown.headers["ETag"]})
    assert (done.status_code, done.json()["state"], desk.level) == (200, "resolved", 7)
    adjustment = StockMovement.objects.get(reason="late_movement")
    assert str(adjustment.uuid) in done.json()["resolution"]
    before = contents(desk.device)
    for action in ("absorb", "keep"):
        assert refused(client.post(f"{url}/{action}")) == (409, "case_closed")
    assert contents(desk.device) == before


def test_kept(late: tuple[Desk, APIClient, str]) -> None:
    desk, client, url = late
    done = client.post(f"{url}/keep")
    assert (done.json()["state"], done.json()["resolution"]) == ("waived", "kept: the count had not seen it")
    assert desk.level == 5


def test_what_was_reversed_since_cannot_be_absorbed(late: tuple[Desk, APIClient, str]) -> None:
    desk, client, url = late
    assert client.post(f"/v1/stocktake-lines/{desk.line.uuid}/reverse").status_code == 200
    before = contents(desk.device)
    assert refused(client.post(f"{url}/absorb")) == (409, "line_transition")
    assert contents(desk.device) == before
    assert client.post(f"{url}/keep", {"resolution": "undone"}).json()["resolution"] == "undone"
