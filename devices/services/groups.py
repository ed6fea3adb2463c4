"""Groups: named sets of permissions that people are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import transaction

from devices.actors import Actor
from devices.errors import NameTaken
from devices.services.owned import writable
from devices.services.rights import refuse_beyond_own, rights_of
from devices.services.server_rows import change_row, delete_row, insert_row, lock_row

FIELDS = frozenset({"name", "permissions"})
TAKEN = ("name", NameTaken)


@transaction.atomic
def create_group(*, actor: Actor, name: str, permissions: Sequence[Permission] = ()) -> Group:
    """Create a group. Raises NameTaken, BeyondOwnRights."""
    refuse_beyond_own(actor, rights=rights_of(permissions=permissions))
    many = {"permissions": list(permissions)}
    return insert_row(Group(name=name), actor=actor, fields=["name"], many=many, taken=TAKEN)


@transaction.atomic
def update_group(group: Group, *, actor: Actor, changes: dict[str, Any], expected_revision: int | None = None) -> Group:
    """Rename a group or change what it permits. Raises NameTaken, BeyondOwnRights, PreconditionFailed."""
    current = lock_row(group, expected_revision=expected_revision)
    values = writable(changes, FIELDS)
    refuse_beyond_own(actor, rights=rights_of(groups=[current], permissions=values.get("permissions", ())))
    return change_row(current, actor=actor, changes=values, taken=TAKEN)


@transaction.atomic
def delete_group(group: Group, *, actor: Actor) -> None:
    """Remove a group for good; its people lose what it permitted. Raises BeyondOwnRights."""
    current = lock_row(group)
    refuse_beyond_own(actor, rights=rights_of(groups=[current]))
    people = sorted(str(user) for user in current.user_set.all())
    delete_row(current, actor=actor, changes={"people": (people, None)})
