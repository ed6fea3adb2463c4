"""GTINs: GS1's, python-stdnum's and biip's own vectors, and real codes that fail the check."""

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.formats.gtin import expand_upce, gtin_candidates, has_valid_check_digit, normalise_gtin

BARCODES = Path(__file__).resolve().parents[4] / "shared" / "data" / "barcodes"
needs_data = pytest.mark.skipif(not BARCODES.is_dir(), reason=f"no shared test data at {BARCODES}")


def vectors(name: str) -> list[dict[str, str]]:
    with (BARCODES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@needs_data
def test_check_digits_agree_with_gs1_and_stdnum():
    rows = vectors("check_digits.csv")
    assert len(rows) == 18
    assert [row["value"] for row in rows if has_valid_check_digit(row["value"]) != (row["expect"] == "valid")] == []


@needs_data
def test_gtin_form_agrees_with_biip():
    rows = vectors("gtin_upc_sscc.csv")
    assert len(rows) == 93
    for row in rows:
        value, answer = json.loads(row["input_json"]), row["gtin14"]
        if not answer.startswith("ERR"):
            assert normalise_gtin(value) == answer.split()[0], value
            assert has_valid_check_digit(value.strip()), value
        elif "check digit" in answer:  # advice for us, an error for biip
            assert normalise_gtin(value) == value.zfill(14), value
            assert not has_valid_check_digit(value), value
        else:
            assert normalise_gtin(value) is None, value


@needs_data
def test_upce_expansion_agrees_with_biip():
    expanded = 0
    for row in vectors("gtin_upc_sscc.csv"):
        value, answer = json.loads(row["input_json"]), row["upc_a"]
        if len(value) != 8:
            continue
        want = None if answer.startswith("ERR") else answer.split()[0]
        assert expand_upce(value) == want, value
        expanded += want is not None
    assert expanded == 9


@needs_data
def test_real_codes_that_fail_the_check_are_kept_if_they_have_a_gtins_length():
    rows = vectors("off_real_codes_failing_check.csv")
    assert len(rows) == 1706
    stored = [row["code"] for row in rows if normalise_gtin(row["code"])]
    assert {len(code) for code in stored} == {8, 12, 13, 14}
    assert len(stored) == sum(len(row["code"]) in (8, 12, 13, 14) for row in rows)
    assert not any(has_valid_check_digit(row["code"]) for row in rows if row["why"] == "bad_check_digit")


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "0123456789\u2070\u2070\u2070",
        "\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
        "1234567890123\x00",
        "12345678 9012",
        "75010313113",
        "+2345673",
        "1" * 15,
    ],
)
def test_not_a_gtin(value: str):
    assert normalise_gtin(value) is None
    assert gtin_candidates(value) == ()
    assert not has_valid_check_digit(value)
    assert expand_upce(value) is None


@pytest.mark.parametrize(
    ("upc_e", "upc_a"),
    [
        ("01201303", "012000000133"),  # last digit 0, 1, 2 goes before the zeros
        ("04252614", "042100005264"),
        ("01236325", None),
        ("01234531", "012300000451"),
        ("02345147", "023450000017"),
        ("06397126", "063200009716"),
        ("08679339", "086700000939"),
        ("02345673", "023456000073"),
        ("96385074", None),  # number systems are 0 and 1
    ],
)
def test_upce_rules(upc_e: str, upc_a: str | None):
    assert expand_upce(upc_e) == upc_a


@pytest.mark.parametrize(
    ("value", "candidates"),
    [
        ("5901234123457", ("05901234123457",)),
        (" 042100005264\r\n", ("00042100005264",)),
        ("96385074", ("00000096385074",)),
        ("04252614", ("00042100005264", "00000004252614")),  # only the UPC-E reading checks
        ("02345673", ("00023456000073", "00000002345673")),  # both check: 0 is UPC-E
        ("14252611", ("00142100005261", "00000014252611")),  # only the UPC-E reading checks
        ("00000000", ("00000000000000",)),  # both readings are one number
    ],
)
def test_candidates_most_likely_first(value: str, candidates: tuple[str, ...]):
    assert gtin_candidates(value) == candidates


def test_a_leading_1_that_checks_both_ways_is_an_ean8_first():
    both = next(
        code
        for code in (f"{number:08}" for number in range(10_000_000, 10_010_000))
        if has_valid_check_digit(code) and expand_upce(code)
    )
    assert gtin_candidates(both)[0] == both.zfill(14)
    assert len(gtin_candidates(both)) == 2


@given(st.text(max_size=20))
def test_any_text_is_answered(value: str):
    gtin = normalise_gtin(value)
    assert gtin is None or (len(gtin) == 14 and gtin.isascii() and gtin.isdigit())
    assert (gtin in gtin_candidates(value)) == (gtin is not None)


@given(st.text("0123456789", min_size=13, max_size=13))
def test_exactly_one_last_digit_is_right(payload: str):
    assert sum(has_valid_check_digit(f"{payload}{digit}") for digit in range(10)) == 1
