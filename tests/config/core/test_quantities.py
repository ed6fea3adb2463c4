"""Quantities: exact in Python, on the wire and in both databases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import F, Sum, Value
from hypothesis import given
from hypothesis import strategies as st

from config.core.quantities import MAX_QUANTITY, QuantityField, decimals, exact_quantity, from_micro, plain
from devices.models import Device
from inventory.models import Product, StockLevel, StockMovement
from tests import factories

EXACT = st.decimals(-MAX_QUANTITY, MAX_QUANTITY, places=6)


@given(EXACT)
def test_what_has_six_decimals_is_kept(value: Decimal) -> None:
    assert exact_quantity(value) == value
    assert exact_quantity(plain(value)) == value
    assert from_micro(int(value.scaleb(6))) == value


@given(st.decimals(allow_nan=True, allow_infinity=True) | st.floats() | st.text(max_size=50) | st.integers())
def test_anything_is_kept_exactly_or_refused(value: Any) -> None:
    try:
        found = exact_quantity(value)
    except ValidationError:
        return
    assert found == Decimal(str(value).strip())
    assert from_micro(QuantityField().get_prep_value(found)) == found
    assert abs(found) <= MAX_QUANTITY


@pytest.mark.parametrize("value", [1.5, True, False, "x", "", None, "NaN", "sNaN", "1e999999999", "1.0000000000000001"])
def test_what_is_no_quantity(value: Any) -> None:
    with pytest.raises(ValidationError):
        exact_quantity(value)


@pytest.mark.parametrize(
    ("value", "text", "places"),
    [
        ("0", "0", 0),
        ("-0", "0", 0),
        ("-0.00", "0", 0),
        ("1e3", "1000", 0),
        ("12.500", "12.5", 1),
        ("-0.000001", "-0.000001", 6),
        ("100", "100", 0),
        ("0.12345678901234567890123456789012345678", "0.12345678901234567890123456789012345678", 38),
    ],
)
def test_numbers_are_written_plainly(value: str, text: str, places: int) -> None:
    assert plain(Decimal(value)) == text
    assert decimals(Decimal(value)) == places


def test_the_database_adds_exactly(device: Device) -> None:
    product = factories.make_product(device)
    for quantity in ("0.1", "0.2", "0.3", "999999999.999999"):
        factories.make_movement(device, product_id=product.uuid, quantity=Decimal(quantity))
    assert StockMovement.objects.aggregate(total=Sum("quantity"))["total"] == Decimal("1000000000.599999")
    level = StockLevel.objects.get()
    assert level.quantity == Decimal("1000000000.599999")
    less = Value(Decimal("0.599999"), output_field=QuantityField())
    moved = StockLevel.objects.annotate(less=F("quantity") - less).get()
    assert moved.less == Decimal(1000000000)
    assert StockLevel.objects.filter(quantity__gt=Decimal("1000000000.599998")).count() == 1
    assert StockLevel.objects.filter(quantity__gt=Decimal("1000000000.599999")).count() == 0


def test_the_field_of_a_model(db: None) -> None:
    field: Any = Product._meta.get_field("reorder_level")
    assert field.to_python("") is None
    assert field.to_python("2.50") == Decimal("2.5")
    assert field.get_prep_value(None) is None
    assert field.value_to_string(Product(reorder_level=Decimal("2.50"))) == "2.5"
    assert field.value_to_string(Product(reorder_level=None)) == ""
    shown = field.formfield()
    assert isinstance(shown, forms.DecimalField)
    with pytest.raises(ValidationError):
        shown.clean("0.1234567")
