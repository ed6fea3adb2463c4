"""References of imports: which row of the device a cell stands for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from devices.actors import Actor
from devices.models import Device
from devices.services.owned import insert_owned
from inventory.models import Category, Location, Lot, Product
from inventory.services.imports.fields import CellProblem
from inventory.services.imports.lines import Line
from inventory.services.imports.matching import Codes, find_codes

MAX_PARTS = 64


class Products:
    """The products that the lines of a chunk name: by id, SKU, barcode, GTIN, or (match=name) by name."""

    def __init__(
        self, device: Device, *, codes: Collection[str], ids: Collection[UUID], names: Collection[str]
    ) -> None:
        products = Product.objects.for_device(device)
        self.ids = {product.uuid: product for product in products.filter(uuid__in=ids)} if ids else {}
        known = {product.pk: product for product in self.ids.values()}
        self.codes: Codes = find_codes(device, skus=codes, barcodes=codes, known=known)
        self.names: dict[str, Product] = {}
        if names:
            for product in products.filter(name__in=names).order_by("id"):
                self.names.setdefault(product.name, known.get(product.pk, product))

    def find(self, *, id: UUID | None = None, code: str = "", name: str = "") -> Product | None:
        """The product, or None."""
        if id is not None:
            return self.ids.get(id)
        if code:
            return self.codes.by_sku(code) or self.codes.by_barcode(code)
        return self.names.get(name)


class Tree:
    """Locations or categories by id, code and path, read once a chunk; missing ones can be made."""

    def __init__(self, model: type[Location] | type[Category], device: Device, actor: Actor, *, separator: str) -> None:
        self.model, self.device, self.actor, self.separator = model, device, actor, separator
        self.made = 0
        self.ids: dict[UUID, Any] = {}
        self.codes: dict[str, Any] = {}
        self.children: dict[tuple[int | None, str], Any] = {}
        self.names: dict[str, list[Any]] = {}
        for row in model.objects.for_device(device).order_by("id"):
            self.remember(row)

    def remember(self, row: Any) -> None:
        """Take a row into account that is new or renamed."""
        self.ids[row.uuid] = row
        self.children.setdefault((row.parent_id, row.name), row)
        self.names.setdefault(row.name, []).append(row)
        if getattr(row, "code", ""):
            self.codes.setdefault(row.code, row)

    def parts(self, path: str) -> list[str]:
        """`Room 1 / Shelf 2` → its names, outer spaces and empty ones left out."""
        names = path.split(self.separator) if self.separator else [path]
        return [name.strip() for name in names if name.strip()][:MAX_PARTS]

    def find(self, typed: str) -> Any | None:
        """The row with this code, else at this path from the top, else the only one with this name."""
        if typed in self.codes:
            return self.codes[typed]
        row = self.walk(self.parts(typed))
        if row is not None:
            return row
        named = self.names.get(typed.strip(), [])
        return named[0] if len(named) == 1 else None

    def walk(self, parts: Sequence[str], row: Any | None = None) -> Any | None:
        """The row at this path, from the top or below `row`."""
        for name in parts:
            row = self.children.get((row.pk if row else None, name))
            if row is None:
                return None
        return row

    def refer(self, line: Line, name: str, *, make: bool = False) -> Any | None:
        """The row that `name_id` or `name` of a line stands for; None where both are blank. Raises CellProblem."""
        id, typed = line.get(f"{name}_id"), line.get(name)
        if id:
            if id not in self.ids:
                raise CellProblem("import_unknown_reference", f"There is no {name} {id}.", field=f"{name}_id")
            return self.ids[id]
        if not typed:
            return None
        found = self.make(typed) if make else self.find(typed)
        if found is None:
            hint = "Import them first, or choose create_missing."
            raise CellProblem("import_unknown_reference", f"There is no {name} {typed[:80]}.", hint=hint, field=name)
        return found

    def make(self, typed: str, **values: Any) -> Any:
        """find(), or the row at this path, made with what is missing above it; `values` are the last one's."""
        row = self.find(typed)
        if row is not None:
            return row
        return self.make_below(None, self.parts(typed), **values)

    def make_below(self, row: Any | None, parts: Sequence[str], **values: Any) -> Any:
        """The row at this path from the top or below `row`, made with what is missing; `values` are the last one's."""
        for place, name in enumerate(parts, 1):
            known = self.children.get((row.pk if row else None, name))
            row = known or self._insert(name, row, values if place == len(parts) else {})
        return row

    def _insert(self, name: str, parent: Any, values: dict[str, Any]) -> Any:
        row = self.model(device=self.device, name=name, parent=parent, **values)
        insert_owned(row, actor=self.actor)
        self.made += 1
        self.remember(row)
        return row


def find_lots(device: Device, keys: Iterable[tuple[Product, str]]) -> dict[tuple[int, str], Lot]:
    """Lots by product and code; of offline twins the first one."""
    wanted = {(product.pk, code) for product, code in keys if product.pk is not None}
    found: dict[tuple[int, str], Lot] = {}
    if wanted:
        lots = Lot.objects.for_device(device).select_related("product")
        lots = lots.filter(product_id__in={pk for pk, _ in wanted}, code__in={code for _, code in wanted})
        for lot in lots.order_by("is_duplicate", "id"):
            found.setdefault((lot.product.pk, lot.code), lot)
    return found
