"""Locations: the tree where stock lies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from uuid_utils.compat import uuid7

from devices.actors import Actor
from devices.models import Device
from devices.services.owned import (
    change_owned,
    delete_owned,
    find_reference,
    insert_owned,
    lock_device,
    lock_owned,
    restamp,
    restore_owned,
    settle_twin,
    writable,
)
from inventory.errors import DefaultLocation, LocationNotEmpty
from inventory.models import Location, StockLevel, Task
from inventory.services.trees import branch, refuse_depth, refuse_loop

FIELDS = frozenset({"name", "code", "parent_id", "kind", "is_duplicate"})


def create_default_location(*, device: Device, actor: Actor) -> Location:
    """The place where receipts and issues go that name none; called once, at registration."""
    location = Location(device=device, name="Main", kind=Location.Kind.STORE, is_default=True)
    return insert_owned(location, actor=actor)


def default_location(device: Device) -> Location:
    """The device's default location."""
    found: Location = Location.objects.for_device(device).get(is_default=True)
    return found


@transaction.atomic
def create_location(
    *,
    device: Device,
    actor: Actor,
    name: str,
    code: str = "",
    parent_id: UUID | None = None,
    kind: str = Location.Kind.OTHER,
    is_duplicate: bool = False,
    id: UUID | None = None,
) -> Location:
    """Raises LocationCodeTaken, ReferenceNotFound, TreeTooDeep, IdAlreadyUsed."""
    lock_device(device)
    parent = find_reference(Location, device=device, id=parent_id, field="parent_id")
    refuse_depth(parent)
    return insert_owned(
        Location(
            device=device, uuid=id or uuid7(), name=name, code=code, parent=parent, kind=kind, is_duplicate=is_duplicate
        ),
        actor=actor,
    )


@transaction.atomic
def update_location(
    location: Location, *, actor: Actor, changes: Mapping[str, Any], expected_revision: int | None = None
) -> Location:
    """Raises NotFound, RevisionMismatch, LocationCodeTaken, ReferenceNotFound, TreeHasALoop, TreeTooDeep."""
    current, revision = lock_owned(location, expected_revision=expected_revision)
    values = writable(changes, FIELDS)
    settle_twin(values, differs=values.get("code", current.code) != current.code)
    if "parent_id" in values:
        parent_id = values.pop("parent_id")
        values["parent"] = find_reference(Location, device=current.device, id=parent_id, field="parent_id")
        refuse_loop(current, values["parent"])
    return change_owned(current, revision=revision, actor=actor, changes=values)


@transaction.atomic
def delete_location(location: Location, *, actor: Actor, expected_revision: int | None = None) -> Location:
    """The locations below it and its (empty) levels go with it; tasks stay and lose their link to it.

    Raises DefaultLocation, LocationNotEmpty.
    """
    current, revision = lock_owned(location, expected_revision=expected_revision)
    places = [current, *branch(current)]
    if any(place.is_default for place in places):
        raise DefaultLocation
    if StockLevel.objects.filter(location__in=places).exclude(quantity=0).exists():
        raise LocationNotEmpty
    tasks = Task.all_objects.filter(location__in=places).select_related("location")
    restamp(tasks, device=current.device, actor=actor, action="updated", location=None)
    levels = StockLevel.all_objects.filter(location__in=places)
    return delete_owned(current, revision=revision, actor=actor, children=[_rows(places[1:]), levels])


@transaction.atomic
def restore_location(location: Location, *, actor: Actor, expected_revision: int | None = None) -> Location:
    """With the locations that were deleted together with it, and the levels of all.

    Raises NotDeleted, LocationCodeTaken, ReferenceNotFound where its parent is deleted.
    """
    current, revision = lock_owned(location, expected_revision=expected_revision, deleted=True)
    if current.parent is not None:
        find_reference(Location, device=current.device, id=current.parent.uuid, field="parent_id")
    below = _deleted_together(current)
    restored = restore_owned(current, revision=revision, actor=actor, children=[_rows(below)])
    levels = StockLevel.all_objects.filter(location__in=[current, *below]).revivable()
    restamp(levels, device=current.device, actor=actor, action="restored", deleted_at=None)
    return restored


def _rows(places: list[Location]) -> Any:
    return Location.all_objects.filter(pk__in=[place.pk for place in places])


def _deleted_together(location: Location) -> list[Location]:
    found: list[Location] = []
    level = [location]
    while level:
        level = list(Location.all_objects.filter(parent__in=level, deleted_at=location.deleted_at))
        found += level
    return found
