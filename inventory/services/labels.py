"""Labels: what is printed for products, locations, lots and devices, and with which code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from config.core.errors import FieldProblem
from devices.models import Device
from devices.services.owned import find_reference, refuse_reference
from inventory.errors import JobParameters, NoLabels, TooManyLabels
from inventory.formats.label_sheets import Label, Layout, draw_labels, zip_pages
from inventory.formats.labels import LabelKind, encode_label
from inventory.formats.symbols import LINEAR, Symbology, draw_symbol
from inventory.formats.zpl import write_zpl
from inventory.models import Barcode, Category, Location, Lot, Product
from inventory.reports.trees import Tree
from inventory.services import job_parameters as read
from inventory.services.artifacts import save_artifact
from inventory.services.job_kinds import Values
from inventory.services.job_parameters import Parameter
from inventory.services.job_runs import JobRun
from inventory.services.label_templates import Template, find_template

WHAT: dict[str, tuple[Any, LabelKind]] = {
    "products": (Product, LabelKind.PRODUCT),
    "locations": (Location, LabelKind.LOCATION),
    "lots": (Lot, LabelKind.LOT),
    "devices": (Device, LabelKind.DEVICE),
}
FORMATS = {"pdf": "application/pdf", "png": "image/png", "svg": "image/svg+xml", "zpl": "text/plain; charset=utf-8"}
FILTERS: dict[str, tuple[str, Any]] = {
    "category_id": ("products", Category),
    "location_id": ("locations", Location),
    "product_id": ("lots", Product),
}
MOST_LABELS = 1_000  # 0.4 MB of memory each
MOST_IMAGES = 100
MOST_COPIES, MOST_SKIPPED = 500, 500
NARROWEST = Decimal("0.19")  # mm of one module that a hand scanner still reads; finer becomes a QR
EDGES = 4  # mm that are kept clear beside a code
GS1_TEXT = re.compile(r"[!\"%&'*+,\-./0-9:;<=>?A-Z_a-z]{1,20}")  # without brackets: they part elements
PLAIN = re.compile(r"[\x20-\x7e]{1,60}")


@dataclass(frozen=True, slots=True)
class Row:
    """A row with what its label says; `gtin` and `barcode` are its product's."""

    kind: LabelKind
    row: Any
    texts: dict[str, str]
    gtin: str = ""
    barcode: str = ""


def parameters() -> dict[str, Parameter]:
    """What a job of kind `labels` takes."""
    return {
        "what": read.choice(*WHAT, about="What gets a label"),
        "ids": read.several(read.ident(), required=False, about="Which ones; without them all that the filter leaves"),
        "category_id": read.ident(required=False, about="Products of this category and below"),
        "location_id": read.ident(required=False, about="This location and those below"),
        "product_id": read.ident(required=False, about="Lots of this product"),
        "template": read.text(default="L7160", about="A built-in sheet or the id of a template"),
        "format": read.choice(*FORMATS, default="pdf", about="File format"),
        "copies": read.whole(least=1, most=MOST_COPIES, default=1, about="Of each label"),
        "skip": read.whole(most=MOST_SKIPPED, default=0, about="Places of the first sheet that are used up"),
    }


def check_labels(device: Device | None, values: Values) -> Values:
    """Raises ReferenceNotFound, JobParameters, NoLabels, TooManyLabels."""
    problems = [
        FieldProblem(name, "invalid", f"This narrows {what} down, nothing else.")
        for name, (what, _) in FILTERS.items()
        if name in values and values["what"] != what
    ]
    if device is None and values["what"] != "devices":
        problems.append(FieldProblem("what", "invalid", "These are of one device: ask for that device's labels."))
    template = find_template(values["template"], device=device)
    if values["skip"] >= template.layout.columns * template.layout.rows:
        problems.append(FieldProblem("skip", "invalid", "A sheet has fewer places."))
    if problems:
        raise JobParameters(f"`{problems[0].field}`: {problems[0].detail}", errors=problems)
    number = len(_wanted(device, values)) * values["copies"]
    if number == 0:
        raise NoLabels
    if number > MOST_LABELS:
        raise TooManyLabels(f"These are {number:,} labels; {MOST_LABELS:,} is the most.")
    pages = _pages(number, values["skip"], template.layout)
    if values["format"] in ("png", "svg") and pages > MOST_IMAGES:
        raise TooManyLabels(f"These are {pages:,} pages; {MOST_IMAGES} images is the most: take a PDF.")
    return values


def write_labels(run: JobRun) -> None:
    """Print what the job asks for into its artifact; result: {labels, pages, qr_instead}."""
    asked = run.parameters
    template = find_template(asked["template"], device=run.device)
    labels, instead = make_labels(_rows(run.device, asked), template)
    run.progress(total=len(labels) * asked["copies"], message=f"{len(labels):,} labels")
    suffix, content, pages = _print(labels, template.layout, asked)
    run.progress(len(labels) * asked["copies"], message="")
    run.result = {"labels": len(labels) * asked["copies"], "pages": pages, "qr_instead": instead}
    media_type = FORMATS.get(suffix, "application/zip")
    name = f"Labels {asked['what']} {template.name}.{suffix}"
    save_artifact(run, name=name, media_type=media_type, file=BytesIO(content), last=True)


def make_labels(rows: Iterable[Row], template: Template) -> tuple[list[Label], int]:
    """The labels, and how many have a QR because their row cannot be written in the template's symbology."""
    wanted = Symbology(template.symbology)
    found, instead = [], 0
    for row in rows:
        symbology, code, shown = _code(row, wanted, template.layout)
        instead += symbology != wanted
        lines = (row.texts.get(name, "") for name in template.texts)
        found.append(Label(symbology, code, shown, tuple(line for line in lines if line and line != shown)))
    return found, instead


def _print(labels: Sequence[Label], layout: Layout, asked: Values) -> tuple[str, bytes, int]:
    """(suffix, content, pages)."""
    form: Any = asked["format"]
    if form == "zpl":
        return "zpl", write_zpl(labels, layout, copies=asked["copies"]).encode(), len(labels) * asked["copies"]
    repeated = [label for label in labels for _ in range(asked["copies"])]
    fonts = Path(settings.PDF_FONTS) if settings.PDF_FONTS else None
    pages = draw_labels(repeated, layout, form=form, skip=asked["skip"], fonts=fonts)
    number = _pages(len(repeated), asked["skip"], layout)
    if len(pages) == 1:
        return form, pages[0], number
    return "zip", zip_pages(pages, suffix=form), number


def _pages(labels: int, skip: int, layout: Layout) -> int:
    return -(-(labels + skip) // (layout.columns * layout.rows))


def _code(row: Row, wanted: Symbology, layout: Layout) -> tuple[Symbology, str, str]:
    """The code in the wanted symbology where the row has one that fits and is read back, else our own in a QR."""
    code = {
        Symbology.QR: "",
        Symbology.EAN13: row.gtin[1:] if row.gtin.startswith("0") else "",
        Symbology.CODE128: row.barcode if PLAIN.fullmatch(row.barcode) else "",
        Symbology.GS1_DATAMATRIX: _gs1(row),
    }[wanted]
    if code and (wanted not in LINEAR or _is_wide_enough(wanted, code, layout)):
        return wanted, code, code
    return Symbology.QR, encode_label(row.kind, row.row.uuid), row.texts.get("code") or row.texts.get("sku", "")


def _is_wide_enough(symbology: Symbology, code: str, layout: Layout) -> bool:
    return layout.width - EDGES >= NARROWEST * draw_symbol(symbology, code).width


def _gs1(row: Row) -> str:
    if not row.gtin:
        return ""
    found = f"(01){row.gtin}"
    if row.kind != LabelKind.LOT:
        return found
    lot: Lot = row.row
    if not GS1_TEXT.fullmatch(lot.code):
        return ""
    if lot.expires_on:
        found += f"(17){lot.expires_on:%y%m%d}"
    return f"{found}({'21' if lot.kind == Lot.Kind.SERIAL else '10'}){lot.code}"


# --- Which rows -----------------------------------------------------------------------------------
def _wanted(device: Device | None, values: Values) -> list[Any]:
    """The rows, those of `ids` in their order. Raises ReferenceNotFound for an id that is not there."""
    model, _ = WHAT[values["what"]]
    rows = model.objects.all() if model is Device else model.objects.for_device(device)
    if model is Device and device is not None:
        rows = rows.filter(pk=device.pk)
    for name, (what, target) in FILTERS.items():
        if name in values and device is not None:
            named = find_reference(target, device=device, id=UUID(values[name]), field=name)
            rows = rows.filter(**_below(what, target, device, named))
    if "ids" not in values:
        return list(rows.order_by("name" if model is not Lot else "code", "pk")[: MOST_LABELS + 1])
    ids = [UUID(text) for text in values["ids"]]
    found = {row.uuid: row for row in rows.filter(uuid__in=ids)}
    return [found[uuid] if uuid in found else refuse_reference("ids") for uuid in ids]


def _below(what: str, target: Any, device: Device, named: Any) -> dict[str, Any]:
    if what == "lots":
        return {"product": named}
    return {"category__in" if what == "products" else "pk__in": Tree(target, device).below(named.pk)}


def _rows(device: Device | None, values: Values) -> list[Row]:
    """The rows with their texts and codes: a few queries, however many they are."""
    rows = _wanted(device, values)
    _, kind = WHAT[values["what"]]
    if kind == LabelKind.DEVICE or device is None:
        return [Row(kind, row, {"name": str(row), "device": str(row), "code": str(row.uuid)[-8:]}) for row in rows]
    if kind == LabelKind.LOCATION:
        places = Tree(Location, device)
        return [
            Row(kind, row, {"name": row.name, "path": places.path(row.pk), "code": row.code, "device": str(device)})
            for row in rows
        ]
    return _with_products(device, kind, rows)


def _with_products(device: Device, kind: LabelKind, rows: list[Any]) -> list[Row]:
    keys = {row.product_id if kind == LabelKind.LOT else row.pk for row in rows}
    products = Product.all_objects.in_bulk(keys)
    codes = _codes(device, keys)
    categories = Tree(Category, device)
    found = []
    for row in rows:
        product = products[row.product_id if kind == LabelKind.LOT else row.pk]
        gtin, barcode = codes.get(product.pk, ("", ""))
        texts = {
            "name": product.name,
            "sku": product.sku,
            "unit": product.unit,
            "category": categories.path(product.category_id),
            "device": str(device),
        }
        if kind == LabelKind.LOT:
            serial = row.kind == Lot.Kind.SERIAL
            texts |= {"lot": f"{'Serial' if serial else 'Lot'} {row.code}", "code": row.code}
            texts["expires_on"] = f"Expires {row.expires_on}" if row.expires_on else ""
        else:
            texts["code"] = ""
        found.append(Row(kind, row, texts, gtin, barcode if kind == LabelKind.PRODUCT else ""))
    return found


def _codes(device: Device, products: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Product → its GTIN and its first barcode, those of one unit before those of more.

    A GTIN counts where its check digit is right and a scan of it finds this product, not another one first.
    """
    every = Barcode.objects.for_device(device).filter(is_duplicate=False)
    own = list(every.filter(product__in=products).order_by("quantity", "pk"))
    gtins = {barcode.gtin for barcode in own if barcode.check_digit_ok}
    owners = dict(every.filter(gtin__in=gtins).order_by("-pk").values_list("gtin", "product"))  # the first comes last
    found: dict[int, tuple[str, str]] = {}
    for barcode in own:
        gtin, value = found.get(barcode.product_id, ("", ""))
        usable = barcode.check_digit_ok and owners.get(barcode.gtin) == barcode.product_id
        found[barcode.product_id] = (gtin or (barcode.gtin if usable else ""), value or barcode.value)
    return found
