"""Serializer fields that keep what was sent, or say why not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers

from config.core.quantities import exact_quantity, plain

MAX_ATTRIBUTES = 100
MAX_ATTRIBUTE_DEPTH = 5
MAX_DIGITS = 40  # of a number as text


class ExactText(serializers.CharField):
    """Text kept as typed, outer spaces included; a required text may not be blank."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["trim_whitespace"] = False
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text = super().to_internal_value(data)
        if not self.allow_blank and not text.strip():
            self.fail("blank")
        return str(text)


class ExactBoolean(serializers.BooleanField):
    """true or false, nothing that merely looks like it."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class QuantityWire(serializers.Field[Decimal, Any, str, Any]):
    """A quantity: a string (or JSON number) with up to 6 decimals; answered as a plain string.

    `least` and `above` bound it: QuantityWire(above=0) takes what is more than nothing.
    """

    def __init__(self, *, above: int | None = None, least: int | None = None, **kwargs: Any) -> None:
        self.above, self.least = above, least
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Decimal:
        if not isinstance(data, str | int | Decimal) or (isinstance(data, str) and not _is_plain_number(data)):
            raise serializers.ValidationError('Give a decimal number such as "2.5".', code="invalid")
        try:
            value = exact_quantity(data)
        except DjangoValidationError as error:
            raise serializers.ValidationError(error.messages, code=error.code) from None
        if self.above is not None and value <= self.above:
            raise serializers.ValidationError(f"Give more than {self.above}.", code="min_value")
        if self.least is not None and value < self.least:
            raise serializers.ValidationError(f"Give at least {self.least}.", code="min_value")
        return value

    def to_representation(self, value: Decimal) -> str:
        return plain(value)


def _is_plain_number(text: str) -> bool:
    return len(text) <= MAX_DIGITS and text.isascii() and "_" not in text and text == text.strip()


class AttributesField(serializers.JSONField):
    """A flat-ish JSON object for what the app wants to remember; decimals are kept as strings."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError("Give a JSON object.", code="invalid")
        if len(data) > MAX_ATTRIBUTES:
            raise serializers.ValidationError(f"At most {MAX_ATTRIBUTES} attributes.", code="max_length")
        kept: dict[str, Any] = _kept(data, 0)
        return kept


def _kept(value: Any, depth: int) -> Any:
    if depth > MAX_ATTRIBUTE_DEPTH:
        raise serializers.ValidationError(f"At most {MAX_ATTRIBUTE_DEPTH} levels deep.", code="max_depth")
    if isinstance(value, Decimal):
        return plain(value) if value.is_finite() and abs(value.adjusted()) < MAX_DIGITS else str(value)
    if isinstance(value, dict):
        return {key: _kept(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_kept(inner, depth + 1) for inner in value]
    return value
