"""Tables of exports: their columns, their rows in an order that an import can follow, and filters."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.utils.dateparse import parse_datetime

from config.core.quantities import QuantityField, exact_quantity, plain
from config.core.wire import wire_time
from devices.models import Device, DeviceOwnedModel

CHUNK = 2_000
TEXT_LOOKUPS = ("exact", "iexact", "icontains", "istartswith")
ORDER_LOOKUPS = ("exact", "gte", "lte", "gt", "lt")
INDIRECT = {(table, "stocktake"): "sheet__stocktake__uuid" for table in ("count_entries", "scan_events")}
LAST = ("created_at", "updated_at", "deleted_at", "revision", "device")


def tables() -> dict[str, type[DeviceOwnedModel]]:
    """Everything a device holds, by the names of its tables; what others refer to comes first."""
    found = [model for model in apps.get_models() if issubclass(model, DeviceOwnedModel)]
    return {model._meta.db_table: model for model in found}


def dated_tables() -> dict[str, str]:
    """The tables of what happened → the column that says when; what devices may leave out says when it came."""
    found = {}
    for name, model in tables().items():
        names = {field.name for field in model._meta.concrete_fields}
        if "received_at" in names:
            found[name] = "occurred_at" if "occurred_at" in names else "received_at"
    return found


def columns_of(model: type[models.Model]) -> dict[str, str]:
    """Column → where its value is: names as on the wire, references by their wire ids."""
    found: dict[str, str] = {"id": "uuid"}
    for field in model._meta.concrete_fields:
        if field.primary_key or field.name in (*LAST, "uuid"):
            continue
        found[f"{field.name}_id" if field.is_relation else field.name] = (
            f"{field.name}__uuid" if field.is_relation else field.name
        )
    return {**found, **{name: "device__uuid" if name == "device" else name for name in LAST}}


def rows_of(
    model: type[Any], *, device: Device | None, filters: Mapping[str, Any], deleted: bool
) -> Iterator[Sequence[Any]]:
    """The rows of a table, live ones or with `deleted` the tombstones too; parents before their children."""
    queryset = (model.all_objects if deleted else model.objects).all()
    if device is not None:
        queryset = queryset.for_device(device)
    queryset = queryset.filter(**{key: value for name, given in filters.items() for key, value in
                                  [read_filter(model, name, given)]})  # fmt: skip
    places = list(columns_of(model).values())
    is_tree = any(field.name == "parent" for field in model._meta.concrete_fields)
    keys = _tree_keys(queryset) if is_tree else _keys(queryset)
    for start in range(0, len(keys), CHUNK):
        page = keys[start : start + CHUNK]
        found = {row[0]: row[1:] for row in queryset.filter(pk__in=page).values_list("id", *places)}
        yield from ([_plain(cell) for cell in found[key]] for key in page if key in found)


def _keys(queryset: Any) -> Sequence[int]:
    """All keys at once, 8 bytes each: a cursor left open between two rows would be a snapshot of SQLite from which
    nobody can write any more once somebody else has, not even how far the job is."""
    return array("q", queryset.order_by("id").values_list("id", flat=True).iterator(chunk_size=CHUNK))


def _tree_keys(queryset: Any) -> Sequence[int]:
    """Level by level; a row whose parent is not among them counts as a top."""
    parents = dict(queryset.order_by("id").values_list("id", "parent_id"))
    depths: dict[int, int] = {}
    for key in parents:
        chain: list[int] = []
        here: int | None = key
        while here is not None and here in parents and here not in depths and here not in chain:
            chain.append(here)
            here = parents[here]
        depth = -1 if here is None else depths.get(here, -1)
        for above in reversed(chain):
            depth += 1
            depths[above] = depth
    return sorted(parents, key=lambda key: (depths[key], key))


def _plain(cell: Any) -> Any:
    """A value as the wire has it."""
    if isinstance(cell, Decimal):
        return plain(cell)
    if isinstance(cell, datetime):
        return wire_time(cell)
    return str(cell) if isinstance(cell, date | UUID) else cell


def read_filter(model: type[models.Model], name: str, given: Any) -> tuple[str, Any]:
    """A filter as the lists of the API have it → the lookup and its value. Raises ValueError for people."""
    if (model._meta.db_table, name) in INDIRECT:
        return INDIRECT[model._meta.db_table, name], _id(given)
    path, _, lookup = name.partition("__")
    lookup = lookup or "exact"
    try:
        field: Any = model._meta.get_field(path)
    except FieldDoesNotExist:
        raise ValueError(f"{name[:80]} is no filter of {model._meta.db_table}.") from None
    if lookup == "isnull" and field.null and not field.is_relation:
        return name, _flag(given)
    if lookup not in _lookups(field) or path in ("id", "device", "uuid"):
        raise ValueError(f"{name[:80]} is no filter of {model._meta.db_table}.")
    if field.is_relation or isinstance(field, models.UUIDField):
        return (f"{path}__uuid" if field.is_relation else path), _id(given)
    return (name, _value(field, given))


def _lookups(field: Any) -> Sequence[str]:
    if isinstance(field, models.BooleanField | models.UUIDField) or field.is_relation:
        return ("exact",)
    if isinstance(field, models.CharField | models.TextField):
        return TEXT_LOOKUPS
    if isinstance(field, models.DateField | models.IntegerField | QuantityField):
        return ORDER_LOOKUPS
    return ()


def _value(field: Any, given: Any) -> Any:
    if isinstance(field, models.BooleanField):
        return _flag(given)
    if isinstance(field, models.CharField | models.TextField):
        if not isinstance(given, str) or "\0" in given:
            raise ValueError("Give a text.")
        return given
    if isinstance(field, models.DateTimeField):
        found = parse_datetime(str(given))
        if found is None or found.tzinfo is None:
            raise ValueError("Give a time with its zone such as 2026-01-31T12:00:00Z.")
        return found
    if isinstance(field, models.DateField):
        return date.fromisoformat(str(given))
    if isinstance(field, QuantityField):
        try:
            return exact_quantity(given)
        except ValidationError as error:
            raise ValueError(error.messages[0]) from None
    number = int(given)
    if abs(number) >= 2**63:
        raise ValueError("Give a whole number of 64 bits.")
    return number


def _id(given: Any) -> UUID:
    try:
        return UUID(str(given))
    except ValueError:
        raise ValueError("Give an id such as 0192f0c4-5d0e-7a51-8a3d-6f1f0c0de002.") from None


def _flag(given: Any) -> bool:
    found = {"true": True, "false": False}.get(given) if isinstance(given, str) else given
    if not isinstance(found, bool):
        raise ValueError("Give true or false.")
    return found
