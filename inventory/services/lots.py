"""Lots and serials."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
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
from inventory.errors import LotOfAnotherProduct
from inventory.models import Lot, Product, StockLevel

FIELDS = frozenset({"product_id", "code", "kind", "expires_on", "is_duplicate"})


@transaction.atomic
def create_lot(
    *,
    device: Device,
    actor: Actor,
    product_id: UUID,
    code: str,
    kind: str = Lot.Kind.LOT,
    expires_on: date | None = None,
    is_duplicate: bool = False,
    id: UUID | None = None,
) -> Lot:
    """Raises LotCodeTaken, ReferenceNotFound, IdAlreadyUsed."""
    lock_device(device)
    product = find_reference(Product, device=device, id=product_id, field="product_id")
    return insert_owned(
        Lot(
            device=device,
            uuid=id or uuid7(),
            product=product,
            code=code,
            kind=kind,
            expires_on=expires_on,
            is_duplicate=is_duplicate,
        ),
        actor=actor,
    )


@transaction.atomic
def update_lot(lot: Lot, *, actor: Actor, changes: Mapping[str, Any], expected_revision: int | None = None) -> Lot:
    """Raises NotFound, RevisionMismatch, LotCodeTaken, ReferenceNotFound; LotOfAnotherProduct: it never moves."""
    current, revision = lock_owned(lot, expected_revision=expected_revision)
    values = writable(changes, FIELDS)
    if "product_id" in values:
        product = find_reference(Product, device=current.device, id=values.pop("product_id"), field="product_id")
        if product != current.product:
            raise LotOfAnotherProduct("A lot stays with its product.")
    settle_twin(values, differs=values.get("code", current.code) != current.code)
    return change_owned(current, revision=revision, actor=actor, changes=values)


@transaction.atomic
def delete_lot(lot: Lot, *, actor: Actor, expected_revision: int | None = None) -> Lot:
    """Its levels go with it, the ledger stays: what lies there still counts as on hand.

    Raises NotFound, RevisionMismatch.
    """
    current, revision = lock_owned(lot, expected_revision=expected_revision)
    return delete_owned(current, revision=revision, actor=actor, children=[StockLevel.all_objects.filter(lot=current)])


@transaction.atomic
def restore_lot(lot: Lot, *, actor: Actor, expected_revision: int | None = None) -> Lot:
    """With its levels. Raises NotDeleted, LotCodeTaken, ReferenceNotFound where its product is deleted."""
    current, revision = lock_owned(lot, expected_revision=expected_revision, deleted=True)
    find_reference(Product, device=current.device, id=current.product.uuid, field="product_id")
    restored = restore_owned(current, revision=revision, actor=actor)
    levels = StockLevel.all_objects.filter(lot=current).revivable()
    restamp(levels, device=current.device, actor=actor, action="restored", deleted_at=None)
    return restored
