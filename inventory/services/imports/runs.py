"""One import of one file: its chunks, its counts, and what was wrong on which line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from inventory.formats.tables import FormatError, Row, Table

CHUNK = 500  # rows in one transaction: the device's feed stays locked only so long (PROTOCOL §2)
MAX_PROBLEMS = 100
Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Problem:
    """What was wrong with one line, as a sentence."""

    file: str
    line: int | None
    message: str


@dataclass(slots=True)
class ImportReport:
    """Every line read is counted once: created, updated, unchanged, skipped or errors.

    `products` = made for codes that were unknown (movements); `differing` = lines that say something else than what is
    stored, which stays; `problems` = the first 100 of what was skipped or wrong.
    """

    file: str
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    errors: int = 0
    products: int = 0
    differing: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def lines(self) -> int:
        """How many lines were read."""
        return self.created + self.updated + self.unchanged + self.skipped + self.errors

    def skip(self, line: int, message: str) -> None:
        """Count a line that is left out on purpose."""
        self.skipped += 1
        self._note(line, message)

    def refuse(self, line: int | None, message: str) -> None:
        """Count a line that cannot be imported."""
        self.errors += 1
        self._note(line, message)

    def _note(self, line: int | None, message: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(self.file, line, message))


def chunks(table: Table, report: ImportReport) -> Iterator[list[Row]]:
    """The rows of a table by 500; where the file breaks off, what came before it is kept."""
    chunk: list[Row] = []
    try:
        for row in table.rows():
            chunk.append(row)
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
    except FormatError as error:
        report.refuse(error.line, error.message)
    if chunk:
        yield chunk
