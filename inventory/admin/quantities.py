"""Quantities in forms: as much as the API asks of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.validators import MinValueValidator

from config.core.forms import ServiceForm
from config.core.quantities import STEP


class LeastQuantity(ServiceForm):
    """Each of the fields `quantity_fields` is `least` or more."""

    quantity_fields: tuple[str, ...] = ("quantity",)
    least: Decimal = Decimal(0)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.fields.keys() & set(self.quantity_fields):  # a page that only shows the row has no fields
            self.fields[name].validators.append(MinValueValidator(self.least))


class PositiveQuantity(LeastQuantity):
    """Above zero."""

    least = STEP
