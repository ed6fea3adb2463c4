"""Positions: where a fact stands in its installation's order, and what its maker had seen by then."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """Where a fact comes from in cause and in time; what is not known is null.

    `sequence` = its number in its installation's order; `base_revision` = the revision up to which the client had
    pulled when it pushed; `clock_offset_ms` = server time minus the client's clock, in milliseconds.
    """

    sequence: int | None = None
    base_revision: int | None = None
    clock_offset_ms: int = 0


UNKNOWN = Position()
