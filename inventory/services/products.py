"""Products: created, changed, deleted with their barcodes and lots, restored."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
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
from inventory.models import Barcode, Category, Lot, Product, StockLevel

FIELDS = frozenset(
    {
        "name",
        "sku",
        "unit",
        "notes",
        "is_active",
        "reorder_level",
        "unit_cost",
        "category_id",
        "attributes",
        "is_duplicate",
    }
)


@transaction.atomic
def create_product(
    *,
    device: Device,
    actor: Actor,
    name: str,
    sku: str = "",
    unit: str = "pcs",
    notes: str = "",
    is_active: bool = True,
    reorder_level: Decimal | None = None,
    unit_cost: Decimal | None = None,
    category_id: UUID | None = None,
    attributes: Mapping[str, Any] | None = None,
    is_duplicate: bool = False,
    id: UUID | None = None,
) -> Product:
    """Raises ProductSkuTaken, ReferenceNotFound, IdAlreadyUsed."""
    lock_device(device)
    product = Product(
        device=device,
        uuid=id or uuid7(),
        name=name,
        sku=sku,
        unit=unit,
        notes=notes,
        is_active=is_active,
        reorder_level=reorder_level,
        unit_cost=unit_cost,
        category=find_reference(Category, device=device, id=category_id, field="category_id"),
        attributes=dict(attributes or {}),
        is_duplicate=is_duplicate,
    )
    return insert_owned(product, actor=actor)


@transaction.atomic
def update_product(
    product: Product, *, actor: Actor, changes: Mapping[str, Any], expected_revision: int | None = None
) -> Product:
    """Raises NotFound, RevisionMismatch, ProductSkuTaken, ReferenceNotFound."""
    current, revision = lock_owned(product, expected_revision=expected_revision)
    values = writable(changes, FIELDS)
    settle_twin(values, differs=values.get("sku", current.sku) != current.sku)
    if "category_id" in values:
        category_id = values.pop("category_id")
        values["category"] = find_reference(Category, device=current.device, id=category_id, field="category_id")
    return change_owned(current, revision=revision, actor=actor, changes=values)


@transaction.atomic
def delete_product(product: Product, *, actor: Actor, expected_revision: int | None = None) -> Product:
    """Its barcodes, lots and levels go with it; the ledger and what it sums to stay as they are."""
    current, revision = lock_owned(product, expected_revision=expected_revision)
    levels = StockLevel.all_objects.filter(product=current)
    return delete_owned(current, revision=revision, actor=actor, children=[*_children(current), levels])


@transaction.atomic
def restore_product(product: Product, *, actor: Actor, expected_revision: int | None = None) -> Product:
    """With the barcodes and lots that were deleted together with it, and its levels.

    Raises NotDeleted, ProductSkuTaken, BarcodeTaken.
    """
    current, revision = lock_owned(product, expected_revision=expected_revision, deleted=True)
    restored = restore_owned(current, revision=revision, actor=actor, children=_children(current))
    levels = StockLevel.all_objects.filter(product=current).revivable()
    restamp(levels, device=current.device, actor=actor, action="restored", deleted_at=None)
    return restored


def _children(product: Product) -> list[Any]:
    return [model.all_objects.filter(product=product) for model in (Barcode, Lot)]
