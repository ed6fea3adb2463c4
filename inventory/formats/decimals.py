"""Quantities as people type them in a text cell."""

import re
from decimal import Decimal

MAX_QUANTITY = Decimal("999999999.999999")
MAX_DECIMALS = 6

_POINT = re.compile(r"[+-]?(?:[0-9]+(?:\.([0-9]+))?|\.([0-9]+))")
_COMMA = re.compile(r"[+-]?(?:[0-9]+(?:,([0-9]+))?|,([0-9]+))")
_MAX_LENGTH = 40


def parse_quantity(text: str, *, decimal_comma: bool = False) -> Decimal:
    """The exact number in `text`: at most 6 decimals, not counting zeros at the end, and ±999,999,999.999999.

    One decimal sign is understood: a point, or with `decimal_comma` a comma; never both and never
    thousands separators, because "1.500" is two different numbers in two countries.
    Raises ValueError with a sentence for the person who typed it.
    """
    typed = text.strip()
    shown = repr(typed[:_MAX_LENGTH])
    if not typed:
        raise ValueError("The quantity is empty.")
    match = (_COMMA if decimal_comma else _POINT).fullmatch(typed)
    if match is None or len(typed) > _MAX_LENGTH:
        sign = "comma" if decimal_comma else "point"
        raise ValueError(f"{shown} is not a quantity: use digits and at most one decimal {sign}.")
    if len((match[1] or match[2] or "").rstrip("0")) > MAX_DECIMALS:
        raise ValueError(f"{shown} has more than {MAX_DECIMALS} decimals.")
    quantity = Decimal(typed.replace(",", "."))
    if abs(quantity) > MAX_QUANTITY:
        raise ValueError(f"{shown} is out of range: the most is {MAX_QUANTITY:,}.")
    return quantity or Decimal(0)  # "-0" is zero, without a sign
