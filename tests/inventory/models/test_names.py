"""What rows are called in the admin, in messages and in logs; and what a manager hides."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import Value

from devices.models import Device
from inventory.models import Barcode, Category, Location, Lot, Product, StockLevel, StockMovement, Task
from inventory.models.products import Bare
from inventory.services.products import delete_product
from tests import factories


def test_rows_are_called_by_what_people_know_them_by(device: Device) -> None:
    movement = factories.make_movement(device, quantity=Decimal("2.5"))
    rows = {
        factories.make_product(device, name="Tea"): "Tea",
        factories.make_category(device, name="Drinks"): "Drinks",
        factories.make_barcode(device, value="4006381333931"): "4006381333931",
        factories.make_location(device, name="Cellar"): "Cellar",
        factories.make_lot(device, code="L1"): "L1",
        factories.make_labeltemplate(device, name="Shelf"): "Shelf",
        factories.make_task(device, title="Count"): "Count",
        factories.make_case(device, summary="Unknown code 7"): "Unknown code 7",
        movement: "Receipt 2.5",
    }
    assert {row: str(row) for row in rows} == rows
    assert Decimal(str(StockLevel.objects.get(product=movement.product))) == Decimal("2.5")


def test_the_everyday_manager_hides_tombstones_and_nothing_is_deleted_for_good(device: Device, other: Device) -> None:
    kept, gone = factories.make_product(device), factories.make_product(device)
    factories.make_product(other)
    delete_product(gone, actor=factories.TESTER)
    gone.refresh_from_db()  # the base manager sees it
    assert gone.is_deleted
    assert list(Product.objects.for_device(device)) == [kept]
    assert set(Product.all_objects.for_device(device)) == {kept, gone}
    assert list(Product.all_objects.for_device(device).deleted()) == [gone]
    assert list(Product.all_objects.for_device(device).alive()) == [kept]
    for model in (Product, Category, Barcode, Location, Lot, Task, StockLevel, StockMovement):
        with pytest.raises(TypeError, match="soft-deleted"):
            model.objects.all().delete()
        with pytest.raises(TypeError, match="soft-deleted"):
            model(device=device).delete()
    assert Product.all_objects.count() == 3


@pytest.mark.django_db
def test_postgresql_trims_by_a_function_of_its_own() -> None:
    expression = Bare(Value("x"), Value(" "))
    compiler = Product.objects.all().query.get_compiler(connection=connection)
    assert expression.as_postgresql(compiler, connection)[0].startswith("BTRIM(")
