"""Runs of imports: the state of one file across its chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db import DatabaseError, IntegrityError, transaction

from config.core.errors import AppError, Conflict
from config.core.problems import as_app_error
from config.core.statistics import refresh_statistics
from devices.actors import Actor
from devices.models import Device
from devices.services.owned import lock_device
from inventory.formats.tables import FormatError, Row, Table
from inventory.models import Barcode, Location, Lot, Product, StockLevel, StockMovement
from inventory.services.imports.chunks import Chunk
from inventory.services.imports.kinds import ImportKind
from inventory.services.imports.lines import Line, LineReader, Mapping_, RefusedLine, refuse_columns
from inventory.services.imports.options import Options
from inventory.services.imports.results import Outcome, RowResult, Summary

MOST_FOLDED = 200_000  # SKUs that are held to find those that differ by case alone
LOOKED_UP = (Product, Barcode, Location, Lot, StockLevel, StockMovement)
GROWN = (4, 40, 400)  # chunks after which these tables are another size than the database knows
CHUNK = 500  # rows in one transaction: the device's feed stays locked only so long (PROTOCOL §2)


@dataclass
class ImportRun:
    """One import of one file into one device; a dry run does the same work and rolls it back.

    `source` names the file: a line of facts is known by it and its number. `checked_revision`: rows that somebody
    else has changed since are left alone; None: nobody looked before. Every event carries the actor's operation_id.
    """

    device: Device
    actor: Actor
    kind: ImportKind
    mapping: Mapping_
    options: Options
    source: str
    checked_revision: int | None = None
    dry_run: bool = False
    is_csv: bool = False  # only there cells carry the guard against formulas
    summary: Summary = field(default_factory=Summary)
    seen: dict[str, int] = field(default_factory=dict)
    planned: set[UUID] = field(default_factory=set)  # ids that a dry run has rolled back again
    made_codes: set[str] = field(default_factory=set)  # unknown codes that became products
    worked: int = 0  # chunks

    def __post_init__(self) -> None:
        self._folded: dict[str, str] | None = None
        options = self.options
        self.reader = LineReader(
            self.kind.by_name,
            self.mapping,
            replace(options.how(), guarded=options.guarded and self.is_csv),
            separator=options.join,
            prefixes=options.prefixes,
            fill_down=options.fill_down,
            dropped=options.dropped,
            defaults=options.defaults,
            clear=options.clear.strip(),
        )

    def chunks(self, table: Table) -> Iterator[list[Row]]:
        """The rows of a table by 500. Raises FormatError where it cannot be read, or lacks a column."""
        refuse_columns(self.mapping, table.names)
        chunk: list[Row] = []
        try:
            for row in table.rows():
                chunk.append(row)
                if len(chunk) == CHUNK:
                    yield chunk
                    chunk = []
        except FormatError:
            if chunk:
                yield chunk  # what came before it breaks off
            raise
        if chunk:
            yield chunk

    def recall(self, rows: Sequence[Row]) -> None:
        """Go past rows that an earlier attempt has imported, and remember their codes."""
        for line in self._readable(rows, None):
            self._repeats(line)

    @transaction.atomic
    def work(self, rows: Sequence[Row]) -> list[RowResult]:
        """Import at most 500 rows, in one transaction; a row that the database refuses does not stop the others."""
        lock_device(self.device)
        try:
            with transaction.atomic():
                chunk = self._work(rows)
        except (AppError, DatabaseError) as error:
            _refuse_trouble(error)
            chunk = Chunk(self)
            for row in rows:
                chunk.take_over(self._alone(row))
        results = sorted(chunk.results, key=lambda result: result.number)
        for result in results:
            self.summary.add(result)
        self.summary.made.update(chunk.made)
        self.summary.made.update({"products": len(chunk.made_codes - self.made_codes)} if chunk.made_codes else {})
        self.made_codes |= chunk.made_codes
        self.summary.differing += chunk.differing
        if self.dry_run:
            self.planned.update(result.object_id for result in results if result.object_id)
            transaction.set_rollback(True)
        self.worked += 1
        if self.worked in GROWN and not self.dry_run:
            refresh_statistics(LOOKED_UP)
        return results

    def _alone(self, row: Row) -> Chunk:
        try:
            with transaction.atomic():
                return self._work([row])
        except (AppError, DatabaseError) as error:
            refusal = _refuse_trouble(error)
            chunk = Chunk(self)
            chunk.results.append(
                RowResult(row.number, Outcome.ERROR, refusal.internal_code, detail=refusal.detail, hint=refusal.advice)
            )
            return chunk

    def _work(self, rows: Sequence[Row]) -> Chunk:
        chunk = Chunk(self)
        lines = []
        for line in self._readable(rows, chunk):
            first = self._repeats(line)
            if first is None:
                lines.append(line)
            else:
                chunk.skip(line, "import_repeated", f"The code {self.kind.key(line)} is on line {first} already.")
        self.kind.work(chunk, lines)
        chunk.flush()
        return chunk

    def _readable(self, rows: Sequence[Row], chunk: Chunk | None) -> Iterator[Line]:
        for row in rows:
            try:
                yield self.reader.read(row)
            except RefusedLine as refused:
                if chunk is not None:
                    chunk.refuse_cell(row.number, refused)

    def case_twin(self, sku: str) -> str:
        """The SKU of another product that differs from this one by case alone, "" where there is none."""
        if self._folded is None:
            skus = Product.objects.for_device(self.device).exclude(sku="").values_list("sku", flat=True)
            self._folded = {known.casefold(): known for known in skus[:MOST_FOLDED].iterator()}
        other = self._folded.setdefault(sku.casefold(), sku)
        return other if other != sku else ""

    def _repeats(self, line: Line) -> int | None:
        """The line that had the same code before, if any."""
        key = self.kind.key(line)
        first = self.seen.setdefault(key, line.number) if key else line.number
        return first if first != line.number else None


def _refuse_trouble(error: Exception) -> AppError:
    """The refusal as our own; raises again what is no verdict on the rows (busy, gone, our own mistake)."""
    refusal: Any = error if isinstance(error, AppError) else as_app_error(error)
    if isinstance(error, IntegrityError) and refusal.status >= AppError.status:
        return Conflict("A row with this id or code is stored already.")
    if refusal.status >= AppError.status:
        raise error
    found: AppError = refusal
    return found
