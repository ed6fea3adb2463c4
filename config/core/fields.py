"""Serializer fields that keep what was sent, or say why not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils.dateparse import parse_date, parse_datetime
from rest_framework import serializers

from config.core.quantities import MAX_DIGITS, exact_quantity, plain
from config.core.wire import to_json, uuid_of

MAX_ATTRIBUTES = 100
MAX_ATTRIBUTE_DEPTH = 5
MAX_ATTRIBUTE_BYTES = 65_536  # of one row's attributes as JSON: a page has 500 rows
MAX_INTEGER = 2**63 - 1  # what every JSON library and both databases keep exactly
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)  # any zone can show these


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


class ExactInteger(serializers.IntegerField):
    """A JSON whole number: no text, no true, no 2.5; 2.0 is 2."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, Decimal) and data.is_finite() and abs(data.adjusted()) < MAX_DIGITS and data == int(data):
            return int(data)
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


class ExactId(serializers.UUIDField):
    """A UUID as text, in any case; never a number."""

    def to_internal_value(self, data: Any) -> UUID:
        found = data if isinstance(data, UUID) else uuid_of(data) if isinstance(data, str) else None
        if found is None:
            self.fail("invalid")
        return found


class ExactTime(serializers.DateTimeField):
    """An ISO 8601 time with its zone; kept and answered in UTC."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("default_timezone", UTC)
        super().__init__(**kwargs)

    def to_internal_value(self, value: Any) -> datetime:
        moment: datetime | None = _parsed(value, parse_datetime)
        if moment is None or moment.tzinfo is None or not EARLIEST <= moment <= LATEST:
            raise serializers.ValidationError(
                "Give an ISO 8601 time with its zone, such as 2026-03-01T12:00:00Z.", code="invalid"
            )
        return moment.astimezone(UTC)


class ExactDate(serializers.DateField):
    """An ISO 8601 date such as 2026-03-01."""

    def to_internal_value(self, value: Any) -> date:
        day: date | None = _parsed(value, parse_date)
        if day is None:
            raise serializers.ValidationError("Give a date such as 2026-03-01.", code="invalid")
        return day


def _parsed(value: Any, parse: Callable[[str], Any]) -> Any:
    """What a parser of Django's makes of ASCII text; they read digits of any script."""
    if not isinstance(value, str) or not value.isascii():
        return None
    try:
        return parse(value)
    except ValueError:
        return None


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
    """A flat-ish JSON object for what the app wants to remember; decimals are kept as strings, digit by digit."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError("Give a JSON object.", code="invalid")
        if len(data) > MAX_ATTRIBUTES:
            raise serializers.ValidationError(f"At most {MAX_ATTRIBUTES} attributes.", code="max_length")
        kept: dict[str, Any] = _kept(data, 0)
        if len(to_json(kept)) > MAX_ATTRIBUTE_BYTES:
            raise serializers.ValidationError(f"At most {MAX_ATTRIBUTE_BYTES} bytes.", code="max_length")
        return kept


def _kept(value: Any, depth: int) -> Any:
    if depth > MAX_ATTRIBUTE_DEPTH:
        raise serializers.ValidationError(f"At most {MAX_ATTRIBUTE_DEPTH} levels deep.", code="max_depth")
    if isinstance(value, Decimal):
        return plain(value) if value.is_finite() and abs(value.adjusted()) < MAX_DIGITS else str(value)
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise serializers.ValidationError("Give whole numbers beyond 64 bits as text.", code="max_value")
    if isinstance(value, dict):
        return {key: _kept(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_kept(inner, depth + 1) for inner in value]
    return value
