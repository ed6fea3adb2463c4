"""Keyset pages: `cursor=` names the last row seen, so page 10,000 costs what page 1 costs and no row is skipped."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.expressions import OrderBy
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from config.core.errors import AppError, BadPage
from config.core.quantities import plain
from config.core.wire import parse_json, to_json

MAX_CURSOR = 8000
FORWARD, BACKWARD = "f", "b"


@dataclass(frozen=True, slots=True)
class Key:
    """One term of the order; rows without a value come last, whatever the direction and the engine."""

    name: str
    descending: bool
    nullable: bool

    def after(self, value: Any, *, backward: bool) -> models.Q:
        """Rows that this term puts behind `value` (before it, when `backward`)."""
        given = models.Q(**{f"{self.name}__isnull": False})
        if value is None:
            return given if backward else models.Q(pk__in=[])
        lookup = "lt" if self.descending is not backward else "gt"
        beyond = models.Q(**{f"{self.name}__{lookup}": value})
        return beyond | ~given if self.nullable and not backward else beyond

    def same(self, value: Any) -> models.Q:
        """Rows that this term does not tell from `value`."""
        return models.Q(**{f"{self.name}__isnull": True} if value is None else {self.name: value})

    def order(self, *, backward: bool) -> OrderBy:
        term = models.F(self.name)
        first, last = (True, None) if backward else (None, True)
        places = {"nulls_first": first, "nulls_last": last} if self.nullable else {}
        return term.desc(**places) if self.descending is not backward else term.asc(**places)


def keys_of(queryset: models.QuerySet[Any]) -> list[Key]:
    """The terms that a queryset is ordered by."""
    found = []
    for term in queryset.query.order_by:
        if isinstance(term, OrderBy):
            column: Any = term.expression  # F() of a column
            name, descending = column.name, term.descending
        else:
            name, descending = str(term).removeprefix("-"), str(term).startswith("-")
        field: Any = queryset.model._meta.get_field(name)
        found.append(Key(name, descending, field.null))
    return found


class CursorPages:
    """Start with `cursor=` empty, follow `next`. There is no count: it would cost what the cursor saves."""

    def paginate(self, queryset: models.QuerySet[Any], request: Request, limit: int) -> list[Any]:
        self.request, self.keys = request, keys_of(queryset)
        backward, values = self._read(request.query_params["cursor"], queryset.model)
        if values is not None:
            queryset = queryset.filter(self._beyond(values, backward=backward))
        ordered = queryset.order_by(*(key.order(backward=backward) for key in self.keys))
        rows = list(ordered[: limit + 1])
        self.rows, more = rows[:limit], len(rows) > limit
        if backward:
            self.rows.reverse()
        self.has_next = bool(self.rows) and (more or backward)
        self.has_previous = bool(self.rows) and (more if backward else values is not None)
        return self.rows

    def get_next_link(self) -> str | None:
        return self._link(FORWARD, self.rows[-1]) if self.has_next else None

    def get_previous_link(self) -> str | None:
        return self._link(BACKWARD, self.rows[0]) if self.has_previous else None

    def _beyond(self, values: list[Any], *, backward: bool) -> models.Q:
        found = models.Q(pk__in=[])
        same = models.Q()
        for key, value in zip(self.keys, values, strict=True):
            found |= same & key.after(value, backward=backward)
            same &= key.same(value)
        return found

    def _link(self, direction: str, row: Any) -> str:
        values = [_wire(getattr(row, key.name)) for key in self.keys]
        raw = to_json([direction, self._order(), values])
        cursor = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        return replace_query_param(self.request.build_absolute_uri(), "cursor", cursor)

    def _order(self) -> list[str]:
        return [("-" if key.descending else "") + key.name for key in self.keys]

    def _read(self, cursor: str, model: type[models.Model]) -> tuple[bool, list[Any] | None]:
        """(backward, the values of the row to go on from). Raises BadPage for what this list did not give out."""
        if not cursor:
            return False, None
        try:
            if len(cursor) > MAX_CURSOR:
                raise ValueError
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            direction, order, given = parse_json(raw)
            if direction not in (FORWARD, BACKWARD) or order != self._order():
                raise ValueError
            values = [_read_value(model, key, value) for key, value in zip(self.keys, given, strict=True)]
        except (AppError, ValueError, TypeError, OverflowError, binascii.Error, ValidationError):
            raise BadPage("This cursor cannot be read here; start again with an empty one.") from None
        return direction == BACKWARD, values


def _wire(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    return value.isoformat() if isinstance(value, date | datetime) else value


def _read_value(model: type[models.Model], key: Key, value: Any) -> Any:
    field: Any = model._meta.get_field(key.name)
    if value is None:
        if not key.nullable:
            raise ValueError
        return None
    found = field.to_python(value)
    if isinstance(found, datetime) and found.tzinfo is None:
        raise ValueError
    field.get_prep_value(found)  # what the column cannot hold is refused here
    return found
