"""Goods: the products and lots that lines of facts are about; what is named and not there is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from inventory.models import Lot, Product
from inventory.services.imports.chunks import Chunk
from inventory.services.imports.codes import product_of, products_of
from inventory.services.imports.fields import CellProblem
from inventory.services.imports.lines import Line
from inventory.services.imports.references import Products, find_lots
from inventory.services.imports.subtotals import is_total

MAX_SKU = 100


class Goods:
    """The products that the lines of a chunk name, and their lots."""

    def __init__(self, chunk: Chunk, lines: Sequence[Line], *, names: Mapping[str, str] | None = None) -> None:
        """`names`: what a product is called that no line names."""
        self.chunk, self.options = chunk, chunk.options
        self.known: Products = products_of(chunk, lines)
        self.names = names or {}
        self._lots: dict[tuple[int, str], Lot] = {}

    def is_named(self, line: Line) -> bool:
        """Whether a line says which product it is about."""
        name = line.get("product_name") if self.options.match == "name" else ""
        return bool(line.get("product") or line.get("product_id") or (name and not is_total(name)))

    def leave_out_unnamed(self, line: Line) -> None:
        """A line that names no product: a subtotal is skipped. Raises CellProblem where it is about something."""
        named = line.get("product_name") or line.get("note")
        if named and not is_total(named):
            raise CellProblem("import_no_code", "There is no code.", field="product")
        self.chunk.skip(line, "import_no_code", "There is no code: a subtotal, or a line of text.")

    def product(self, line: Line) -> Product:
        """The product of a line, made where it is missing and may be. Raises CellProblem."""
        try:
            found: Product = product_of(self.known, line)
        except CellProblem:
            if line.get("product_id") or not self.options.create_missing:
                raise
            found = self._make(line)
        return found

    def _make(self, line: Line) -> Product:
        """A product for an unknown code, inserted with the others of the chunk."""
        code = line.get("product")
        if len(code) > MAX_SKU:
            raise CellProblem(
                "import_too_long", f"The code has {len(code)} characters; 100 is the most.", field="product"
            )
        name = line.get("product_name") or self.names.get(code) or code
        product = Product(device=self.chunk.device, sku=code, name=name[:300])
        self.chunk.add(product)
        self.chunk.made_codes.add(code or name)
        self.known.codes.add(product, barcode="", sku=code)
        self.known.names.setdefault(name, product)
        return product

    def find_lots(self, named: Iterable[tuple[Line, Product]]) -> None:
        """Look up the lots of lines whose products are stored."""
        self._lots = find_lots(
            self.chunk.device, [(product, code) for line, product in named if (code := lot_code(line))]
        )

    def lot(self, line: Line, product: Product) -> Lot | None:
        """The lot of a line, after find_lots(); made where it is missing and may be, inserted with the others.

        Raises CellProblem.
        """
        code = lot_code(line)
        if not code:
            return None
        lot = self._lots.get((product.pk, code))
        if lot is None and not self.options.create_missing:
            hint = "Import the lots first, or choose create_missing."
            raise CellProblem("import_unknown_reference", f"There is no lot {code[:80]}.", hint=hint, field="lot")
        if lot is None:
            lot = Lot(
                device=self.chunk.device,
                product=product,
                code=code,
                kind=Lot.Kind.SERIAL if line.get("serial") else Lot.Kind.LOT,
                expires_on=line.get("expires_on", None),
            )
            self._lots[product.pk, code] = lot
            self.chunk.add(lot)
            self.chunk.made["lots"] += 1
        return lot


def lot_code(line: Line) -> str:
    """The serial number or the lot that a line names, "" where it names none."""
    code: str = line.get("serial") or line.get("lot")
    return code
