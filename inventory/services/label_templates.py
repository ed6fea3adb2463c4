"""Label templates: created, changed, deleted, restored; and the sheets that everybody has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from uuid_utils.compat import uuid7

from config.core.wire import uuid_of
from devices.actors import Actor
from devices.models import Device
from devices.services.owned import (
    change_owned,
    delete_owned,
    insert_owned,
    lock_device,
    lock_owned,
    refuse_reference,
    restore_owned,
    writable,
)
from inventory.errors import LabelSheet
from inventory.formats.label_sheets import Layout
from inventory.models import LabelTemplate

LENGTHS = ("page_width", "page_height", "width", "height", "margin_left", "margin_top", "gap_x", "gap_y")
FIELDS = frozenset({*LENGTHS, "name", "columns", "rows", "symbology", "texts"})
TEXTS = ("name", "sku", "unit", "category", "path", "code", "lot", "expires_on", "device")
USUAL = ("name", "sku", "path", "code", "lot", "expires_on")
ZERO = Decimal(0)
LONGEST = 450  # mm of a page: A3 and some more


@dataclass(frozen=True, slots=True)
class Template:
    """What labels are printed with: a row's, or a built-in one."""

    name: str
    layout: Layout
    symbology: str = "qr"
    texts: tuple[str, ...] = USUAL


def _sheet(name: str, page: str, size: str, grid: tuple[int, int], gaps: tuple[str, str]) -> Template:
    """A sheet whose grid lies in the middle of the page, as the usual ones do."""
    (page_width, page_height), (width, height) = (
        (Decimal(length) for length in text.split("x")) for text in (page, size)
    )
    (columns, rows), (gap_x, gap_y) = grid, (Decimal(gap) for gap in gaps)
    left = (page_width - columns * width - (columns - 1) * gap_x) / 2
    top = (page_height - rows * height - (rows - 1) * gap_y) / 2
    return Template(name, Layout(page_width, page_height, width, height, columns, rows, left, top, gap_x, gap_y))


def _roll(name: str, width: int, height: int) -> Template:
    size = (Decimal(width), Decimal(height))
    return Template(name, Layout(*size, *size))


BUILT_IN = {
    template.name: template
    for template in (
        _sheet("L7160", "210x297", "63.5x38.1", (3, 7), ("2.5", "0")),
        _sheet("L7163", "210x297", "99.1x38.1", (2, 7), ("2.5", "0")),
        _sheet("L7651", "210x297", "38.1x21.2", (5, 13), ("2.5", "0")),
        _sheet("5160", "215.9x279.4", "66.675x25.4", (3, 10), ("3.175", "0")),
        _sheet("5163", "215.9x279.4", "101.6x50.8", (2, 5), ("4.7625", "0")),
        _roll("roll-57x32", 57, 32),
        _roll("roll-100x50", 100, 50),
    )
}


def find_template(name: str, *, device: Device | None) -> Template:
    """A built-in template by its name, or one of the device by its id. Raises ReferenceNotFound."""
    if name in BUILT_IN:
        return BUILT_IN[name]
    uuid = uuid_of(name)
    row: LabelTemplate | None = LabelTemplate.objects.by_uuid(device, uuid) if device and uuid else None
    if row is None:
        refuse_reference("template")
    return Template(row.name, layout_of(row), row.symbology, tuple(row.texts))


def on_its_sheet(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a new row, for a batch of them. Raises LabelSheet."""
    found = {"texts": list(USUAL), **values}
    _refuse_outside(LabelTemplate(**found))
    return found


def layout_of(row: LabelTemplate) -> Layout:
    """The grid of a row."""
    lengths = {name: Decimal(getattr(row, name)) for name in LENGTHS}
    return Layout(columns=row.columns, rows=row.rows, **lengths)


@transaction.atomic
def create_label_template(
    *,
    device: Device,
    actor: Actor,
    name: str,
    width: Decimal,
    height: Decimal,
    page_width: Decimal = Decimal(210),
    page_height: Decimal = Decimal(297),
    columns: int = 1,
    rows: int = 1,
    margin_left: Decimal = ZERO,
    margin_top: Decimal = ZERO,
    gap_x: Decimal = ZERO,
    gap_y: Decimal = ZERO,
    symbology: str = "qr",
    texts: Sequence[str] = USUAL,
    id: UUID | None = None,
) -> LabelTemplate:
    """Raises LabelSheet where the labels do not lie on the sheet, IdAlreadyUsed."""
    lock_device(device)
    row = LabelTemplate(
        device=device,
        uuid=id or uuid7(),
        name=name,
        width=width,
        height=height,
        page_width=page_width,
        page_height=page_height,
        columns=columns,
        rows=rows,
        margin_left=margin_left,
        margin_top=margin_top,
        gap_x=gap_x,
        gap_y=gap_y,
        symbology=symbology,
        texts=list(texts),
    )
    _refuse_outside(row)
    return insert_owned(row, actor=actor)


@transaction.atomic
def update_label_template(
    template: LabelTemplate, *, actor: Actor, changes: Mapping[str, Any], expected_revision: int | None = None
) -> LabelTemplate:
    """Raises NotFound, RevisionMismatch, LabelSheet."""
    current, revision = lock_owned(template, expected_revision=expected_revision)
    values = writable(changes, FIELDS)
    changed = LabelTemplate(**{name: values.get(name, getattr(current, name)) for name in FIELDS})
    _refuse_outside(changed)
    return change_owned(current, revision=revision, actor=actor, changes=values)


@transaction.atomic
def delete_label_template(
    template: LabelTemplate, *, actor: Actor, expected_revision: int | None = None
) -> LabelTemplate:
    """Raises NotFound, RevisionMismatch."""
    current, revision = lock_owned(template, expected_revision=expected_revision)
    return delete_owned(current, revision=revision, actor=actor)


@transaction.atomic
def restore_label_template(
    template: LabelTemplate, *, actor: Actor, expected_revision: int | None = None
) -> LabelTemplate:
    """Raises NotDeleted."""
    current, revision = lock_owned(template, expected_revision=expected_revision, deleted=True)
    return restore_owned(current, revision=revision, actor=actor)


def _refuse_outside(row: LabelTemplate) -> None:
    layout = layout_of(row)
    if max(layout.page_width, layout.page_height) > LONGEST or not layout.fits():
        raise LabelSheet
