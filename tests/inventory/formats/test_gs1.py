"""GS1 scans: the vectors of GS1's own engine, what must not be read, and hostile text."""

import csv
import json
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.formats.gs1 import MAX_LENGTH, Gs1Scan, parse_gs1, split_symbology

BARCODES = Path(__file__).resolve().parents[4] / "shared" / "data" / "barcodes"
needs_data = pytest.mark.skipif(not BARCODES.is_dir(), reason=f"no shared test data at {BARCODES}")
GS = "\x1d"


def vectors(name: str) -> list[dict[str, str]]:
    with (BARCODES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def ai_data(code: str) -> str | None:
    """Our reading in the engine's notation, without its FNC1 marks."""
    scan = parse_gs1(code)
    return None if scan is None else "".join(ai + value for ai, value in scan.ais.items())


def agreeing(name: str, column: str) -> tuple[int, list[str]]:
    rows = vectors(name)
    right = [(row["ai_data_caret_is_FNC1"].replace("^", "") or None) == ai_data(row[column]) for row in rows]
    return sum(right), [row[column] for row, ok in zip(rows, right, strict=True) if not ok]


@needs_data
def test_digital_links_agree_with_gs1s_engine():
    agreed, others = agreeing("gs1_digital_link.csv", "uri")
    # Both stand in the file twice, with and without the engine's option for GTINs whose leading
    # zeros are left out. We read them: such links are printed.
    assert others == ["https://a/01/416000336108", "https://a/8004/9520614141234567?01=2112345678900"]
    assert agreed == 59


@needs_data
def test_bracketed_text_agrees_with_gs1s_engine():
    assert agreeing("gs1_bracketed_ai.csv", "bracketed") == (18, [])


@needs_data
def test_scan_data_agrees_with_gs1s_engine():
    rows = vectors("gs1_scan_data.csv")
    read = 0
    for row in rows:
        code, meaning = (json.loads(row["scan_data_json"]), json.loads(row["engine_data_json"]))
        if row["symbology"] in {"EAN13", "EAN8"}:
            gtin, _, composite = meaning.partition("|")
            wanted = f"01{gtin.zfill(14)}{composite.replace('^', '')}"
        elif meaning.startswith("^"):
            wanted = meaning.replace("^", "")
        elif "://" in meaning and meaning[:5] in {"https", "HTTPS"}:
            wanted = "011231231231233399TEST"
        else:
            # Errors, and true data that is no GS1 data: plain text, and "HtTps://", which the engine
            # passes through as text and itself refuses as a Digital Link.
            wanted = None
        assert ai_data(code) == wanted, code
        read += wanted is not None
    assert (len(rows), read) == (38, 13)


def test_a_whole_scan():
    scan = parse_gs1(f"]C1010703206980498817251300310300150010LOT-1{GS}21SER{GS}37")
    assert scan is None  # month 13, and an empty count at the end: not to be trusted
    scan = parse_gs1(f"]C101070320698049881725123110LOT-1{GS}21SER{GS}3724\r\n")
    assert scan == Gs1Scan(
        gtin14="07032069804988",
        lot="LOT-1",
        expires_on=date(2025, 12, 31),
        serial="SER",
        quantity=Decimal(24),
        ais={"01": "07032069804988", "17": "251231", "10": "LOT-1", "21": "SER", "37": "24"},
    )
    assert isinstance(hash(scan), int)


@pytest.mark.parametrize("symbology", ["]C1", "]e0", "]d2", "]Q3", "]J1", GS, ""])
def test_the_same_message_from_any_scanner(symbology: str):
    scan = parse_gs1(f"{symbology}0107032069804988100329")
    assert scan is not None
    assert (scan.gtin14, scan.lot) == ("07032069804988", "0329")


@pytest.mark.parametrize(
    "code",
    [
        "5901234123457",
        "1012345678904",  # would be "lot 12345678904"
        "0101234567890",
        "30123456",
        "042100005264",
        "00012345678905",
        f"1012345678904{GS}",
        "1234567890128",
        "(5901234123457",
        "]C0010703206980498810ABC",  # Code 128 that says it is not GS1
        "]A05901234123457",
        "]E05901234123450",
        "]E0590123412345",
        "]E05901234123457|]e0nonsense",
        "0112345678901234",  # 01, but no right check digit and no mark
        "00123456789012345670",
        "010703206980498817000000",  # unmarked, so a date must be a date
        "COM1:P:AGHWW3Q4DZ6DVG25AERUKZ4JVM",
        "https://example.com/",
        "http://example.com/products/01?id=5",
        "HTTPS://example.com/01/x",
        f"]C110A{GS}10B",  # one identifier, two values
        "(30)",
        f"]C130{GS}10A",
        "(01)٠٧٠٣٢٠٦٩٨٠٤٩٨٨",
        "https://a/01/%D9%A0%D9%A70320698049",
        "https://a/10/LOT/01/07032069804988x",
        "https://a/01/07032069804988?17=",
        "]",
        "]E",
        GS,
        GS * 50,
    ],
)
def test_not_a_gs1_message(code: str):
    assert parse_gs1(code) is None


@pytest.mark.parametrize(
    ("code", "expires_on"),
    [
        ("(01)07032069804988(17)240200", date(2024, 2, 29)),
        ("(01)07032069804988(15)260101(17)250101", date(2025, 1, 1)),
        ("(01)07032069804988(7003)2506011200(15)260101", date(2025, 6, 1)),
        ("(01)07032069804988(15)260101", date(2026, 1, 1)),
        ("(01)07032069804988(11)260101", None),
        ("(01)07032069804988(17)000000", None),  # the date is unreadable, the product is not
    ],
)
def test_expiry(code: str, expires_on: date | None):
    scan = parse_gs1(code)
    assert scan is not None
    assert scan.gtin14 == "07032069804988"
    assert scan.expires_on == expires_on


@pytest.mark.parametrize(
    ("elements", "quantity", "unit"),
    [
        ("(30)12", "12", ""),
        ("(3103)000195", "0.195", "kg"),
        ("(3105)123456", "1.23456", "kg"),
        ("(3202)001250", "12.50", "lb"),
        ("(3152)000150", "1.50", "l"),
        ("(3110)000007", "7", "m"),
        ("(3113)000007(3103)000195", "0.195", "kg"),
        ("(3103)000195(30)4", "4", ""),
        ("(3303)000195", None, ""),  # gross weight of a pallet
        ("(3121)000195", None, ""),  # width
        ("(3922)0299", None, ""),  # price
    ],
)
def test_quantity(elements: str, quantity: str | None, unit: str):
    scan = parse_gs1(f"(01)07032069804988{elements}")
    assert scan is not None
    assert scan.quantity == (None if quantity is None else Decimal(quantity))
    assert scan.unit == unit


def test_a_pallet():
    scan = parse_gs1("(00)370595680445154697(02)09520123456788(37)25(10)ABC")
    assert scan is not None
    assert (scan.sscc, scan.gtin14, scan.quantity) == ("370595680445154697", "09520123456788", 25)


def test_a_wrong_check_digit_in_a_marked_message_is_advice():
    scan = parse_gs1("(01)07032069804989")
    assert scan is not None
    assert scan.gtin14 == "07032069804989"


def test_brackets_as_people_type_them():
    scan = parse_gs1(r" (01) 07032069804988 (10) A\(1) ")
    assert scan is not None
    assert (scan.gtin14, scan.lot) == ("07032069804988", "A(1)")


def test_a_repeated_equal_element_is_one():
    scan = parse_gs1(f"]C110A{GS}10A")
    assert scan is not None
    assert scan.ais == {"10": "A"}


def test_qualifiers_in_order_only():
    assert ai_data("https://a/01/07032069804988/10/L/21/S") == "010703206980498810L21S"
    assert ai_data("https://a/01/07032069804988/21/S/10/L") is None
    assert ai_data("https://a/414/9520123456788/254/X") == "414952012345678" + "8254X"
    assert ai_data("https://shop/00/x/gtin/07032069804988/lot/L;1?utm=a&17=250101") == "010703206980498810L;117250101"


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("]E05901234123457", ("]E0", "5901234123457")),
        ("]C1", ("]C1", "")),
        ("5901234123457", ("", "5901234123457")),
        ("]é0x", ("", "]é0x")),
        ("]", ("", "]")),
    ],
)
def test_split_symbology(code: str, parts: tuple[str, str]):
    assert split_symbology(code) == parts


@pytest.mark.parametrize(
    "code",
    [
        "(4302)" + "%41%41" * 70 + " ",  # biip's own parser needs minutes for this
        "https://a/01/07032069804988?4302=" + "%2541%2541" * 70 + "%20",
        "https://a/" + "01/" * 1_300,
        "https://a/" + "01/07032069804988/" * 200,
        "https://a/01/07032069804988?" + "99=A&" * 700,
        GS + "30" * 2_000,
        "]C1" + f"99A{GS}" * 1_000,
        "(" * 4_000,
        r"(10)" + r"\(" * 2_000,
        "0" * 4_000,
        "0" * (MAX_LENGTH + 1),
        "\x00" * 10_000,
        "\ud800" * 10_000,
    ],
)
def test_hostile_text_is_answered_quickly(code: str):
    start = time.thread_time()
    parse_gs1(code)
    assert time.thread_time() - start < 0.5


PIECES = st.sampled_from(
    [
        *(
            "]C1",
            "]E0",
            "]Q3",
            "|]e0",
            GS,
            "(",
            ")",
            "\\",
            "01",
            "07032069804988",
            "10",
            "17",
            "251231",
            "30",
            "37",
        ),
        *("3103", "3909", "7003", "8008", "7007", "421", "391", "4302", "8003", "00", "ABC"),
        *("https://a/", "/", "?", "&", "=", "%", "#", "%00", "%D9%A0"),
        *("\x00", "\ud800", "\u2070", "\u0663", "\n", " "),
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(), st.lists(PIECES | st.text(max_size=3), max_size=12).map("".join)))
def test_never_raises(code: str):
    scan = parse_gs1(code)
    assert scan is None or scan.ais
    assert scan is None or all(value and value.isascii() for value in scan.ais.values())


@settings(max_examples=200)
@given(st.text("0123456789", max_size=14))
def test_the_gtin_wins(code: str):
    assert parse_gs1(code) is None
