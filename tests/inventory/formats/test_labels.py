"""Our label codes: there and back, and nothing else."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.formats.labels import LabelKind, decode_label, encode_label

ID = UUID("018f6b6e-1c1e-7c3a-9b5d-0123456789ab")
CODE = "COM1:P:AGHWW3Q4DZ6DVG25AERUKZ4JVM"


def test_the_form_is_a_promise_on_paper():
    assert encode_label(LabelKind.PRODUCT, ID) == CODE
    assert decode_label(CODE) == (LabelKind.PRODUCT, ID)
    assert {kind.name: kind.value for kind in LabelKind} == {
        "PRODUCT": "P",
        "LOCATION": "L",
        "LOT": "T",
        "DEVICE": "D",
    }


@given(st.sampled_from(LabelKind), st.uuids())
def test_round_trip(kind: LabelKind, uuid: UUID):
    code = encode_label(kind, uuid)
    assert set(code) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ:")
    assert len(code) == 33
    assert decode_label(f" \t{code.lower()}\r\n") == (kind, uuid)


@pytest.mark.parametrize(
    "code",
    [
        "",
        CODE[:-1],
        CODE + "A",
        CODE.replace("COM1", "COM2"),
        CODE.replace(":P:", ":X:"),
        CODE.replace("A", "0"),
        CODE.replace("A", "1"),
        CODE[:-1] + "N",  # the same 16 bytes with spare bits set
        encode_label(LabelKind.LOT, UUID(int=2**128 - 1)).replace("7", "\u017f"),  # long s: upper() is S
        CODE + "\n" + CODE,
        CODE + "\x00",
        "COM1:P:" + "A" * 10_000,
        "\ud800",
    ],
)
def test_anything_else_is_no_label(code: str):
    assert decode_label(code) is None


@given(st.text())
def test_never_raises(code: str):
    assert decode_label(code) is None
