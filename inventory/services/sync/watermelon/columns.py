"""Columns as WatermelonDB knows them: text, number, boolean; and back to what our own wire says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import models

from config.core.errors import BadRequest
from config.core.quantities import MAX_QUANTITY, PLACES, QuantityField
from config.core.wire import decode_json, mend_text, to_json, uuid_of, wire_time
from devices.models import DeviceOwnedModel
from inventory.services.sync.tables import Table

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
FARTHEST = Decimal(200_000_000_000_000)  # ms from 1970; beyond it no calendar reaches
NOISE = Decimal("1e-9")  # what binary fractions add: 0.1 + 0.2 = 0.30000000000000004
STEP = Decimal(1).scaleb(-PLACES)
# The ids that the library makes by itself are 16 letters and digits: exactly the 16 bytes of a UUID. Real
# UUIDs have a byte ≥ 0x80 (their variant), so the two never meet.
OWN_ID = re.compile(rb"[A-Za-z0-9]{16}")


class Unusable(Exception):
    """A value of the wrong type."""


def read_id(text: str) -> UUID | None:
    """The UUID that an id of the client stands for; None where it is neither a UUID nor made by the library."""
    raw = text.encode()
    return UUID(bytes=raw) if OWN_ID.fullmatch(raw) else uuid_of(text)


def show_id(uuid: UUID) -> str:
    """The id as the client knows it."""
    return uuid.bytes.decode() if OWN_ID.fullmatch(uuid.bytes) else str(uuid)


def milliseconds(moment: datetime) -> int:
    """Since 1970, cut off, as JavaScript counts."""
    return (moment - EPOCH) // MILLISECOND


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `show` makes the client's value, `take` makes ours (as in a REST body) of the client's."""

    name: str
    path: str  # to read it with values_list()
    writable: bool
    field: Any
    show: Callable[[Any], Any]
    take: Callable[[Any], Any]

    def fit(self, value: Any) -> Any:
        """What there is room for: text cut to the column's length, a quantity rounded to 6 decimals."""
        if isinstance(value, str) and self.take is _take_text:
            return value[: self.field.max_length]
        return value.quantize(STEP) if self.take is _take_number and value is not None else value

    @property
    def must_be_text(self) -> bool:
        """A text that may not be left out."""
        return bool(self.take is _take_text and not self.field.blank and not self.field.has_default())

    def same(self, raw: Any, value: Any) -> bool:
        """Whether the client's value is what it would be shown for ours."""
        try:
            return bool(self.take(raw) == self.take(self.show(value)))
        except Unusable:
            return False


@dataclass(frozen=True)
class Layout:
    """A synced table as a WatermelonDB table: every wire column but those that only our own protocols need."""

    table: Table
    names: tuple[str, ...]
    writable: frozenset[str]

    @cached_property
    def columns(self) -> dict[str, Column]:
        return {name: _column(self.table, name, name in self.writable) for name in self.names}

    @cached_property
    def targets(self) -> Mapping[str, type[DeviceOwnedModel]]:
        """`product_id` → the model it refers to, of the columns that a client may write."""
        found = {}
        for reference in self.table.references:
            if f"{reference}_id" in self.writable:
                found[f"{reference}_id"] = self.table.model._meta.get_field(reference).related_model
        return found  # type: ignore[return-value]  # a foreign key has one

    @cached_property
    def tree(self) -> str:
        """The column that makes a tree of the table (`parent_id`), or ""."""
        return next((name for name, model in self.targets.items() if model is self.table.model), "")

    @cached_property
    def code(self) -> str:
        """The field that is unique in the device (`sku`, `value`, `code`), or ""."""
        unique = [c for c in self.table.model._meta.constraints if isinstance(c, models.UniqueConstraint)]
        return next((c.fields[-1] for c in unique if c.violation_error_code), "")


def _column(table: Table, name: str, writable: bool) -> Column:
    if name in table.reference_names:
        reference = name.removesuffix("_id")
        field = table.model._meta.get_field(reference)
        return Column(name, f"{reference}__uuid", writable, field, _show_reference, _take_reference)
    field = table.model._meta.get_field(name)
    show, take = next(pair for kind, *pair in KINDS if isinstance(field, kind))
    return Column(name, name, writable, field, show, take)


def _as_it_is(value: Any) -> Any:
    return value


def _show_reference(value: UUID | None) -> str | None:
    return None if value is None else show_id(value)


def _show_moment(value: datetime | None) -> int | None:
    return None if value is None else milliseconds(value)


def _show_date(value: Any) -> str | None:
    return None if value is None else str(value)


def _show_json(value: Any) -> str:
    return to_json(value).decode()


def _take_text(raw: Any) -> Any:
    if raw is None or isinstance(raw, str):
        return raw or ""
    raise Unusable


def _take_reference(raw: Any) -> str | None:
    if raw is None or raw == "":
        return None
    found = read_id(raw) if isinstance(raw, str) else None
    if found is None:
        raise Unusable
    return str(found)


def _take_number(raw: Any) -> Any:
    """Without the noise of binary fractions."""
    if raw is None:
        return None
    exact = _number(raw, most=MAX_QUANTITY)
    rounded = exact.quantize(STEP)
    return rounded if abs(rounded - exact) < NOISE else exact


def _number(raw: Any, *, most: Decimal) -> Decimal:
    if not isinstance(raw, int | Decimal) or isinstance(raw, bool) or abs(number := Decimal(raw)) > most:
        raise Unusable
    return number


def _take_whole(raw: Any) -> Any:
    if raw is None or (isinstance(raw, int | Decimal) and not isinstance(raw, bool)):
        return raw
    raise Unusable


def _take_flag(raw: Any) -> bool | None:
    if raw is None or isinstance(raw, bool):
        return raw
    if raw in (0, 1):
        return bool(raw)
    raise Unusable


def _take_moment(raw: Any) -> str | None:
    if raw is None:
        return None
    return wire_time(EPOCH + int(_number(raw, most=FARTHEST)) * MILLISECOND)


def _take_date(raw: Any) -> str | None:
    if raw is None or isinstance(raw, str):
        return raw or None
    raise Unusable


def _take_json(raw: Any) -> Any:
    if not isinstance(raw, str) or not raw:
        return raw or None
    try:
        return mend_text(decode_json(raw.encode()))
    except BadRequest:
        raise Unusable from None


KINDS: tuple[tuple[Any, Callable[[Any], Any], Callable[[Any], Any]], ...] = (
    (QuantityField, _as_it_is, _take_number),
    (models.DateTimeField, _show_moment, _take_moment),
    (models.DateField, _show_date, _take_date),
    (models.BooleanField, _as_it_is, _take_flag),
    (models.JSONField, _show_json, _take_json),
    (models.IntegerField, _as_it_is, _take_whole),
    (models.Field, _as_it_is, _take_text),
)
