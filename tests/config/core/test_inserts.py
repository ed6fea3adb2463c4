"""Bulk inserts: the same rows as save() would write, and the same errors."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from config.core.constraints import error_for
from config.core.inserts import FEW, insert_rows
from devices.models import Device
from inventory.models import Product

MANY = FEW + 1


def products(device: Device, count: int, start: int = 1_000) -> list[Product]:
    return [
        Product(
            device=device,
            revision=start + number,
            name=f"Tee N° {number}",
            sku=f"S-{number}",
            reorder_level=Decimal("0.000001") if number % 2 else None,
            attributes={"grösse": [number, None, {"deep": True}]},
        )
        for number in range(count)
    ]


def stored(device: Device) -> list[tuple[object, ...]]:
    fields = ("uuid", "revision", "name", "sku", "unit", "is_active", "reorder_level", "attributes", "deleted_at")
    return list(Product.objects.for_device(device).order_by("revision").values_list(*fields))


@pytest.mark.parametrize("count", [0, 1, FEW, MANY, 600])
def test_every_value_arrives(device: Device, count: int) -> None:
    rows = products(device, count)
    insert_rows(rows)
    assert stored(device) == [
        (row.uuid, row.revision, row.name, row.sku, "pcs", True, row.reorder_level, row.attributes, None)
        for row in rows
    ]
    assert all(row.created_at is not None and row.updated_at is not None for row in rows)
    found = {product.uuid: product.updated_at for product in Product.objects.for_device(device)}
    assert found == {row.uuid: row.updated_at for row in rows}


@pytest.mark.parametrize("count", [2, MANY])
def test_a_refusal_of_the_database_names_its_constraint_and_writes_nothing(device: Device, count: int) -> None:
    rows = products(device, count)
    rows[-1].sku = rows[0].sku
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        insert_rows(rows)
    error = error_for(refused.value)
    assert error is not None
    assert error.internal_code == "product_sku_taken"
    assert stored(device) == []
