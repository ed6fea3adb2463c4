"""Lines: rows of a file, read by a mapping into what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inventory.formats.csv import unguard
from inventory.formats.tables import FormatError, Row
from inventory.services.imports.fields import REFUSED, CellProblem, Field, How, shown, text

ATTRIBUTE = "attributes."
MAX_ATTRIBUTE = 500
Mapping_ = Mapping[str, str | Sequence[str]]  # field → its column, or the columns that are joined in it


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `values` holds what its cells say, blank ones are left out; `attributes` by name.

    What a cell clears is the field's `blank` among the values; of attributes, the names are in `cleared`.
    """

    number: int
    values: Mapping[str, Any]
    attributes: Mapping[str, str]
    cleared: Sequence[str] = ()

    def get(self, name: str, default: Any = "") -> Any:
        """The value of a field, or the default where its cell is blank."""
        return self.values.get(name, default)


class RefusedLine(Exception):
    """A line with a cell that cannot be taken."""

    def __init__(self, problem: CellProblem, *, column: str = "", value: str = "") -> None:
        super().__init__(problem.detail)
        self.problem, self.column, self.value = problem, column, shown(value)


@dataclass
class LineReader:
    """Reads the rows of one file, in order: a blank cell of `fill_down` means what stood above it."""

    fields: Mapping[str, Field]
    mapping: Mapping_
    how: How
    separator: str = " / "
    prefixes: Mapping[str, str] = field(default_factory=dict)
    fill_down: Sequence[str] = ()
    dropped: Sequence[str] = ()  # words that stand for nothing, such as "Default Title"
    defaults: Mapping[str, str] = field(default_factory=dict)
    clear: str = ""  # what a cell says to clear a stored field
    above: dict[str, str] = field(default_factory=dict)

    def read(self, row: Row) -> Line:
        """Raises RefusedLine."""
        _refuse_broken(row)
        for column in self.fill_down:
            self.above[column] = (row.get(column) or "").strip() or self.above.get(column, "")
        values: dict[str, Any] = {}
        attributes: dict[str, str] = {}
        cleared: list[str] = []
        for name, columns in self.mapping.items():
            wanted = self.fields.get(name, _NOTE)
            typed = self._typed(row, columns, trim=self.how.trim and not wanted.verbatim)
            if not (typed.strip() if self.how.trim else typed):
                continue
            if self.clear and typed.strip() == self.clear:
                if wanted is _NOTE:
                    cleared.append(name.removeprefix(ATTRIBUTE))
                else:
                    values[name] = _blank(wanted, columns, typed)
            elif wanted is _NOTE:
                attributes[name.removeprefix(ATTRIBUTE)] = self._read(wanted, typed.strip()[:MAX_ATTRIBUTE], columns)
            else:
                values[name] = self._read(wanted, self.prefixes.get(name, "") + typed, columns)
        for name, typed in self.defaults.items():
            if name not in values:
                values[name] = self._read(self.fields[name], typed, "")
        return Line(row.number, values, attributes, cleared)

    def _typed(self, row: Row, columns: str | Sequence[str], *, trim: bool) -> str:
        if isinstance(columns, str):
            typed = self._cell(row, columns)
            return typed.strip() if trim else typed
        return self.separator.join(cell for column in columns if (cell := self._cell(row, column).strip()))

    def _cell(self, row: Row, column: str) -> str:
        typed = self.above[column] if column in self.above else row.get(column) or ""
        typed = unguard(typed) if self.how.guarded else typed
        return "" if typed in self.dropped else typed

    def _read(self, wanted: Field, typed: str, columns: str | Sequence[str]) -> Any:
        try:
            return wanted.read(typed, self.how)
        except CellProblem as problem:
            raise RefusedLine(problem, column=_named(columns), value=typed) from None


def _refuse_broken(row: Row) -> None:
    """Raise RefusedLine for a row whose cells are not where the header says."""
    if row.problem:
        hint = "The other lines are read; correct this one."
        raise RefusedLine(CellProblem("import_bad_json", row.problem, hint=hint))
    beyond = row.beyond()
    if beyond:
        detail = f"The line has {len(row.cells):,} cells for {row.width:,} columns."
        hint = "Is a delimiter in a value that is not quoted?"
        raise RefusedLine(CellProblem("import_extra_cells", detail, hint=hint), value=beyond[0])


def _blank(wanted: Field, columns: str | Sequence[str], typed: str) -> Any:
    """What the field stores when it is cleared. Raises RefusedLine."""
    if wanted.blank is REFUSED:
        problem = CellProblem("import_not_cleared", f"{wanted.title} cannot be cleared.", hint="Leave the cell blank.")
        raise RefusedLine(problem, column=_named(columns), value=typed)
    return wanted.blank


def _named(columns: str | Sequence[str]) -> str:
    return columns if isinstance(columns, str) else ", ".join(columns)


_NOTE = Field("attribute", "Attribute", text(MAX_ATTRIBUTE))


def refuse_columns(mapping: Mapping_, names: Sequence[str]) -> None:
    """Raise FormatError where the mapping names a column that the file has not."""
    for columns in mapping.values():
        for column in [columns] if isinstance(columns, str) else columns:
            if column not in names:
                shown_names = ", ".join(repr(name[:40]) for name in names[:12])
                raise FormatError(f"There is no column {column[:80]!r}; the file has {shown_names}.")
