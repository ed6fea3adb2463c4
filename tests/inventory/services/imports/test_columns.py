"""Columns are guessed by their names, whatever their case and punctuation."""

from __future__ import annotations

import pytest

from inventory.formats.tables import FormatError
from inventory.services.imports.columns import find_columns, refuse_missing

KNOWN = {"code": ("stockcode", "code"), "name": ("name",)}


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (["Code", "NAME "], {"code": "Code", "name": "NAME "}),
        (["code", "Stock Code"], {"code": "Stock Code"}),
        (["stock_code", "StockCode"], {"code": "stock_code"}),
        (["colour", ""], {}),
    ],
)
def test_the_best_known_name_wins(header: list[str], found: dict[str, str]) -> None:
    assert find_columns(header, KNOWN) == found


def test_a_missing_column_is_told_with_what_would_fit() -> None:
    refuse_missing(["name"], {"name"}, KNOWN, "code", "name")
    with pytest.raises(FormatError, match=r"the code .*stockcode, code.* 'colour'"):
        refuse_missing(["colour"], set(), KNOWN, "code")
