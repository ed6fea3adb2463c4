"""Movements and opening stock of a file: a line is known by its id or by its file and number, and never twice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from django.utils import timezone

from inventory.models import Location, Lot, Product, StockMovement
from inventory.services.imports.chunks import Chunk
from inventory.services.imports.codes import product_of
from inventory.services.imports.earlier import LINES, find_earlier, is_reverted
from inventory.services.imports.fields import CellProblem
from inventory.services.imports.goods import Goods
from inventory.services.imports.lines import Line
from inventory.services.imports.references import Tree
from inventory.services.locations import default_location
from inventory.services.movements import record_movements

Kind = StockMovement.Kind
ZERO = re.compile(r"-?0+(?:[.,]0*)?")
SIDES = ("from_location", "to_location", "location")


@dataclass(slots=True)
class Fact:
    """What one line says has happened."""

    line: Line
    uuid: UUID
    product: Product
    kind: str
    quantity: Decimal  # > 0
    source: Location | None
    target: Location | None
    lot: Lot | None = None
    reverses: StockMovement | None = None


def work(chunk: Chunk, lines: Sequence[Line]) -> None:
    """Write the lines that are new; those that are there already must say the same."""
    ledger = _Ledger(chunk, lines)
    facts = []
    for line in lines:
        try:
            fact = ledger.read(line)
        except CellProblem as problem:
            chunk.refuse_for(line, problem)
            continue
        if fact is not None:
            facts.append(fact)
    ledger.record(facts)


class _Ledger:
    """What the lines of one chunk are compared with."""

    def __init__(self, chunk: Chunk, lines: Sequence[Line]) -> None:
        self.chunk, self.device, self.options = chunk, chunk.device, chunk.options
        self.goods = Goods(chunk, lines, names=_names(lines))
        self.default = default_location(self.device)
        self.places: Tree | None = None
        if any(line.get(name) or line.get(f"{name}_id") for line in lines for name in SIDES):
            self.places = Tree(Location, self.device, chunk.actor, separator=self.options.path_separator)
        self.uuids = {line.number: line.get("id") or self._uuid(line) for line in lines}
        self.stored = find_earlier(self.device, lines, self.uuids)
        ids = {line.get("lot_id") for line in lines if line.get("lot_id")}
        lots = Lot.objects.for_device(self.device).select_related("product")
        self.lots_by_id = {lot.uuid: lot for lot in lots.filter(uuid__in=ids)} if ids else {}

    def _uuid(self, line: Line) -> UUID:
        return uuid5(LINES, f"{self.options.source or self.chunk.run.source}\n{line.number}")

    def read(self, line: Line) -> Fact | None:
        """What a line says; None where it was imported before, or moves nothing. Raises CellProblem."""
        chunk = self.chunk
        if "quantity" not in line.values:
            if self.goods.is_named(line) and chunk.run.kind.name == "movements":
                raise CellProblem("import_no_quantity", "There is no quantity.", field="quantity")
            chunk.skip(line, "import_no_quantity", "The quantity is blank, which is not zero: nothing is known.")
            return None
        if not self.goods.is_named(line):
            self.goods.leave_out_unnamed(line)
            return None
        if not line.get("quantity"):
            chunk.skip(line, "import_nothing_moved", "The quantity is 0: nothing moved.")
            return None
        stored = self.stored.get(self.uuids[line.number])
        if stored is None:
            return self._fact(line)
        self._compare(line, stored)
        return None

    def _fact(self, line: Line) -> Fact:
        product = self.goods.product(line)
        kind, source, target = self._sides(line)
        uuid = self.uuids[line.number]
        fact = Fact(line, uuid, product, kind, abs(line.get("quantity")), source, target)
        if line.get("reverses_id"):
            fact.reverses = self._reversed(line.get("reverses_id"))
        lot_id = line.get("lot_id")
        if lot_id:
            if lot_id not in self.lots_by_id:
                raise CellProblem("import_unknown_reference", f"There is no lot {lot_id}.", field="lot_id")
            fact.lot = self.lots_by_id[lot_id]
        return fact

    def _reversed(self, id: UUID) -> StockMovement | None:
        if id in self.chunk.run.planned:
            return None
        found: StockMovement | None = StockMovement.all_objects.by_uuid(self.device, id)
        if found is None:
            raise CellProblem("import_unknown_reference", f"There is no movement {id}.", field="reverses_id")
        return found

    # --- Sides ----------------------------------------------------------------------------------
    def _sides(self, line: Line) -> tuple[str, Location | None, Location | None]:
        """Kind, from, to: as the columns say, else by the sign of the quantity."""
        source, target = self._place(line, "from_location"), self._place(line, "to_location")
        place = self._place(line, "location") or self.default
        kind, quantity = line.get("kind"), line.get("quantity")
        if kind:
            if quantity < 0:
                raise CellProblem("import_below_zero", "With a kind the quantity is above zero.", field="quantity")
            return _checked(kind, source, target, place)
        if source is not None and target is not None:
            if quantity < 0:
                raise CellProblem("import_below_zero", "A transfer's quantity is above zero.", field="quantity")
            return _checked(Kind.TRANSFER, source, target, place)
        leaves = (quantity > 0) == (self.options.sign == "sales")
        if source is not None or target is not None:
            raise CellProblem("import_sides", "One side alone needs a kind.", hint="Map kind, or use location.")
        if self.chunk.run.kind.name == "stock" or _is_free(line):
            kind = Kind.ADJUSTMENT
        else:
            kind = Kind.ISSUE if leaves else Kind.RECEIPT
        return (kind, place, None) if leaves else (kind, None, place)

    def _place(self, line: Line, name: str) -> Location | None:
        if self.places is None:
            return None
        return self.places.refer(line, name, make=self.options.create_missing)

    # --- Writing --------------------------------------------------------------------------------
    def record(self, facts: Sequence[Fact]) -> None:
        """Products first, then lots, then the movements themselves."""
        chunk = self.chunk
        chunk.flush()
        facts = self._with_lots(facts)
        movements = [self._movement(fact) for fact in facts]
        record_movements(device=self.device, actor=chunk.actor, movements=movements)
        for fact, movement in zip(facts, movements, strict=True):
            chunk.created(fact.line, movement)
        if self.places is not None and self.places.made:
            chunk.made["locations"] += self.places.made

    def _with_lots(self, facts: Sequence[Fact]) -> list[Fact]:
        """The facts whose lots are there or could be made; the others are refused."""
        self.goods.find_lots((fact.line, fact.product) for fact in facts)
        kept = []
        for fact in facts:
            try:
                fact.lot = self.goods.lot(fact.line, fact.product) or fact.lot
            except CellProblem as problem:
                self.chunk.refuse_for(fact.line, problem)
            else:
                kept.append(fact)
        self.chunk.flush()
        return kept

    def _movement(self, fact: Fact) -> StockMovement:
        line = fact.line
        return StockMovement(
            uuid=fact.uuid,
            device=self.device,
            product=fact.product,
            lot=fact.lot,
            kind=fact.kind,
            quantity=fact.quantity,
            from_location=fact.source,
            to_location=fact.target,
            occurred_at=line.get("occurred_at", None) or timezone.now(),
            reference=line.get("reference"),
            reason=line.get("reason") or self.options.reason,
            note=line.get("note"),
            reverses=fact.reverses,
        )

    # --- Lines that were imported before ----------------------------------------------------------
    def _compare(self, line: Line, stored: StockMovement) -> None:
        if is_reverted(stored):  # by its own id, which stays taken
            detail = "This movement was imported before, and reverted."
            self.chunk.refuse(line, "import_reverted", detail, "Import it without its id.", field="id")
            return
        if self._content(line, stored) == _stored_content(line, stored):
            self.chunk.unchanged(line, stored)
            return
        detail = "This line was imported before with other content; the movement stays as it is."
        self.chunk.refuse(line, "import_other_content", detail, "Name the file differently if it holds other data.")

    def _content(self, line: Line, stored: StockMovement) -> tuple[Any, ...]:
        """A line as _stored_content() has it. A code that no product has any more (renamed, deleted) says nothing."""
        try:
            product: int = product_of(self.goods.known, line).pk
        except CellProblem:
            product = stored.product_id
        kind, source, target = self._sides(line)
        said = (product, kind, abs(line.get("quantity")), _pk(source), _pk(target))
        return (*said, *(line.values[name] for name in TOLD if name in line.values))


TOLD = ("occurred_at", "reference", "reason", "note")


def _stored_content(line: Line, row: StockMovement) -> tuple[Any, ...]:
    said = (row.product_id, row.kind, row.quantity, row.from_location_id, row.to_location_id)
    return (*said, *(getattr(row, name) for name in TOLD if name in line.values))


def _pk(row: Any | None) -> int | None:
    return None if row is None else row.pk


def _checked(
    kind: str, source: Location | None, target: Location | None, place: Location
) -> tuple[str, Location | None, Location | None]:
    """The sides as the kind needs them; `place` stands for the one that is not said. Raises CellProblem."""
    if kind == Kind.RECEIPT and source is None:
        return kind, None, target or place
    if kind == Kind.ISSUE and target is None:
        return kind, source or place, None
    if kind == Kind.TRANSFER and source is not None and target is not None and source.pk != target.pk:
        return kind, source, target
    if kind in (Kind.ADJUSTMENT, Kind.COUNT) and (source is None) != (target is None):
        return kind, source, target
    raise CellProblem("import_sides", f"These locations do not fit a {kind}.", field="kind")


def _is_free(line: Line) -> bool:
    """A price of 0 and no customer: the clerk's own adjustment."""
    free = "price" in line.values and ZERO.fullmatch(line.get("price").strip()) is not None
    return free and "customer" not in line.values


def _names(lines: Sequence[Line]) -> dict[str, str]:
    """Code → name: the description of a sale if there is one, else the clerk's words on an adjustment."""
    names: dict[str, str] = {}
    for line in sorted(lines, key=_is_free):
        code = line.get("product")
        names[code] = names.get(code) or line.get("note").strip()[:300]
    return names
