"""Counts of a file: a line is an entry on one sheet, known by its file and number, and never counted twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from inventory.models import CountEntry, Location, Lot, Product
from inventory.models.sheets import Sheet
from inventory.services.counting.entries import placing, record_entries
from inventory.services.counting.sheets import submit_sheet
from inventory.services.imports import fields
from inventory.services.imports.chunks import Chunk
from inventory.services.imports.codes import PRODUCT_FIELDS, product_of
from inventory.services.imports.count_sheets import (
    find_base,
    find_bin,
    find_sheet,
    is_void,
    make_sheet,
    sheet_id,
    takes_counts,
)
from inventory.services.imports.fields import CellProblem, Field
from inventory.services.imports.goods import Goods, lot_code
from inventory.services.imports.kinds import ImportKind
from inventory.services.imports.lines import Line
from inventory.services.imports.references import Tree

if TYPE_CHECKING:
    from inventory.services.imports.runs import ImportRun

UNSUBMITTED = (Sheet.OFFERED, Sheet.DOWNLOADED, Sheet.IN_PROGRESS)
VOID = "This line was counted, and its sheet was given up since: it does not count."
CLOSED = "The sheet takes no more counts: it is sealed, or its stocktake is past counting."
ANOTHER = "Name the file differently (options.source): it is a stocktake of its own then."


@dataclass(slots=True)
class Count:
    """What one line says was counted."""

    line: Line
    product: Product
    location: Location
    lot: Lot | None = None


def work(chunk: Chunk, lines: Sequence[Line]) -> None:
    """Write the counts that are new; those that are there already must say the same."""
    try:
        counting = _Counting(chunk, lines)
    except CellProblem as problem:  # no such sheet or location
        for line in lines:
            chunk.refuse_for(line, problem)
        return
    counts = []
    for line in lines:
        try:
            count = counting.read(line)
        except CellProblem as problem:
            chunk.refuse_for(line, problem)
            continue
        if count is not None:
            counts.append(count)
    counting.record(counts)


def finish(run: ImportRun) -> None:
    """The file is counted: its sheet is submitted. One that an installation holds is submitted by that one."""
    try:
        sheet = find_sheet(run.device, run.options, run.source)
    except CellProblem:
        return  # every line says so
    if sheet is not None and sheet.state in UNSUBMITTED and sheet.held_by is None and takes_counts(sheet):
        submit_sheet(sheet, actor=run.actor)


class _Counting:
    """What the lines of one chunk are compared with."""

    def __init__(self, chunk: Chunk, lines: Sequence[Line]) -> None:
        self.chunk, self.device, self.options = chunk, chunk.device, chunk.options
        self.file_name = chunk.run.source
        self.goods = Goods(chunk, lines)
        self.places = Tree(Location, self.device, chunk.actor, separator=self.options.path_separator)
        about, source = sheet_id(self.options, self.file_name), self.options.source or self.file_name
        self.uuids = {line.number: uuid5(about, f"{source}\n{line.number}") for line in lines}
        entries = CountEntry.all_objects.for_device(self.device).select_related("lot")
        self.stored: dict[UUID, CountEntry] = {row.uuid: row for row in entries.filter(uuid__in=self.uuids.values())}
        self.sheet = find_sheet(self.device, self.options, self.file_name)
        self.base = find_base(self.device, self.options, self.sheet, self.places)

    def read(self, line: Line) -> Count | None:
        """What a line says; None where it was imported before, or counts nothing. Raises CellProblem."""
        if "quantity" not in line.values:
            self.chunk.skip(line, "import_no_quantity", "The quantity is blank, which is not zero: not counted.")
            return None
        if not self.goods.is_named(line):
            self.goods.leave_out_unnamed(line)
            return None
        stored = self.stored.get(self.uuids[line.number])
        if stored is not None:
            self._compare(line, stored)
            return None
        if self.sheet is not None and not takes_counts(self.sheet):
            raise CellProblem("import_sheet_closed", CLOSED, hint=ANOTHER)
        place = self._place(line)
        return Count(line, self.goods.product(line), place)

    def _find_bin(self, line: Line) -> Location | None:
        return find_bin(line.get("location"), base=self.base, places=self.places, options=self.options)

    def _place(self, line: Line) -> Location:
        typed, found = line.get("location"), self._find_bin(line)
        if found is None and not self.options.create_missing:
            hint = "Import the locations first, or choose create_missing."
            raise CellProblem("import_unknown_reference", f"There is no bin {typed[:80]}.", hint=hint, field="location")
        if found is None:
            found = self.places.make_below(self.base, self.places.parts(typed))
        return found

    # --- Writing --------------------------------------------------------------------------------
    def record(self, counts: Sequence[Count]) -> None:
        """Products first, then lots, then the entries; the sheet of a file is made for its first entry."""
        chunk = self.chunk
        chunk.flush()
        counts = self._with_lots(counts)
        if counts:
            entries = self._entries(counts)
            record_entries(device=self.device, actor=chunk.actor, entries=entries)
            for count, entry in zip(counts, entries, strict=True):
                chunk.created(count.line, entry)
        if self.places.made:
            chunk.made["locations"] += self.places.made

    def _with_lots(self, counts: Sequence[Count]) -> list[Count]:
        """The counts whose lots are there or could be made; the others are refused."""
        self.goods.find_lots((count.line, count.product) for count in counts)
        kept = []
        for count in counts:
            try:
                count.lot = self.goods.lot(count.line, count.product)
            except CellProblem as problem:
                self.chunk.refuse_for(count.line, problem)
            else:
                kept.append(count)
        self.chunk.flush()
        return kept

    def _entries(self, counts: Sequence[Count]) -> list[CountEntry]:
        sheet = self.sheet or make_sheet(self.device, self.chunk.actor, self.options, self.file_name, self.base)
        return [
            CountEntry(
                device=self.device,
                uuid=self.uuids[count.line.number],
                sheet=sheet,
                product=count.product,
                location=count.location,
                lot=count.lot,
                mode=CountEntry.Mode.ADD,
                quantity=count.line.get("quantity"),
                note=count.line.get("note"),
                **placing(position=None, counted_at=None, base_revision=None),
            )
            for count in counts
        ]

    # --- Lines that were imported before ----------------------------------------------------------
    def _compare(self, line: Line, stored: CountEntry) -> None:
        if self.sheet is not None and is_void(self.sheet):
            raise CellProblem("import_sheet_closed", VOID, hint=ANOTHER)
        if self._says(line, stored):
            self.chunk.unchanged(line, stored)
            return
        detail = "This line was imported before with other content; what was counted stays as it is."
        self.chunk.refuse(line, "import_other_content", detail, "Name the file differently if it holds other data.")

    def _says(self, line: Line, stored: CountEntry) -> bool:
        """Whether a line says what is stored. A code or a bin that is not there any more says nothing."""
        try:
            product: int | None = product_of(self.goods.known, line).pk
        except CellProblem:
            product = stored.product_id
        place = self._find_bin(line)
        said = (product, place.pk if place is not None else stored.location_id, line.get("quantity"), lot_code(line))
        kept = (stored.product_id, stored.location_id, stored.quantity, stored.lot.code if stored.lot else "")
        return said == kept and line.get("note", stored.note) == stored.note


COUNTS = ImportKind(
    name="counts",
    title="Counts",
    fields=(
        *(
            replace(field, names=(*field.names, "code", "barcode")) if field.name == "product" else field
            for field in PRODUCT_FIELDS
        ),
        Field("quantity", "Counted", fields.amount,
              ("counted", "physicalqoh", "stockphysique", "quantity", "qty", "onhand")),
        Field("location", "Bin (code or path)", fields.text(1000),
              ("bin", "binlocation", "location", "storagelocation")),
        Field("lot", "Lot", fields.code(100), ("lot", "lotnumber", "batch")),
        Field("serial", "Serial number", fields.code(100), ("serial", "serialnumber")),
        Field("expires_on", "Expires on", fields.expiry, ("expireson", "expirationdate", "expirydate", "expiry")),
        Field("note", "Note", fields.text(10_000), ("note", "comment"), verbatim=True),
    ),
    needs=(("product", "product_id"), ("quantity",)),
    needs_by_name=(("product", "product_id", "product_name"), ("quantity",)),
    work=work,
    finish=finish,
)  # fmt: skip
