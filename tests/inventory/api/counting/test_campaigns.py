"""Campaigns: people's own, launched on many devices; to a device there are none."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from devices.models import Device, User
from inventory.models import Campaign, Stocktake
from tests import factories
from tests.conftest import client_of
from tests.rules.test_query_counts import exactly

pytestmark = pytest.mark.django_db
URL = "/v1/campaigns"


@pytest.fixture
def mine(user: User, device: Device) -> Device:
    Device.objects.filter(pk=device.pk).update(owner=user)
    device.refresh_from_db()
    return device


@pytest.fixture
def ada(user: User, mine: Device) -> APIClient:
    return client_of(user)


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["internal_code"]


def test_a_campaign_from_draft_to_closed(ada: APIClient, mine: Device) -> None:
    place = factories.make_location(mine, code="COLD")
    made = ada.post(URL, {"name": "Cold", "kind": "cycle", "location_code": "COLD", "policy": {"blind": True}})
    assert made.status_code == 201, made.content
    draft = made.json()
    assert (draft["state"], draft["revision"], draft["stocktakes"]) == ("draft", 1, [])
    assert (draft["policy"]["blind"], draft["policy"]["tolerance"]) == (True, "0")
    where = f"{URL}/{draft['id']}"
    changed = ada.patch(where, {"name": "Cold store"}, headers={"If-Match": made.headers["ETag"]})
    assert (changed.json()["name"], changed.headers["ETag"]) == ("Cold store", '"2"')
    late = ada.patch(where, {"name": "x"}, headers={"If-Match": '"1"'})
    assert code(late) == (412, "revision_mismatch")
    assert late.json()["current"]["name"] == "Cold store"
    launched = ada.post(f"{where}/launch", headers={"If-Match": '"2"'}).json()
    assert (launched["state"], launched["stocktake_count"], launched["ended_count"]) == ("launched", 1, 0)
    stocktake = Stocktake.objects.get()
    assert (stocktake.device, stocktake.location, stocktake.rules.blind) == (mine, place, True)
    shown = launched["stocktakes"][0]
    assert (shown["id"], shown["device_id"], shown["state"]) == (str(stocktake.uuid), str(mine.uuid), "draft")
    assert code(ada.patch(where, {"name": "late"})) == (409, "campaign_transition")
    assert code(ada.post(f"{where}/cancel")) == (409, "campaign_transition")
    assert ada.post(f"{where}/close").json()["state"] == "closed"
    listed = ada.get(URL, {"fields": "name,state"}).json()["results"]
    assert listed == [{"name": "Cold store", "state": "closed"}]
    assert ada.get(where, {"fields": "state"}).json() == {"state": "closed"}


def test_a_draft_is_cancelled(ada: APIClient) -> None:
    where = f"{URL}/{ada.post(URL, {'name': 'x'}).json()['id']}"
    assert ada.post(f"{where}/cancel").json()["state"] == "cancelled"
    assert code(ada.post(f"{where}/launch")) == (409, "campaign_transition")
    assert not Stocktake.objects.exists()


def test_devices_are_ones_own(ada: APIClient, user: User, other: Device) -> None:
    before = Campaign.objects.count()
    foreign = ada.post(URL, {"name": "x", "device_ids": [str(other.uuid)]})
    missing = ada.post(URL, {"name": "x", "device_ids": [str(uuid4())]})
    assert code(foreign) == code(missing) == (404, "reference_not_found")
    assert Campaign.objects.count() == before
    Device.objects.filter(owner=user).update(owner=None)
    where = f"{URL}/{ada.post(URL, {'name': 'x'}).json()['id']}"
    assert code(ada.post(f"{where}/launch")) == (422, "campaign_without_devices")


def test_what_it_takes_and_refuses(ada: APIClient) -> None:
    assert code(ada.post(URL, {"name": "x", "policy": {"tolerence": 1}})) == (422, "count_policy")
    assert code(ada.post(URL, {"name": "x", "owner": 1})) == (422, "validation_failed")
    assert code(ada.post(URL, {"name": "x", "state": "closed"})) == (422, "validation_failed")
    assert code(ada.post(URL, {"name": "x", "policy": [1]})) == (422, "validation_failed")
    assert code(ada.get(URL, {"colour": "red"})) == (400, "unknown_filter")
    assert code(ada.get(f"{URL}/nonsense")) == (404, "not_found")
    assert not Campaign.objects.exists()


def test_another_persons_campaign_is_a_missing_one(ada: APIClient, mine: Device) -> None:
    theirs = factories.make_campaign(factories.make_device())
    Campaign.objects.filter(pk=theirs.pk).update(owner=factories.make_user())
    staffs = factories.make_campaign(factories.make_device())
    for campaign in (theirs, staffs):
        assert code(ada.get(f"{URL}/{campaign.uuid}")) == (404, "not_found")
        assert code(ada.post(f"{URL}/{campaign.uuid}/launch")) == (404, "not_found")
    assert ada.get(URL).json()["count"] == 0
    assert not Stocktake.objects.exists()


def test_staff_see_all_and_count_everywhere(staff: User, mine: Device, other: Device) -> None:
    boss = client_of(staff)
    factories.make_campaign(mine)
    where = f"{URL}/{boss.post(URL, {'name': 'Everywhere'}).json()['id']}"
    assert boss.get(URL).json()["count"] == 2
    assert boss.post(f"{where}/launch").json()["stocktake_count"] == 2
    assert set(Stocktake.objects.values_list("device", flat=True)) == {mine.pk, other.pk}


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_device_has_no_campaigns(api: APIClient, device: Device, method: str) -> None:
    campaign = factories.make_campaign(device)
    for url in (URL, f"{URL}/{campaign.uuid}", f"{URL}/{campaign.uuid}/launch", f"{URL}/{uuid4()}/launch"):
        if method == "get" and url.endswith("launch"):
            continue
        assert code(getattr(api, method)(url, {"name": "x"})) in ((404, "not_found"), (405, "method_not_allowed"))
    assert Campaign.objects.count() == 1


def test_once(ada: APIClient) -> None:
    first = ada.post(URL, {"name": "x"}, headers={"Idempotency-Key": "k"})
    again = ada.post(URL, {"name": "x"}, headers={"Idempotency-Key": "k"})
    assert first.json() == again.json()
    assert Campaign.objects.count() == 1


def test_queries(ada: APIClient, mine: Device) -> None:
    for _ in range(3):
        campaign = factories.make_campaign(mine)
    exactly(3, lambda: ada.get(URL))
    exactly(3, lambda: ada.get(f"{URL}/{campaign.uuid}"))
