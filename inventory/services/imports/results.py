"""Results: what an import did with each line, and the sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID


class Outcome(StrEnum):
    """Every line has one of these."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of one line. `internal_code` and `detail` say why it was left out, or what is odd about it."""

    number: int
    outcome: Outcome
    internal_code: str = ""
    column: str = ""
    value: str = ""
    detail: str = ""
    hint: str = ""
    object_id: UUID | None = None


@dataclass(slots=True)
class Summary:
    """Every line read is counted once; `notes` = lines that were taken although something is odd about them.

    `made` = rows of other tables that were created along the way (products, locations, lots, categories);
    `differing` = lines that say something else than what is stored, which stays.
    """

    counts: Counter[str] = field(default_factory=Counter)
    notes: int = 0
    differing: int = 0
    made: Counter[str] = field(default_factory=Counter)

    def add(self, result: RowResult) -> None:
        """Count one line."""
        self.counts[result.outcome.value] += 1
        if result.internal_code and result.outcome not in (Outcome.ERROR, Outcome.SKIPPED):
            self.notes += 1

    @property
    def lines(self) -> int:
        """How many lines were read."""
        return self.counts.total()

    @classmethod
    def restored(cls, figures: Mapping[str, Any] | None) -> Summary:
        """The sums as as_dict() wrote them."""
        found = cls()
        if figures:
            found.counts.update({outcome.value: figures.get(outcome.value, 0) for outcome in Outcome})
            found.notes, found.differing = figures.get("notes", 0), figures.get("differing", 0)
            found.made.update(figures.get("made", {}))
        return found

    def as_dict(self) -> dict[str, Any]:
        """The figures as they are stored and shown."""
        figures: dict[str, Any] = {outcome.value: self.counts[outcome.value] for outcome in Outcome}
        return {"lines": self.lines, **figures, "notes": self.notes, "differing": self.differing, "made": {**self.made}}
