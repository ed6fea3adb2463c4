"""Campaigns: one wish to count, fanned out to the stocktakes of many devices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from config.core.errors import FieldProblem, ReferenceNotFound
from devices.actors import Actor
from devices.errors import RevisionMismatch
from devices.models import Device, Standing, User
from devices.services.owned import lock_device, writable
from inventory.errors.counting import CampaignTransition, CampaignWithoutDevices
from inventory.models import Campaign, Category, CountKind, Location, Stocktake
from inventory.services.counting.stocktakes import checked_policy, create_stocktake

State = Campaign.State
FIELDS = frozenset({"name", "kind", "policy", "device_ids", "location_code", "category_name", "starts_at", "ends_at"})


@transaction.atomic
def create_campaign(
    *,
    actor: Actor,
    owner: User | None,
    name: str,
    kind: str = CountKind.FULL,
    policy: Mapping[str, Any] | None = None,
    device_ids: Sequence[UUID] = (),
    location_code: str = "",
    category_name: str = "",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> Campaign:
    """A draft; `owner` None: the staff's, for any device. Raises CountPolicyInvalid, ReferenceNotFound."""
    _devices(owner, device_ids)
    return Campaign.objects.create(
        owner=owner,
        name=name,
        kind=kind,
        policy=checked_policy(policy or {}),
        device_ids=[str(id) for id in device_ids],
        location_code=location_code,
        category_name=category_name,
        starts_at=starts_at,
        ends_at=ends_at,
    )


@transaction.atomic
def update_campaign(
    campaign: Campaign, *, actor: Actor, changes: Mapping[str, Any], expected_revision: int | None = None
) -> Campaign:
    """Only a draft. Raises CampaignTransition, RevisionMismatch, CountPolicyInvalid, ReferenceNotFound."""
    values = writable(changes, FIELDS)
    current = _locked(campaign, State.DRAFT, "change", expected_revision)
    if "policy" in values:
        values["policy"] = checked_policy(values["policy"] or {})
    if "device_ids" in values:
        _devices(current.owner, values["device_ids"])
        values["device_ids"] = [str(id) for id in values["device_ids"]]
    return _written(current, **values)


@transaction.atomic
def launch_campaign(campaign: Campaign, *, actor: Actor, expected_revision: int | None = None) -> list[Stocktake]:
    """Make a draft stocktake on each of its devices, in the order of their keys, so that no two launches deadlock.

    What a device has no location or category for by that name is counted whole, which its note says.
    Raises CampaignTransition, CampaignWithoutDevices, RevisionMismatch.
    """
    current = _locked(campaign, State.DRAFT, "launch", expected_revision)
    devices = list(_devices(current.owner, [UUID(id) for id in current.device_ids]).order_by("pk"))
    if not devices:
        raise CampaignWithoutDevices
    made = [_start(current, device, actor) for device in devices]
    _written(current, state=State.LAUNCHED, launched_at=made[-1].created_at)
    return made


def _start(campaign: Campaign, device: Device, actor: Actor) -> Stocktake:
    lock_device(device)
    places, shelves = Location.objects.for_device(device), Category.objects.for_device(device)
    location = places.filter(code=campaign.location_code).first() if campaign.location_code else None
    category = shelves.filter(name=campaign.category_name).first() if campaign.category_name else None
    wanted = ((campaign.location_code, location), (campaign.category_name, category))
    lacking = [name for name, found in wanted if name and not found]
    return create_stocktake(
        device=device,
        actor=actor,
        name=campaign.name,
        kind=campaign.kind,
        note="".join(f"This device has no “{name}”: everything is counted. " for name in lacking).strip(),
        location_id=location.uuid if location else None,
        category_id=category.uuid if category else None,
        scheduled_for=campaign.starts_at,
        policy=campaign.policy,
        campaign=campaign,
    )


@transaction.atomic
def close_campaign(campaign: Campaign, *, actor: Actor, expected_revision: int | None = None) -> Campaign:
    """Nothing more is expected of it; its stocktakes go their own way. Raises CampaignTransition."""
    return _written(_locked(campaign, State.LAUNCHED, "close", expected_revision), state=State.CLOSED)


@transaction.atomic
def cancel_campaign(campaign: Campaign, *, actor: Actor, expected_revision: int | None = None) -> Campaign:
    """Raises CampaignTransition."""
    return _written(_locked(campaign, State.DRAFT, "cancel", expected_revision), state=State.CANCELLED)


def _devices(owner: User | None, ids: Iterable[UUID]) -> Any:
    """The devices a campaign is for. Raises ReferenceNotFound for one that is missing or not the owner's."""
    wanted = set(ids)
    devices = Device.objects.filter(standing=Standing.ACTIVE)
    mine = devices if owner is None else devices.for_user(owner)
    if not wanted:
        return mine
    known = Device.objects.filter(uuid__in=wanted)
    if (known if owner is None else known.for_user(owner)).count() < len(wanted):
        problem = FieldProblem("device_ids", "reference_not_found", "One of these is no device of yours.")
        raise ReferenceNotFound("`device_ids` refers to a device that does not exist here.", errors=[problem])
    return mine.filter(uuid__in=wanted)


def _locked(campaign: Campaign, state: str, action: str, expected_revision: int | None) -> Campaign:
    current = Campaign.objects.select_for_update(of=("self",)).select_related("owner").get(pk=campaign.pk)
    if expected_revision is not None and current.revision != expected_revision:
        raise RevisionMismatch(current)
    if current.state != state:
        raise CampaignTransition(current.state, action)
    return current


def _written(campaign: Campaign, **values: Any) -> Campaign:
    for name, value in values.items():
        setattr(campaign, name, value)
    campaign.revision = F("revision") + 1
    campaign.save(update_fields=[*values, "revision", "updated_at"])
    campaign.refresh_from_db(fields=["revision"])
    return campaign
