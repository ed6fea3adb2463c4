"""Mending: what a client pushed is read leniently, since a refusal would stop its sync for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

from config.core.errors import Invalid
from devices.models import Device
from inventory.models import LabelTemplate, StockMovement
from inventory.services.sync.tables import Values
from inventory.services.sync.watermelon.columns import Column, Layout, Unusable

Kind = StockMovement.Kind
NAMELESS = UUID("0192f0c4-5d0e-7a51-8a3d-6f1f0c0de002")  # namespace of the parents that no id was given for


@dataclass(slots=True)
class Mended:
    """A pushed row: `values` as services take them, `wire` as a REST body has them, `reasons` for what was altered."""

    values: Values = field(default_factory=dict)
    wire: Values = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    def drop(self, name: str, reason: str) -> None:
        """Leave a column out: its default counts, or what is stored. Without a reason it is nothing to look at."""
        self.values.pop(name, None)
        self.wire.pop(name, None)
        self.reasons += [f"{name}: {reason}"] if reason else []


def mend_row(layout: Layout, raw: Mapping[str, Any], *, device: Device) -> Mended:
    """What is usable of the writable columns of one pushed row; `_status`, `_changed` and unknown ones are ignored."""
    found = Mended()
    for column in layout.columns.values():
        if column.writable and column.name in raw:
            _take(found, layout, column, raw[column.name])
    found.values = _read(found, layout, device)
    if layout.table.model is StockMovement:
        _mend_movement(found)
    return found


def _read(found: Mended, layout: Layout, device: Device) -> Values:
    """What the table's shape makes of the row, without the columns that it refuses."""
    while found.wire:
        try:
            return layout.table.shape.read(found.wire, device=device, partial=True)
        except Invalid as invalid:
            named = {problem.field.partition(".")[0] for problem in invalid.errors}
            for name in sorted(named & set(found.wire) or set(found.wire)):
                found.drop(name, "" if _is_unset(layout.columns[name], found.wire[name]) else "not valid")
    return {}


def _is_unset(column: Column, value: Any) -> bool:
    """Whether the app set nothing: the library knows no default but "" and 0."""
    return bool(column.field.has_default() and value in ("", 0))


def _take(found: Mended, layout: Layout, column: Column, raw: Any) -> None:
    try:
        value = column.take(raw)
    except Unusable:
        value = None
        found.reasons.append(f"{column.name}: not valid")
        if not (column.field.null and column.name in layout.targets):
            return  # the default counts, or what is stored; a reference that leads nowhere becomes null
    if value is None and not column.field.null:
        return
    fitting = column.fit(value)
    if fitting != value:
        found.reasons.append(f"{column.name}: too long, cut")
    found.wire[column.name] = fitting


def name_the_nameless(layout: Layout, mended: Mended, id: UUID) -> None:
    """A new row needs its required texts, and a parent if it cannot be without one."""
    for column in layout.columns.values():
        if column.name in mended.values or not column.writable:
            continue
        if column.must_be_text and not layout.table.fact:
            mended.values[column.name] = f"Unnamed {str(id)[-8:]}"
            mended.reasons.append(f"{column.name}: missing")
        elif column.name in layout.targets and not column.field.null:
            mended.values[column.name] = uuid5(NAMELESS, column.name)
            mended.reasons.append(f"{column.name}: missing")


def _mend_movement(found: Mended) -> None:
    """A kind that does not fit its sides follows from them; `count` is the server's own, so it is an adjustment."""
    values = found.values
    source, target = values.get("from_location_id"), values.get("to_location_id")
    fits: dict[Any, bool] = {
        Kind.RECEIPT: source is None,
        Kind.ISSUE: target is None,
        Kind.TRANSFER: None not in (source, target),
        Kind.ADJUSTMENT: (source is None) != (target is None),
    }
    if fits.get(values.get("kind")) or (source is None and target is None):
        return
    values["kind"] = Kind.TRANSFER if None not in (source, target) else Kind.ADJUSTMENT
    found.reasons.append(f"kind: read as {values['kind']} from its sides")


def cannot_be_stored(layout: Layout, values: Values) -> bool:
    """What nothing can stand in for is missing, or a movement leads nowhere: kept as evidence alone."""
    if layout.table.model is LabelTemplate:
        return not {"width", "height"} <= set(values)
    if layout.table.model is not StockMovement:
        return False
    same = values.get("from_location_id") is not None and values["from_location_id"] == values.get("to_location_id")
    return same or not {"kind", "quantity"} <= set(values)
