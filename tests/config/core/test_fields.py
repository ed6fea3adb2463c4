"""Fields of the wire: what they take, and what they only seem to."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from rest_framework.exceptions import ValidationError

from config.core.fields import ExactBoolean, ExactDate, ExactId, ExactInteger, ExactText, ExactTime, QuantityWire

ID = UUID("0192f0c4-5d0e-7a51-8a3d-6f1f0c0de001")


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        (ExactText(), " a ", " a "),
        (ExactText(allow_blank=True), "", ""),
        (ExactText(allow_blank=True), "  ", "  "),
        (ExactBoolean(), True, True),
        (ExactBoolean(), False, False),
        (ExactInteger(), 5, 5),
        (ExactInteger(), Decimal("2.0"), 2),
        (ExactInteger(), Decimal("2e2"), 200),
        (ExactId(), str(ID).upper(), ID),
        (ExactId(), ID, ID),
        (ExactTime(), "2026-03-01T12:00:00+02:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        (ExactTime(), "2026-03-01 12:00:00.123456Z", datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)),
        (ExactDate(), "2024-02-29", date(2024, 2, 29)),
        (QuantityWire(), "2.50", Decimal("2.5")),
        (QuantityWire(least=0), 0, Decimal(0)),
        (QuantityWire(above=0), Decimal("0.000001"), Decimal("0.000001")),
    ],
)
def test_what_is_taken(field: Any, given: Any, kept: Any) -> None:
    found = field.run_validation(given)
    assert found == kept
    assert type(found) is type(kept)


@pytest.mark.parametrize(
    ("field", "given", "code"),
    [
        (ExactText(), "", "blank"),
        (ExactText(), "  \t", "blank"),
        (ExactText(), 5, "invalid"),
        (ExactText(), True, "invalid"),
        (ExactText(max_length=2), "abc", "max_length"),
        (ExactBoolean(), "true", "invalid"),
        (ExactBoolean(), 1, "invalid"),
        (ExactBoolean(), [], "invalid"),
        (ExactInteger(), "5", "invalid"),
        (ExactInteger(), True, "invalid"),
        (ExactInteger(), Decimal("2.5"), "invalid"),
        (ExactInteger(), Decimal("1e999999999"), "invalid"),
        (ExactInteger(), Decimal("NaN"), "invalid"),
        (ExactInteger(max_value=3), 4, "max_value"),
        (ExactId(), 5, "invalid"),
        (ExactId(), True, "invalid"),
        (ExactId(), "x", "invalid"),
        (ExactId(), [str(ID)], "invalid"),
        (ExactTime(), "2026-03-01T12:00:00", "invalid"),
        (ExactTime(), "2026-03-01", "invalid"),
        (ExactTime(), "2026-02-30T12:00:00Z", "invalid"),
        (ExactTime(), "1899-12-31T23:59:59Z", "invalid"),
        (ExactTime(), "9999-12-31T23:59:59-12:00", "invalid"),
        (ExactTime(), 5, "invalid"),
        (ExactDate(), "2026-02-30", "invalid"),
        (ExactDate(), "2026-03-01T12:00:00Z", "invalid"),
        (ExactDate(), "２０２６-03-01", "invalid"),
        (ExactDate(), 20260301, "invalid"),
        (QuantityWire(), 1.5, "invalid"),
        (QuantityWire(), True, "invalid"),
        (QuantityWire(), [], "invalid"),
        (QuantityWire(), "0.1234567", "max_decimal_places"),
        (QuantityWire(), "1000000000", "max_value"),
        (QuantityWire(above=0), "0", "min_value"),
        (QuantityWire(least=0), "-0.000001", "min_value"),
    ],
)
def test_what_is_refused(field: Any, given: Any, code: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        field.run_validation(given)
    assert [detail.code for detail in refusal.value.detail] == [code]  # type: ignore[union-attr]  # a list here


def test_quantities_are_answered_as_text() -> None:
    assert QuantityWire().to_representation(Decimal("2.500000")) == "2.5"
