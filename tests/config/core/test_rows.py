"""Bulk inserts and updates: the same rows as save() would write, and the same errors."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from config.core.constraints import error_for
from config.core.rows import FEW, insert_rows, update_rows
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


def changed(device: Device, count: int) -> list[Product]:
    """Stored products with other values in memory."""
    insert_rows(products(device, count))
    rows = list(Product.objects.for_device(device).order_by("revision"))
    for number, row in enumerate(rows):
        row.revision += 10_000
        row.name = f"新 '{number}"
        row.sku = f"N-{number}"
        row.is_active = False
        row.reorder_level = Decimal(number) / 8 if number % 3 else None
        row.attributes = {"new": [number, "%s", None]}
        row.deleted_at = row.created_at if number % 2 else None
    return rows


CHANGED = ("revision", "name", "sku", "is_active", "reorder_level", "attributes", "deleted_at", "updated_at")


@pytest.mark.parametrize("count", [0, 1, 600])
def test_every_changed_value_arrives_and_nothing_else(device: Device, count: int) -> None:
    rows = changed(device, count)
    before = dict(Product.all_objects.values_list("pk", "unit"))
    for row in rows:
        row.unit = "not written"
    update_rows(rows, CHANGED)
    found = list(Product.all_objects.for_device(device).order_by("revision"))
    assert [[getattr(row, name) for name in CHANGED] for row in found] == [
        [getattr(row, name) for name in CHANGED] for row in rows
    ]
    assert {row.pk: row.unit for row in found} == before
    assert all(row.updated_at > row.created_at for row in found)


def test_only_the_rows_given_are_written(device: Device) -> None:
    rows = changed(device, 3)
    update_rows(rows[:1], ["name"])
    assert sorted(Product.objects.values_list("name", flat=True)) == ["Tee N° 1", "Tee N° 2", "新 '0"]


def test_a_refused_update_writes_nothing(device: Device) -> None:
    rows = changed(device, 4)
    before = stored(device)
    rows[2].sku = rows[0].sku
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        update_rows(rows, ["sku"])
    error = error_for(refused.value)
    assert error is not None
    assert error.internal_code == "product_sku_taken"
    assert stored(device) == before


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite knows no lengths: serializers and models do")
def test_what_is_too_long_is_refused_not_cut(device: Device) -> None:
    rows = changed(device, 2)
    before = stored(device)
    rows[1].name = "x" * 301
    with pytest.raises(DataError), transaction.atomic():
        update_rows(rows, ["name"])
    assert stored(device) == before
