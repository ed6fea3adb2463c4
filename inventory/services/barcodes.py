"""Barcodes: kept as scanned, found again under any form of their GTIN."""

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
    restore_owned,
    settle_twin,
    writable,
)
from inventory.formats.gtin import gtin_candidates, has_valid_check_digit
from inventory.models import Barcode, Product

FIELDS = frozenset({"product_id", "value", "symbology", "quantity", "is_duplicate"})


def gtin_fields(value: str) -> dict[str, Any]:
    """What is derived from a code: its GTIN-14 ("" where it has no such shape) and the check digit's verdict.

    A UPC-E is kept as the UPC-A it stands for, so that either finds the other.
    """
    gtin = next(iter(gtin_candidates(value)), "")
    return {"gtin": gtin, "check_digit_ok": has_valid_check_digit(gtin) if gtin else None}


def with_gtin(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a new barcode with what is derived from its code."""
    return {**values, **gtin_fields(values["value"])}


@transaction.atomic
def create_barcode(
    *,
    device: Device,
    actor: Actor,
    product_id: UUID,
    value: str,
    symbology: str = "",
    quantity: Decimal = Decimal(1),
    is_duplicate: bool = False,
    id: UUID | None = None,
) -> Barcode:
    """Raises BarcodeTaken, ReferenceNotFound, IdAlreadyUsed."""
    lock_device(device)
    barcode = Barcode(
        device=device,
        uuid=id or uuid7(),
        product=find_reference(Product, device=device, id=product_id, field="product_id"),
        value=value,
        symbology=symbology,
        quantity=quantity,
        is_duplicate=is_duplicate,
        **gtin_fields(value),
    )
    return insert_owned(barcode, actor=actor)


@transaction.atomic
def update_barcode(
    barcode: Barcode, *, actor: Actor, changes: Mapping[str, Any], expected_revision: int | None = None
) -> Barcode:
    """Raises NotFound, RevisionMismatch, BarcodeTaken, ReferenceNotFound."""
    current, revision = lock_owned(barcode, expected_revision=expected_revision)
    values = writable(changes, FIELDS)
    settle_twin(values, differs=values.get("value", current.value) != current.value)
    if "product_id" in values:
        product_id = values.pop("product_id")
        values["product"] = find_reference(Product, device=current.device, id=product_id, field="product_id")
    if "value" in values:
        values |= gtin_fields(values["value"])
    return change_owned(current, revision=revision, actor=actor, changes=values)


@transaction.atomic
def delete_barcode(barcode: Barcode, *, actor: Actor, expected_revision: int | None = None) -> Barcode:
    """Raises NotFound, RevisionMismatch."""
    current, revision = lock_owned(barcode, expected_revision=expected_revision)
    return delete_owned(current, revision=revision, actor=actor)


@transaction.atomic
def restore_barcode(barcode: Barcode, *, actor: Actor, expected_revision: int | None = None) -> Barcode:
    """Raises NotDeleted, BarcodeTaken, ReferenceNotFound where its product is deleted."""
    current, revision = lock_owned(barcode, expected_revision=expected_revision, deleted=True)
    find_reference(Product, device=current.device, id=current.product.uuid, field="product_id")
    return restore_owned(current, revision=revision, actor=actor)
