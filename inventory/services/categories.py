"""Categories: the catalogue's tree."""

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
    writable,
)
from inventory.models import Category, Product
from inventory.services.trees import refuse_depth, refuse_loop

FIELDS = frozenset({"name", "parent_id"})


@transaction.atomic
def create_category(
    *, device: Device, actor: Actor, name: str, parent_id: UUID | None = None, id: UUID | None = None
) -> Category:
    """Raises ReferenceNotFound, TreeTooDeep, IdAlreadyUsed."""
    lock_device(device)
    parent = find_reference(Category, device=device, id=parent_id, field="parent_id")
    refuse_depth(parent)
    return insert_owned(Category(device=device, uuid=id or uuid7(), name=name, parent=parent), actor=actor)


@transaction.atomic
def update_category(
    category: Category, *, actor: Actor, changes: Mapping[str, Any], expected_revision: int | None = None
) -> Category:
    """Raises NotFound, RevisionMismatch, ReferenceNotFound, TreeHasALoop, TreeTooDeep."""
    current, revision = lock_owned(category, expected_revision=expected_revision)
    values = writable(changes, FIELDS)
    if "parent_id" in values:
        parent_id = values.pop("parent_id")
        values["parent"] = find_reference(Category, device=current.device, id=parent_id, field="parent_id")
        refuse_loop(current, values["parent"])
    return change_owned(current, revision=revision, actor=actor, changes=values)


@transaction.atomic
def delete_category(category: Category, *, actor: Actor, expected_revision: int | None = None) -> Category:
    """Products and subcategories stay and lose their link to it."""
    current, revision = lock_owned(category, expected_revision=expected_revision)
    device = current.device
    products = Product.all_objects.filter(category=current).select_related("category")
    restamp(products, device=device, actor=actor, action="updated", category=None)
    subcategories = Category.all_objects.filter(parent=current).select_related("parent")
    restamp(subcategories, device=device, actor=actor, action="updated", parent=None)
    return delete_owned(current, revision=revision, actor=actor)


@transaction.atomic
def restore_category(category: Category, *, actor: Actor, expected_revision: int | None = None) -> Category:
    """Brings back the category alone. Raises NotDeleted."""
    current, revision = lock_owned(category, expected_revision=expected_revision, deleted=True)
    return restore_owned(current, revision=revision, actor=actor)
