"""Values in a query string, read as strictly as those in a body."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from rest_framework import serializers

from config.core.fields import ExactDate, ExactId, ExactTime

NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?")


class WireParameter(forms.Field):
    """A value that a field of the wire understands."""

    wire: ClassVar[Callable[[], serializers.Field[Any, Any, Any, Any]]]

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        try:
            return type(self).wire().to_internal_value(value)
        except serializers.ValidationError as error:
            raise ValidationError(str(error.detail[0]), code="invalid") from None  # type: ignore[index]  # a list here


class ExactTimeField(WireParameter):
    """An ISO 8601 time with zone."""

    wire = ExactTime


class ExactDateField(WireParameter):
    """An ISO 8601 date."""

    wire = ExactDate


class ExactIdField(WireParameter):
    """A UUID."""

    wire = ExactId


class ExactBooleanField(forms.Field):
    """true or false; django-filter takes anything else for "do not filter"."""

    def to_python(self, value: Any) -> bool | None:
        if value in self.empty_values:
            return None
        if value not in ("true", "false"):
            raise ValidationError("Give true or false.", code="invalid")
        return bool(value == "true")


class ExactNumberField(forms.DecimalField):
    """A number in plain digits; Python also reads 1_000, 1e9 and the digits of other scripts."""

    def to_python(self, value: Any) -> Any:
        if value not in self.empty_values and not NUMBER.fullmatch(str(value)):
            raise ValidationError("Give a plain number such as 2.5.", code="invalid")
        return super().to_python(value)
