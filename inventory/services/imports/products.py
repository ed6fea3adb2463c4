"""Products of a file: a line is known by its code; see docs/imports.md for what it may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from inventory.formats.gtin import has_valid_check_digit
from inventory.models import Barcode, Category, Product
from inventory.services.barcodes import gtin_fields
from inventory.services.imports import fields
from inventory.services.imports.chunks import NO_NOTE, Chunk, Note
from inventory.services.imports.fields import CellProblem, Field
from inventory.services.imports.kinds import ImportKind
from inventory.services.imports.lines import Line
from inventory.services.imports.references import Products, Tree

ATTRIBUTE = fields.text(500)
EXTRAS = (
    Field("generic_name", "Generic name", ATTRIBUTE, ("genericname",)),
    Field("brands", "Brands", ATTRIBUTE, ("brands", "brand", "manufacturer", "vendor")),
    Field("quantity", "Net content", ATTRIBUTE, ("quantity", "netcontent", "size")),
    Field("categories", "Categories", ATTRIBUTE, ("categories", "maincategory", "maincategoryfr")),
    Field("packaging", "Packaging", ATTRIBUTE, ("packaging",)),
    Field("labels", "Labels", ATTRIBUTE, ("labels",)),
    Field("origins", "Origins", ATTRIBUTE, ("origins", "origin")),
    Field("allergens", "Allergens", ATTRIBUTE, ("allergens",)),
    Field("stores", "Stores", ATTRIBUTE, ("stores",)),
    Field("countries", "Countries", ATTRIBUTE, ("countries", "countriesfr")),
    Field("url", "Web page", ATTRIBUTE, ("url",)),
    Field("image_url", "Picture", ATTRIBUTE, ("imageurl", "productimage")),
)
FIELDS = (
    Field("id", "Id", fields.wire_id, ("id",)),
    Field("barcode", "Barcode", fields.code(200),
          ("barcode", "barcodeid", "code", "gtin", "ean", "ean13", "eancode", "upc")),
    Field("sku", "SKU", fields.code(100),
          ("sku", "stockcode", "itemcode", "productcode", "articlenumber", "partnumber")),
    Field("name", "Name", fields.text(300), ("productname", "name", "title", "description")),
    Field("unit", "Unit", fields.text(20), ("unit", "unitofmeasure", "uom")),
    Field("notes", "Notes", fields.text(10_000), ("notes",), blank=""),
    Field("is_active", "Active", fields.flag, ("isactive", "active")),
    Field("reorder_level", "Reorder level", fields.amount,
          ("reorderlevel", "minimumstock", "minquantity", "minamount"), blank=None),
    Field("unit_cost", "Unit cost", fields.amount,
          ("unitcost", "costprice", "standardcost", "purchasecost"), blank=None),
    Field("category", "Category (path)", fields.text(1000), ("category",), blank=None),
    Field("category_id", "Category (id)", fields.wire_id, ("categoryid",), blank=None),
    Field("attributes", "Attributes (JSON)", fields.attributes, ("attributes",)),
    Field("is_duplicate", "Is an offline twin", fields.flag, ("isduplicate",)),
)  # fmt: skip
MAX_SKU = 100
SHORT, LONG, LEAST = 8, 13, 6  # digits: EAN-8, EAN-13, and what may be one without its zeros
PLAIN = ("name", "unit", "notes", "is_active", "reorder_level", "unit_cost")


def key(line: Line) -> str:
    """What a line is known by: its id, else its barcode, else its SKU."""
    return str(line.get("id", "") or line.get("barcode") or line.get("sku"))


def work(chunk: Chunk, lines: Sequence[Line]) -> None:
    """New codes become products, known ones are changed as the options say."""
    shelf = _Shelf(chunk, lines)
    for line in lines:
        shelf.sort_out(line)
    if shelf.categories is not None and shelf.categories.made:
        chunk.made["categories"] += shelf.categories.made


class _Shelf:
    """What the lines of one chunk are compared with."""

    def __init__(self, chunk: Chunk, lines: Sequence[Line]) -> None:
        self.chunk, self.by_name = chunk, chunk.options.match == "name"
        device = chunk.device
        codes = {line.get(name) for line in lines for name in ("barcode", "sku") if line.get(name)}
        names = {line.get("name") for line in lines if line.get("name")} if self.by_name else set()
        ids = {line.get("id") for line in lines if line.get("id")}
        self.products = Products(device, codes=codes, ids=ids, names=names)
        gone = Product.all_objects.for_device(device).deleted().filter(uuid__in=ids) if ids else []
        self.gone = {product.uuid for product in gone}
        self.categories: Tree | None = None
        if any(line.get("category") or line.get("category_id") for line in lines):
            self.categories = Tree(Category, device, chunk.actor, separator=chunk.options.path_separator)

    def sort_out(self, line: Line) -> None:
        """Decide what one line does."""
        chunk = self.chunk
        if not (key(line) or self.by_name):
            self._without_code(line)
            return
        try:
            product = self._find(line)
            if product is None and not self._name(line):
                raise CellProblem("import_no_name", "There is no name.", field="name")
            self._write(line, product, self._values(line))
        except CellProblem as problem:
            chunk.refuse_for(line, problem)

    def _without_code(self, line: Line) -> None:
        if line.get("name"):
            self.chunk.refuse(line, "import_no_code", "There is no code.", "Or choose match=name.")
        else:
            self.chunk.skip(line, "import_no_code", "There is no code: a subtotal, or a line of text.")

    def _find(self, line: Line) -> Product | None:
        """The product that a line is about. Raises CellProblem where it is about two, or a deleted one."""
        found, barcode, sku, id = self.products, line.get("barcode"), line.get("sku"), line.get("id")
        if id and id in self.gone:
            raise CellProblem("import_deleted", "This product is deleted.", hint="Restore it first.", field="id")
        if line.get("is_duplicate"):
            return found.ids.get(id)
        by_code = found.codes.by_barcode(barcode), found.codes.by_sku(sku or barcode)
        several = [product for product in (found.ids.get(id), *by_code) if product is not None]
        if any(product is not several[0] for product in several) or (several and id and id not in found.ids):
            detail = f"{id or f'Barcode {barcode}'} and SKU {sku or barcode} are two different products here."
            raise CellProblem("import_two_products", detail, hint="Correct one of them.", field="sku")
        if not several and not key(line):
            return found.names.get(line.get("name"))
        return several[0] if several else None

    def _name(self, line: Line) -> str:
        barcode = line.get("barcode")
        name: str = line.get("name") or line.attributes.get("brands") or barcode or line.get("sku")
        return name

    def _write(self, line: Line, product: Product | None, values: dict[str, Any]) -> None:
        chunk, barcode = self.chunk, line.get("barcode")
        new_barcode = bool(barcode) and self.products.codes.by_barcode(barcode) is None
        if product is None:
            product = Product(device=chunk.device, **({"uuid": line.get("id")} if line.get("id") else {}), **values)
            chunk.create(line, product, self._note(product, barcode))
            self.products.names.setdefault(product.name, product)
        else:
            chunk.change(line, product, self._changes(line, product, values), also=new_barcode)
        if new_barcode:
            chunk.add_later(partial(_barcode, product, barcode))
        self.products.codes.add(product, barcode=barcode, sku=product.sku)

    def _values(self, line: Line) -> dict[str, Any]:
        """What a line says about its product; a new one is made of it, with its defaults for the rest."""
        values = {name: line.values[name] for name in PLAIN if name in line.values}
        values["name"] = self._name(line)
        values["sku"] = line.get("sku") or ("" if line.get("id") else line.get("barcode"))
        if len(values["sku"]) > MAX_SKU:
            detail = f"As SKU the barcode has {len(values['sku'])} characters; {MAX_SKU} is the most."
            raise CellProblem("import_too_long", detail, field="barcode")
        values["attributes"] = {**line.get("attributes", {}), **line.attributes}
        if line.get("is_duplicate"):
            values["is_duplicate"] = True
        if self.categories is not None and (line.get("category_id") or line.get("category")):
            values["category"] = self.categories.refer(line, "category", make=self.chunk.options.create_missing)
        elif {"category", "category_id"} & line.values.keys():
            values["category"] = None  # cleared
        return values

    def _changes(self, line: Line, product: Product, values: Mapping[str, Any]) -> dict[str, Any]:
        """What may be written over what is stored."""
        chunk, attributes, known = self.chunk, values["attributes"], product.attributes
        says = {name: value for name, value in values.items() if name in line.values or name == "category"}
        says.pop("attributes", None)
        if chunk.options.existing == "update":
            if attributes or line.cleared:
                merged = {**known, **attributes}
                says["attributes"] = {entry: merged[entry] for entry in merged if entry not in line.cleared}
            return says
        name = says.pop("name", values["name"])
        changes = chunk.wanted(product, says)
        if chunk.options.existing == "fill":
            if product.name == product.sku and name != key(line):
                changes["name"] = name  # it was only its code
            if missing := {entry: text for entry, text in attributes.items() if entry not in known}:
                changes["attributes"] = {**known, **missing}
        differs = any(entry in known for entry in line.cleared)
        chunk.differing += (
            differs
            or name not in (changes.get("name", product.name), key(line))
            or any(changes.get("attributes", known).get(entry) != text for entry, text in attributes.items())
        )
        return changes

    def _note(self, product: Product, barcode: str) -> Note:
        other = self.chunk.run.case_twin(product.sku)
        if other:
            return ("import_case_differs", f"There is a product {other}: the codes differ by case alone.", "")
        padded = _with_lost_zeros(barcode)
        if padded:
            return ("import_zeros_lost", f"{barcode} may be {padded} without its leading zeros.", f"Import {padded}.")
        return NO_NOTE


def _barcode(product: Product, value: str) -> Barcode:
    return Barcode(device=product.device, product=product, value=value, **gtin_fields(value))


def _with_lost_zeros(barcode: str) -> str:
    """The GTIN that a code of too few digits may have been, if its check digit says so."""
    if not barcode.isascii() or not barcode.isdigit() or has_valid_check_digit(barcode):
        return ""
    padded = barcode.zfill(SHORT if len(barcode) <= SHORT else LONG)
    return padded if len(barcode) >= LEAST and padded != barcode and has_valid_check_digit(padded) else ""


PRODUCTS = ImportKind(
    name="products",
    title="Products",
    fields=FIELDS,
    needs=(("barcode", "sku", "id"),),
    needs_by_name=(("name",),),
    work=work,
    key=key,
    extras=EXTRAS,
)
