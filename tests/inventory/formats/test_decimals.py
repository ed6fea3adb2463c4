"""Quantities in text cells."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.formats.decimals import MAX_QUANTITY, parse_quantity


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("7", "7"),
        ("-3", "-3"),
        ("+3", "3"),
        ("1.5", "1.5"),
        (".5", "0.5"),
        (" 12 ", "12"),
        ("12\n", "12"),
        ("007", "7"),
        ("1.0000000", "1"),
        ("0.12345600", "0.123456"),
        ("-0", "0"),
        ("0.000001", "0.000001"),
        ("999999999.999999", "999999999.999999"),
        ("-999999999.999999", "-999999999.999999"),
    ],
)
def test_accepted(text: str, quantity: str):
    parsed = parse_quantity(text)
    assert parsed == Decimal(quantity)
    assert not (parsed == 0 and parsed.is_signed())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \t", "empty"),
        ("NaN", "decimal point"),
        ("Infinity", "decimal point"),
        ("-inf", "decimal point"),
        ("1e400", "decimal point"),
        ("1E2", "decimal point"),
        ("1_000", "decimal point"),
        ("1,5", "decimal point"),
        ("1,000.5", "decimal point"),
        ("1 000", "decimal point"),
        ("1.", "decimal point"),
        (".", "decimal point"),
        ("--1", "decimal point"),
        ("- 1", "decimal point"),
        ("1\x00", "decimal point"),
        ("\ud800", "decimal point"),
        ("٣", "decimal point"),
        ("1²", "decimal point"),
        ("\uff11\uff12", "decimal point"),
        ("=1+1", "decimal point"),
        ("9" * 41, "decimal point"),
        ("1" * 1_000_000, "decimal point"),
        ("1.0000001", "more than 6 decimals"),
        ("0.0000001", "more than 6 decimals"),
        ("1000000000", "out of range"),
        ("-1000000000", "out of range"),
    ],
)
def test_refused_with_a_sentence(text: str, reason: str):
    with pytest.raises(ValueError, match=reason) as caught:
        parse_quantity(text)
    assert len(str(caught.value)) < 300
    str(caught.value).encode()  # can be sent: no lone surrogate is quoted back


@pytest.mark.parametrize(
    ("text", "quantity"), [("1,5", "1.5"), (",5", "0.5"), ("12", "12"), ("-0,25", "-0.25"), ("1,0000000", "1")]
)
def test_decimal_comma(text: str, quantity: str):
    assert parse_quantity(text, decimal_comma=True) == Decimal(quantity)


@pytest.mark.parametrize("text", ["1.5", "1.000,5", "1,0000001"])
def test_decimal_comma_refuses_points_and_too_many_decimals(text: str):
    with pytest.raises(ValueError, match="decimal"):
        parse_quantity(text, decimal_comma=True)


@given(st.decimals(-MAX_QUANTITY, MAX_QUANTITY, places=6))
def test_what_is_accepted_is_exact(quantity: Decimal):
    assert parse_quantity(f"{quantity:f}") == quantity


@given(st.text(max_size=60), st.booleans())
def test_any_text_gives_a_quantity_or_a_value_error(text: str, comma: bool):
    try:
        quantity = parse_quantity(text, decimal_comma=comma)
    except ValueError:
        return
    assert quantity.is_finite()
    assert abs(quantity) <= MAX_QUANTITY
