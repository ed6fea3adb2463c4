"""Undoing an import: what it made goes, what it changed becomes what it was, where nobody has touched it since."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.db import DatabaseError, models, transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from config.core.errors import AppError
from config.core.problems import as_app_error
from config.core.quantities import QuantityField
from devices.actors import Actor
from devices.models import Device, DeviceOwnedModel, Event
from devices.services.feed import next_revision
from devices.services.owned import change_owned, find_reference, lock_device, restamp
from inventory.models import (
    Barcode,
    Category,
    CountEntry,
    CountSheet,
    ImportSession,
    Job,
    Location,
    Lot,
    Product,
    StockLevel,
    StockMovement,
)
from inventory.services.categories import delete_category
from inventory.services.imports.count_sheets import VOID, give_up, sheet_counted_by
from inventory.services.imports.earlier import REVERTED
from inventory.services.imports.steps import Steps
from inventory.services.jobs import revert_job
from inventory.services.locations import delete_location
from inventory.services.movements import record_movements
from inventory.services.reversals import mirror_of
from inventory.services.trees import refuse_loop

CHUNK, KEPT_CONFLICTS = 500, 100
# In this order: what refers to others goes first.
MODELS: Mapping[str, type[DeviceOwnedModel]] = {
    model._meta.db_table: model for model in (StockMovement, Barcode, Lot, Product, Category, Location)
}
SHEETS = CountSheet._meta.db_table
CHANGED = "Somebody has changed it since."
IN_USE = "Other rows or movements have come to hang on it since."


@dataclass(frozen=True, slots=True)
class Trace:
    """What an import did to one row: made it or changed it, last at this revision."""

    table: str
    object_id: UUID
    was_created: bool
    last: int


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of a chunk: how many rows were put back, and which were left (table, id, why)."""

    count: int
    conflicts: list[tuple[str, str, str]]


def revert_import(session: ImportSession, *, steps: Steps, result: dict[str, Any]) -> None:
    """Undo what an applied import did, ≤ 500 rows a transaction; `result` tells how far it is and what was left.

    Movements are reversed by their mirror images; counts stay, and stand no more. Rows that others have changed or
    use stay, and are told.
    """
    traces = traces_of(session)
    actor = steps.actor.during(uuid7())
    result.update({"rows": 0, "undone": 0, "left": 0, "conflicts": [], **result})
    steps.progress(result["rows"], total=len(traces))
    for start in range(result["rows"], len(traces), CHUNK):
        chunk = traces[start : start + CHUNK]
        with steps.effect():
            undone = undo(session, chunk, actor=actor)
            result["rows"] = start + len(chunk)
            result["undone"] += undone.count
            result["left"] += len(undone.conflicts)
            room = KEPT_CONFLICTS - len(result["conflicts"])
            result["conflicts"] = [*result["conflicts"], *undone.conflicts[: max(0, room)]]
            steps.progress(result["rows"])


def finish_revert(session: ImportSession, *, actor: Actor, result: Mapping[str, Any]) -> None:
    """The last step, in the transaction of the job's success: it is reverted, and so is the job that applied it."""
    session.status = ImportSession.Status.REVERTED
    session.summary = {**(session.summary or {}), "reverted": {name: result[name] for name in ("undone", "left")}}
    session.save(update_fields=["status", "summary", "updated_at"])
    applied = Job.objects.filter(
        device=session.device, kind="import_apply", status=Job.Status.SUCCEEDED,
        parameters={"import_id": str(session.uuid)},
    )  # fmt: skip
    for job in applied:
        revert_job(job, actor=actor)


def traces_of(session: ImportSession) -> list[Trace]:
    """The rows that an import wrote, the newest first; before all of them the sheet that it counted on."""
    if session.first_revision is None:
        return []
    found = (
        Event.objects.for_device(session.device)
        .filter(revision__range=(session.first_revision, session.last_revision), operation_id=session.uuid)
        .filter(table__in=list(MODELS))
        .values("table", "object_id")
        .annotate(
            first=models.Min("revision"),
            last=models.Max("revision"),
            made=models.Count("id", filter=models.Q(action="created")),
        )
        .order_by("-first")
    )
    sheet = sheet_counted_by(session)
    counted = [Trace(SHEETS, sheet.uuid, was_created=False, last=0)] if sheet is not None else []
    return [*counted, *(Trace(row["table"], row["object_id"], bool(row["made"]), row["last"]) for row in found)]


def undo(session: ImportSession, traces: Sequence[Trace], *, actor: Actor) -> Undone:
    """Undo some rows, in one transaction."""
    device = session.device
    lock_device(device)
    count, conflicts = 0, []
    for trace in traces:
        if trace.table == SHEETS:
            why = give_up(session, actor=actor)
            count += not why
            conflicts += [(SHEETS, str(trace.object_id), why)] if why else []
    for table, model in MODELS.items():
        mine = {trace.object_id: trace for trace in traces if trace.table == table}
        if not mine:
            continue
        rows = list(model.all_objects.for_device(device).filter(uuid__in=mine).order_by("-id"))
        if model is StockMovement:
            count += _reverse(device, actor, rows)
            continue
        touched = [row for row in rows if not row.is_deleted and row.revision != mine[row.uuid].last]
        conflicts += [(table, str(row.uuid), CHANGED) for row in touched]
        fresh = [row for row in rows if not row.is_deleted and row.revision == mine[row.uuid].last]
        made = [row for row in fresh if mine[row.uuid].was_created]
        used = _used(session, model, made)
        conflicts += [(table, str(row.uuid), IN_USE) for row in made if row.pk in used]
        count += _remove(device, actor, model, [row for row in made if row.pk not in used], conflicts)
        for row in fresh:
            if not mine[row.uuid].was_created:
                count += _put_back(session, row, actor, conflicts)
    return Undone(count, conflicts)


def _reverse(device: Device, actor: Actor, rows: Sequence[Any]) -> int:
    """The mirror images of movements, where they have none yet."""
    known = {row.pk for row in rows}
    reversed_ = set(StockMovement.all_objects.filter(reverses__in=known).values_list("reverses_id", flat=True))
    open_rows = [row for row in rows if row.pk not in reversed_ and row.reverses_id is None]
    now = timezone.now()
    related = StockMovement.all_objects.select_related("product", "from_location", "to_location", "lot")
    full = related.in_bulk([row.pk for row in open_rows])
    mirrors = [
        StockMovement(
            **mirror_of(full[row.pk]),
            device=device,
            reason=REVERTED,
            reference=row.reference,
            occurred_at=now,
            reverses=full[row.pk],
        )
        for row in open_rows
    ]
    record_movements(device=device, actor=actor, movements=mirrors)
    return len(mirrors)


def _used(session: ImportSession, model: type[Any], rows: Sequence[Any]) -> set[int]:
    """Those rows that are in use: by stock, movements of others, counts that stand, rows that refer to them."""
    keys = [row.pk for row in rows]
    if model not in (Product, Lot, Location) or not keys:
        return set()
    field = model._meta.model_name
    standing = CountEntry.objects.on_time().exclude(sheet__stocktake__state__in=VOID)
    counted = set(standing.filter(**{f"{field}__in": keys}).values_list(field, flat=True))
    if model is Location:
        return counted
    span = (session.first_revision, session.last_revision)
    foreign = StockMovement.all_objects.filter(**{f"{field}__in": keys}, reverses__isnull=True)
    used = counted | set(foreign.exclude(revision__range=span).values_list(field, flat=True))
    stocked = StockLevel.all_objects.filter(**{f"{field}__in": keys}).exclude(quantity=0)
    used |= set(stocked.values_list(field, flat=True))
    if model is Product:
        for child in (Barcode, Lot):
            used |= set(child.objects.filter(product__in=keys).values_list("product", flat=True))
    return used


def _remove(device: Device, actor: Actor, model: type[Any], rows: Sequence[Any], conflicts: list[Any]) -> int:
    """Tombstones for rows that the import made."""
    if model in (Category, Location):
        delete: Callable[..., Any] = delete_category if model is Category else delete_location
        return sum(_each(device, model, row, conflicts, partial(delete, actor=actor)) for row in rows)
    now = timezone.now()
    keys = [row.pk for row in rows]
    restamp(model.objects.filter(pk__in=keys), device=device, actor=actor, action="deleted", deleted_at=now)
    if model in (Product, Lot):
        levels = StockLevel.objects.filter(**{"product__in" if model is Product else "lot__in": keys})
        restamp(levels, device=device, actor=actor, action="deleted", deleted_at=now)
    return len(rows)


def _each(device: Device, model: type[Any], row: Any, conflicts: list[Any], delete: Callable[[Any], Any]) -> int:
    """Delete a category or a location that nothing lies in."""
    row.device = device
    in_use = model.objects.filter(parent=row).exists() or (
        model is Category and Product.objects.filter(category=row).exists()
    )
    if in_use:
        conflicts.append((model._meta.db_table, str(row.uuid), IN_USE))
        return 0
    return _tried(row, conflicts, lambda: delete(row))


def _tried(row: Any, conflicts: list[Any], do: Callable[[], Any]) -> int:
    try:
        with transaction.atomic():
            do()
    except (AppError, DatabaseError) as error:
        refusal = as_app_error(error)
        if refusal.status >= AppError.status:
            raise
        conflicts.append((row._meta.db_table, str(row.uuid), refusal.title))
        return 0
    return 1


def _put_back(session: ImportSession, row: Any, actor: Actor, conflicts: list[Any]) -> int:
    """Give a row the values it had before the import."""
    events = Event.objects.about(row).filter(operation_id=session.uuid).order_by("revision")
    before: dict[str, Any] = {}
    for event in events:
        for name, (old, _) in event.changes.items():
            before.setdefault(name, old)
    row.device = session.device
    return _tried(row, conflicts, lambda: _write(row, actor, before))


def _write(row: Any, actor: Actor, before: Mapping[str, Any]) -> None:
    """Raises ReferenceNotFound for what is deleted since, TreeHasALoop or TreeTooDeep for what was moved since."""
    values = {name: _value(row, name, old) for name, old in before.items()}
    if "parent" in values:
        refuse_loop(row, values["parent"])
    change_owned(row, revision=next_revision(row.device), actor=actor, changes=values)


def _value(row: Any, name: str, plain: Any) -> Any:
    """A value as the model has it, from how an event keeps it."""
    field = row._meta.get_field(name)
    if plain is None:
        return None
    if isinstance(field, QuantityField):
        return Decimal(plain)
    if isinstance(field, models.DateField):
        return date.fromisoformat(plain)
    if field.is_relation:
        return find_reference(field.related_model, device=row.device, id=UUID(plain), field=name)
    return plain
