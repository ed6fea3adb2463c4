"""Bytes on the wire."""

from __future__ import annotations

import json
from collections import OrderedDict, UserDict
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from config.core.errors import AppError
from config.core.wire import MAX_DEPTH, JSONRenderer, StrictJSONParser, parse_json, to_json, uuid_of, wire_time

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


@given(JSON)
def test_what_we_write_we_read(value: Any) -> None:
    assert parse_json(to_json(value)) == value
    assert parse_json(json.dumps(value).encode()) == value


@given(st.binary())
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        parse_json(raw)
    except AppError as error:
        assert error.status == 400


def test_numbers_keep_their_digits() -> None:
    assert parse_json(b"[0.1, 1e3, 12345678901234567890]") == [Decimal("0.1"), Decimal("1e3"), 12345678901234567890]


def test_depth_is_bounded() -> None:
    fine = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert parse_json(fine)
    with pytest.raises(AppError):
        parse_json(b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2))
    assert parse_json(b'"' + b"[{" * 500 + b'"') == "[{" * 500  # brackets in a text nest nothing
    assert len(parse_json(b"[" + b"[]," * 5000 + b"[]]")) == 5001


def test_every_type_we_answer() -> None:
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    uuid = uuid4()
    value = {
        "decimal": Decimal("2.50"),
        "time": moment,
        "uuid": uuid,
        "ordered": OrderedDict(a=1),
        "mapping": UserDict(b=2),
        "lazy": gettext_lazy("text"),
        5: "number",
    }
    assert parse_json(to_json(value)) == {
        "decimal": "2.5",
        "time": "2026-03-01T12:00:00Z",
        "uuid": str(uuid),
        "ordered": {"a": 1},
        "mapping": {"b": 2},
        "lazy": "text",
        "5": "number",
    }


def test_times_are_sent_in_utc() -> None:
    assert wire_time(datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=2)))) == "2026-02-28T23:00:00Z"


def test_nothing_is_no_body() -> None:
    assert JSONRenderer().render(None) == b""
    assert JSONRenderer().render({}) == b"{}"


def test_the_parser_needs_no_request() -> None:
    class Body:
        def read(self, size: int) -> bytes:
            return b"{}"

    assert StrictJSONParser().parse(Body()) == {}


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("0192f0c4-5d0e-7a51-8a3d-6f1f0c0de001", True),
        ("0192F0C4-5D0E-7A51-8A3D-6F1F0C0DE001", True),
        ("0192f0c45d0e7a518a3d6f1f0c0de001", True),
        ("{0192f0c4-5d0e-7a51-8a3d-6f1f0c0de001}", False),
        ("urn:uuid:0192f0c4-5d0e-7a51-8a3d-6f1f0c0de001", False),
        ("0_92f0c4-5d0e-7a51-8a3d-6f1f0c0de001", False),
        (" 0192f0c4-5d0e-7a51-8a3d-6f1f0c0de001", False),
        ("0192f0c4-5d0e-7a51-8a3d-6f1f0c0de001\n", False),
        ("０192f0c4-5d0e-7a51-8a3d-6f1f0c0de001", False),
        ("", False),
    ],
)
def test_ids_as_text(text: str, known: bool) -> None:
    assert uuid_of(text) == (UUID("0192f0c4-5d0e-7a51-8a3d-6f1f0c0de001") if known else None)
