"""Chunks: what the lines of one transaction come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from devices.models import DeviceOwnedModel, Event
from devices.services.owned import change_many_owned, insert_many_owned
from inventory.services.imports.fields import CellProblem
from inventory.services.imports.lines import Line, RefusedLine
from inventory.services.imports.results import Outcome, RowResult

if TYPE_CHECKING:
    from inventory.services.imports.runs import ImportRun

Key = TypeVar("Key")
Value = TypeVar("Value")
Note = tuple[str, str, str]  # internal_code, detail, hint
MEANWHILE: Note = (
    "import_changed_meanwhile",
    "Somebody has changed this row since the dry run: it stays as it is.",
    "Run the dry run again, and look at it.",
)
NO_NOTE: Note = ("", "", "")


class Chunk:
    """The verdicts on the lines, and the rows to be written at the end, many at a time."""

    def __init__(self, run: ImportRun) -> None:
        self.run, self.device, self.actor, self.options = run, run.device, run.actor, run.options
        self.results: list[RowResult] = []
        self.made: Counter[str] = Counter()
        self.made_codes: set[str] = set()
        self.differing = 0
        self._fresh: dict[type[DeviceOwnedModel], list[Any]] = {}
        self._later: list[Callable[[], DeviceOwnedModel]] = []
        self._edits: dict[tuple[type[Any], int], tuple[Any, dict[str, Any]]] = {}

    # --- Verdicts -------------------------------------------------------------------------------
    def refuse(self, line: Line, internal_code: str, detail: str, hint: str = "", *, field: str = "") -> None:
        """Count a line that cannot be imported."""
        self._say(line, Outcome.ERROR, (internal_code, detail, hint), field=field)

    def refuse_for(self, line: Line, problem: CellProblem) -> None:
        """Count a line that cannot be imported for what one of its fields says."""
        self.refuse(line, problem.internal_code, problem.detail, problem.hint, field=problem.field)

    def refuse_cell(self, number: int, refused: RefusedLine) -> None:
        """Count a line with a cell that cannot be taken."""
        problem = refused.problem
        self.results.append(
            RowResult(
                number,
                Outcome.ERROR,
                problem.internal_code,
                column=refused.column,
                value=refused.value,
                detail=problem.detail,
                hint=problem.hint,
            )
        )

    def skip(self, line: Line, internal_code: str, detail: str, hint: str = "") -> None:
        """Count a line that is left out on purpose."""
        self._say(line, Outcome.SKIPPED, (internal_code, detail, hint))

    def unchanged(self, line: Line, row: DeviceOwnedModel | None = None) -> None:
        """Count a line that says what is stored."""
        self._say(line, Outcome.UNCHANGED, NO_NOTE, row)

    def _say(
        self, line: Line, outcome: Outcome, note: Note, row: DeviceOwnedModel | None = None, *, field: str = ""
    ) -> None:
        column = self.run.mapping.get(field, "")
        self.results.append(
            RowResult(
                line.number,
                outcome,
                note[0],
                column=column if isinstance(column, str) else ", ".join(column),
                value=str(line.get(field, ""))[:200] if field else "",
                detail=note[1],
                hint=note[2],
                object_id=row.uuid if row is not None else None,
            )
        )

    # --- Rows -----------------------------------------------------------------------------------
    def create(self, line: Line, row: DeviceOwnedModel, note: Note = NO_NOTE) -> None:
        """Count a line as created; the row is inserted with the others of the chunk."""
        self.add(row)
        self._say(line, Outcome.CREATED, note, row)

    def created(self, line: Line, row: DeviceOwnedModel, note: Note = NO_NOTE) -> None:
        """Count a line whose row is written already."""
        self._say(line, Outcome.CREATED, note, row)

    def add(self, row: DeviceOwnedModel) -> None:
        """A row that comes with a line."""
        self._fresh.setdefault(type(row), []).append(row)

    def add_later(self, build: Callable[[], DeviceOwnedModel]) -> None:
        """A row that refers to one of add(): it is built when that one has its key."""
        self._later.append(build)

    def wanted(self, row: Any, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the values that this import may write over what is stored."""
        if self.options.existing == "update":
            return dict(values)
        known = self._known(row, values)
        fill = self.options.existing == "fill"
        blank = {name: value for name, value in values.items() if fill and known[name] in (None, "", {})}
        self.differing += any(known[name] != value for name, value in values.items() if name not in blank)
        return blank

    def write(
        self, line: Line, row: Any, values: Mapping[str, Any], do: Callable[[Any, dict[str, Any], Any], None]
    ) -> None:
        """As change(), at once and through a service: `do(row, changes, actor)`."""
        changes = {name: value for name, value in values.items() if getattr(row, name) != value}
        if changes and self._changed_meanwhile(row):
            self.refuse(line, *MEANWHILE)
            return
        if changes:
            do(row, changes, self.actor)
        self._say(line, Outcome.UPDATED if changes else Outcome.UNCHANGED, NO_NOTE, row)

    def change(self, line: Line, row: Any, values: Mapping[str, Any], *, also: bool = False) -> None:
        """Count a line about a known row: updated where it says something new (or `also` brings something), else
        unchanged. What others have changed since the dry run is left alone."""
        known = self._known(row, values)
        changes = {name: value for name, value in values.items() if known[name] != value}
        if changes and row.pk is not None and self._changed_meanwhile(row):
            self.refuse(line, *MEANWHILE)
            return
        if row.pk is None:
            for name, value in changes.items():
                setattr(row, name, value)
        elif changes:
            self._edits.setdefault((type(row), row.pk), (row, {}))[1].update(changes)
        self._say(line, Outcome.UPDATED if changes or also else Outcome.UNCHANGED, NO_NOTE, row)

    def _known(self, row: Any, names: Iterable[str]) -> dict[str, Any]:
        _, edits = self._edits.get((type(row), row.pk), (row, {})) if row.pk is not None else (row, {})
        return {name: edits.get(name, getattr(row, name)) for name in names}

    def _changed_meanwhile(self, row: Any) -> bool:
        checked = self.run.checked_revision
        if checked is None or row.revision <= checked:
            return False
        # Every event of this import carries its operation_id: what it has written itself is no edit of others.
        return not Event.objects.about(row).filter(revision=row.revision, operation_id=self.actor.operation_id).exists()

    def flush(self) -> None:
        """Write what the lines came to so far."""
        for rows in _taken(self._fresh).values():
            insert_many_owned(rows, device=self.device, actor=self.actor)
        for build in self._later:
            self.add(build())
        self._later.clear()
        for rows in _taken(self._fresh).values():
            insert_many_owned(rows, device=self.device, actor=self.actor)
        edits: dict[type[DeviceOwnedModel], list[Any]] = {}
        for (model, _), edit in _taken(self._edits).items():
            edits.setdefault(model, []).append(edit)
        for changed in edits.values():
            change_many_owned(changed, device=self.device, actor=self.actor)

    def take_over(self, other: Chunk) -> None:
        """Add what another chunk, written already, has come to."""
        self.results += other.results
        self.made.update(other.made)
        self.made_codes |= other.made_codes
        self.differing += other.differing


def _taken(found: dict[Key, Value]) -> dict[Key, Value]:
    """What a dict holds, leaving it empty."""
    held = dict(found)
    found.clear()
    return held
