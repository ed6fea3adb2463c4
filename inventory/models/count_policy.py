"""The policy of a stocktake: what a count is worth, decided on the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError

from config.core.quantities import exact_quantity, plain

NOT_COUNTED = ("leave", "recount", "zero_with_approval")
RECOUNT = ("required", "optional")
MOST_PASSES = 9


@dataclass(frozen=True, slots=True)
class CountPolicy:
    """Never part of a device's request; copied from the campaign when a stocktake is made.

    `tolerance` in units and `tolerance_percent` of the expected quantity: a variance inside either matches by
    itself. `recount`: above tolerance another person or installation must count again before it is accepted.
    `blind`: counters are shown neither expected quantities nor levels. `not_counted`: what becomes of a line
    nobody counted. `case_over`: a larger variance (units) opens a case. `independent_counter`: a count by an
    installation that moved the same stock itself is flagged. `passes` = the most there may be.
    """

    tolerance: Decimal = Decimal(0)
    tolerance_percent: Decimal = Decimal(0)
    recount: str = "required"
    blind: bool = False
    not_counted: str = "leave"
    case_over: Decimal | None = None
    independent_counter: bool = False
    passes: int = 3

    def allows(self, *, variance: Decimal, expected: Decimal) -> bool:
        """Whether a variance is inside the tolerance."""
        size = abs(variance)
        return size <= self.tolerance or size * 100 <= self.tolerance_percent * abs(expected)

    def as_json(self) -> dict[str, Any]:
        """As stored and shown: decimals as text."""
        return {key: plain(value) if isinstance(value, Decimal) else value for key, value in asdict(self).items()}


def read_policy(given: Mapping[str, Any]) -> CountPolicy:
    """The policy that `given` describes; what it leaves out has its default.

    Raises ValueError with (field, sentence) for people.
    """
    unknown = set(given) - {field.name for field in fields(CountPolicy)}
    if unknown:
        raise ValueError(min(unknown)[:80], "This is no part of a policy.")
    return CountPolicy(**{name: _read(name, value) for name, value in given.items()})


def _read(name: str, value: Any) -> Any:
    if name in ("tolerance", "tolerance_percent", "case_over"):
        return None if value is None and name == "case_over" else _amount(name, value)
    if name in ("blind", "independent_counter"):
        if not isinstance(value, bool):
            raise ValueError(name, "Give true or false.")
        return value
    if name == "passes":
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_PASSES:
            raise ValueError(name, f"Give a whole number from 1 to {MOST_PASSES}.")
        return value
    choices = NOT_COUNTED if name == "not_counted" else RECOUNT
    if value not in choices:
        raise ValueError(name, f"Use one of {', '.join(choices)}.")
    return value


def _amount(name: str, value: Any) -> Decimal:
    try:
        number = exact_quantity(value)
    except ValidationError as error:
        raise ValueError(name, error.messages[0]) from None
    if number < 0:
        raise ValueError(name, "Give 0 or more.")
    return number
