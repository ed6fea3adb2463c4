"""Quantities in forms: as much as the API asks of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.validators import MinValueValidator

from config.core.forms import ServiceForm
from config.core.quantities import STEP


class LeastQuantity(ServiceForm):
    """The field `quantity_field` is `least` or more."""

    quantity_field = "quantity"
    least: Decimal = Decimal(0)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.quantity_field in self.fields:  # a page that only shows the row has no fields
            self.fields[self.quantity_field].validators.append(MinValueValidator(self.least))


class PositiveQuantity(LeastQuantity):
    """Above zero."""

    least = STEP
