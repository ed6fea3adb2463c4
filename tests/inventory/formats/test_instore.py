"""In-store codes, against the restricted numbers in biip's tests."""

import csv
import json
from pathlib import Path

import pytest

from inventory.formats.instore import InStoreCode, parse_instore

BARCODES = Path(__file__).resolve().parents[4] / "shared" / "data" / "barcodes"


@pytest.mark.parametrize(
    ("code", "parsed"),
    [
        ("2712341002251", InStoreCode("2712341", "00225", True)),
        ("2712341002259", InStoreCode("2712341", "00225", False)),
        ("0211111111114", InStoreCode("0211111", "11111", True)),
        ("211111111114", InStoreCode("0211111", "11111", True)),  # the same, as UPC-A
        ("00211111111114", InStoreCode("0211111", "11111", True)),  # the same, as GTIN-14
        ("2900000999995", InStoreCode("2900000", "99999", False)),
        (" 2011122912346\n", InStoreCode("2011122", "91234", True)),
    ],
)
def test_split(code: str, parsed: InStoreCode):
    assert parse_instore(code) == parsed


@pytest.mark.parametrize(
    "code",
    [
        *("", "27123410", "20000000", "5901234123457", "0412345678903", "12712341002258", "27123410022"),
        *("27123410022\u20701", "27123410022511111", "271234100225x"),
    ],
)
def test_everything_else_is_no_instore_code(code: str):
    assert parse_instore(code) is None


@pytest.mark.skipif(not BARCODES.is_dir(), reason=f"no shared test data at {BARCODES}")
def test_agrees_with_biips_restricted_numbers():
    agreed = 0
    with (BARCODES / "gtin_upc_sscc.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            gtin, _, kind = row["gtin14"].partition(" ")
            if gtin.startswith("ERR"):
                continue
            expected = kind.endswith("Rcn") and not kind.startswith("GTIN_8") and gtin[1:].startswith(("02", "2"))
            assert (parse_instore(json.loads(row["input_json"])) is not None) == expected, gtin
            agreed += expected
    assert agreed == 11
