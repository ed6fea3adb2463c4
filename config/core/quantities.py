"""Exact quantities: Decimal in Python, whole micro-units (10⁻⁶) in the database."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.expressions import Combinable, register_combinable_fields

PLACES = 6
MICRO = Decimal(10) ** PLACES
MAX_QUANTITY = Decimal("999999999.999999")  # one movement or count; far below what 64 bits hold
STEP = Decimal(1).scaleb(-PLACES)
SPELLED_OUT = 100  # digits; 1e999999999 would be a gigabyte of zeros
MAX_DIGITS = 40  # of one number, zeros included; more is no quantity but an attack


def exact_quantity(value: Any, *, limit: Decimal = MAX_QUANTITY) -> Decimal:
    """The value as a Decimal with at most 6 places and at most `limit` in size.

    Raises ValidationError where it could not be stored exactly; floats are refused by type.
    """
    if isinstance(value, float | bool):
        raise ValidationError("Quantities are exact: give a string or a Decimal.", code="invalid")
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value).strip())
    except InvalidOperation:
        raise ValidationError("Give a plain decimal number such as 2.5.", code="invalid") from None
    if not number.is_finite():
        raise ValidationError("Give a finite number.", code="invalid")
    if number.copy_abs() > limit:  # abs() would round, and overflow beyond 1e999999
        raise ValidationError(f"Give a number of at most {limit:f}.", code="max_value")
    # Written out and not normalize()d: that rounds to 28 digits and lets the 29th decimal pass.
    if abs(number.adjusted()) > MAX_DIGITS or len(number.as_tuple().digits) > MAX_DIGITS or decimals(number) > PLACES:
        raise ValidationError(f"Give at most {PLACES} decimals.", code="max_decimal_places")
    return number


def decimals(number: Decimal) -> int:
    """How many decimals a finite number needs: 2.50 → 1, 1e3 → 0."""
    return len(f"{number:f}".partition(".")[2].rstrip("0"))


def plain(value: Decimal) -> str:
    """A number as people and the wire write it: no exponent, no trailing zeros ("12", "0.5"), no digit lost."""
    if abs(Decimal(value).adjusted()) > SPELLED_OUT:  # an unsaved row may still hold its default, an int
        return str(value)
    whole, dot, rest = f"{value:f}".partition(".")
    text = f"{whole}.{rest}".rstrip("0").rstrip(".") if dot else whole
    return "0" if text == "-0" else text


def from_micro(value: Any) -> Decimal:
    """Micro-units as stored → the quantity."""
    return Decimal(int(value)).scaleb(-PLACES)


class QuantityField(models.Field):  # type: ignore[type-arg]  # generic only in the stubs
    """A Decimal with 6 exact places, stored as a 64-bit integer; F() arithmetic and Sum() stay exact.

    Beside F() a number needs its type, Value(number, output_field=QuantityField()): a bare one counts micro-units.

    SQLite keeps DecimalField as REAL (0.1 + 0.2 - 0.3 = 5.55e-17); an integer is exact on both engines.
    Beside F() write Value(number, output_field=QuantityField()): a bare number would mean micro-units.
    """

    description = "Exact quantity"

    def get_internal_type(self) -> str:
        return "BigIntegerField"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Decimal | None:
        return None if value is None else from_micro(value)

    def to_python(self, value: Any) -> Decimal | None:
        return None if value is None or value == "" else exact_quantity(value)

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        if value is None or hasattr(value, "resolve_expression"):
            return value
        return int(exact_quantity(value, limit=Decimal(9000000000000)).scaleb(PLACES))

    def value_to_string(self, obj: models.Model) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else plain(value)

    def formfield(self, **kwargs: Any) -> Any:
        from django import forms

        kwargs.setdefault("form_class", forms.DecimalField)
        return super().formfield(max_digits=15, decimal_places=PLACES, **kwargs)


for _operator in (Combinable.ADD, Combinable.SUB):
    register_combinable_fields(QuantityField, _operator, QuantityField, QuantityField)


def counted(number: int, noun: str) -> str:
    """1 product, 1,200 products."""
    return f"{number:,} {noun if number == 1 else f'{noun}s'}"
