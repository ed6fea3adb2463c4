"""Campaigns: drafts, launched once on the devices they are for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from config.core.errors import ReferenceNotFound
from devices.errors import RevisionMismatch
from devices.models import Device, Standing
from devices.services.standing import set_standing
from inventory.errors.counting import CampaignTransition, CampaignWithoutDevices, CountPolicyInvalid
from inventory.models import Campaign, Stocktake
from inventory.services.counting import campaigns, stocktakes
from tests import factories
from tests.inventory.counting.desk import BOSS, after

pytestmark = pytest.mark.django_db
MOVES: dict[str, Callable[..., Any]] = {
    "change": lambda campaign, **by: campaigns.update_campaign(campaign, changes={"name": "Other"}, **by),
    "launch": campaigns.launch_campaign,
    "close": campaigns.close_campaign,
    "cancel": campaigns.cancel_campaign,
}
LEADS = {("draft", "change"): "draft", ("draft", "launch"): "launched", ("draft", "cancel"): "cancelled"}
LEADS[("launched", "close")] = "closed"


def owned(user: Any) -> Device:
    device = factories.make_device()
    Device.objects.filter(pk=device.pk).update(owner=user)
    return device


def draft(**values: Any) -> Campaign:
    return campaigns.create_campaign(actor=BOSS, **{"owner": None, "name": "Spring", **values})


@pytest.mark.parametrize("action", MOVES)
def test_every_cell_of_its_table(action: str) -> None:
    factories.make_device()
    for state in Campaign.State.values:
        campaign = draft()
        Campaign.objects.filter(pk=campaign.pk).update(state=state)
        wanted = LEADS.get((state, action))
        if wanted is None:
            with pytest.raises(CampaignTransition) as refused:
                MOVES[action](campaign, actor=BOSS)
            assert refused.value.extra == {"state": state, "action": action}
        else:
            MOVES[action](campaign, actor=BOSS)
        campaign.refresh_from_db()
        assert (campaign.state, campaign.revision) == (wanted or state, 2 if wanted else 1)


def test_it_is_launched_on_every_device_of_its_owner(user: Any) -> None:
    mine, retired = owned(user), owned(user)
    factories.make_device()
    set_standing(device=retired, actor=BOSS, standing=Standing.REVOKED)
    campaign = draft(owner=user, policy={"tolerance": "2"}, starts_at=after())
    (made,) = campaigns.launch_campaign(campaign, actor=BOSS)
    assert (made.device, made.name, made.state, made.scheduled_for) == (mine, "Spring", "draft", after())
    assert (made.rules.tolerance, made.campaign, made.note) == (2, campaign, "")
    found = Campaign.objects.for_user(user).with_progress().get()
    assert (found.stocktake_count, found.ended_count, str(found)) == (1, 0, "Spring")
    stocktakes.cancel_stocktake(made, actor=BOSS)
    assert Campaign.objects.with_progress().get().ended_count == 1
    assert not Campaign.objects.for_user(factories.make_user()).exists()


def test_what_a_device_does_not_have_is_counted_whole_and_told() -> None:
    with_bay, without = factories.make_device(), factories.make_device()
    bay = factories.make_location(with_bay, code="BAY")
    dairy = factories.make_category(with_bay, name="Dairy")
    campaign = draft(device_ids=[with_bay.uuid, without.uuid], location_code="BAY", category_name="Dairy")
    first, second = campaigns.launch_campaign(campaign, actor=BOSS)
    assert (first.location, first.category, first.note) == (bay, dairy, "")
    assert (second.location, second.category) == (None, None)
    assert second.note == (
        "This device has no “BAY”: everything is counted. This device has no “Dairy”: everything is counted."
    )


def test_only_devices_that_are_there_and_ones_own(user: Any) -> None:
    foreign = factories.make_device()
    for owner, id in ((user, foreign.uuid), (None, uuid4())):
        with pytest.raises(ReferenceNotFound):
            draft(owner=owner, device_ids=[id])
    assert not Campaign.objects.exists()
    campaign = draft(owner=user)
    with pytest.raises(ReferenceNotFound):
        campaigns.update_campaign(campaign, actor=BOSS, changes={"device_ids": [foreign.uuid]})
    with pytest.raises(CampaignWithoutDevices):
        campaigns.launch_campaign(campaign, actor=BOSS)
    campaign.refresh_from_db()
    assert (campaign.state, Stocktake.objects.count()) == ("draft", 0)


def test_a_draft_is_changed_by_who_saw_its_latest() -> None:
    device = factories.make_device()
    campaign = draft()
    changes = {"policy": {"passes": 2}, "device_ids": [device.uuid]}
    changed = campaigns.update_campaign(campaign, actor=BOSS, changes=changes, expected_revision=1)
    assert (changed.policy["passes"], changed.device_ids, changed.revision) == (2, [str(device.uuid)], 2)
    with pytest.raises(RevisionMismatch):
        campaigns.update_campaign(campaign, actor=BOSS, changes={"name": "Late"}, expected_revision=1)
    with pytest.raises(CountPolicyInvalid):
        campaigns.update_campaign(campaign, actor=BOSS, changes={"policy": {"passes": 0}})
    campaign.refresh_from_db()
    assert (campaign.name, campaign.revision) == ("Spring", 2)
