"""Batches: a run of creates in one table costs a constant number of queries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from devices.actors import Actor
from devices.models import Device, DeviceOwnedModel, Installation
from devices.services.owned import insert_many_owned, refuse_reference
from inventory.services.positions import UNKNOWN, Position
from inventory.services.sync.tables import Table, Values
from inventory.services.trees import refuse_depth


@dataclass(frozen=True, slots=True)
class Entry:
    """One create of a batch: who, the row's id, its checked values, and where a fact stands."""

    actor: Actor
    id: UUID
    values: Values
    position: Position = UNKNOWN


def create_batch(
    *, table: Table, device: Device, installation: Installation | None, entries: Sequence[Entry]
) -> list[Any]:
    """Insert all rows, or raise: ReferenceNotFound, what the table's rules refuse, IntegrityError.

    A row may refer to an earlier one of the batch (its parent, the movement that it reverses): queries are constant
    per step of such a chain. The caller holds the feed lock, knows the ids to be free, and stands on a savepoint.
    """
    made: dict[UUID, Any] = {}
    for step in _steps(table, entries):
        for row in _create_step(table, device, installation, step):
            made[row.uuid] = row
    return [made[entry.id] for entry in entries]


def _steps(table: Table, entries: Sequence[Entry]) -> list[list[Entry]]:
    """The entries in order, those that refer to earlier ones after them."""
    own = [f"{name}_id" for name, model in _targets(table).items() if model is table.model]
    steps: list[list[Entry]] = []
    depth: dict[UUID, int] = {}
    for entry in entries:
        depth[entry.id] = max((depth[id] + 1 for name in own if (id := entry.values.get(name)) in depth), default=0)
        if depth[entry.id] == len(steps):
            steps.append([])
        steps[depth[entry.id]].append(entry)
    return steps


def _create_step(
    table: Table, device: Device, installation: Installation | None, entries: Sequence[Entry]
) -> Sequence[Any]:
    find = _finder(table, device, entries)
    if table.create_many is not None:
        return table.create_many(device=device, installation=installation, find=find, entries=entries)
    if "parent" in table.references:
        for parent in {find(table.model, id=entry.values.get("parent_id"), field="parent_id") for entry in entries}:
            refuse_depth(parent)
    rows = [_row(table, device, find, entry) for entry in entries]
    actors = [entry.actor for entry in entries]
    insert_many_owned(rows, device=device, actor=actors[0], actors=actors)
    return rows


def _row(table: Table, device: Device, find: Callable[..., Any], entry: Entry) -> DeviceOwnedModel:
    values = dict(entry.values)
    for reference, model in _targets(table).items():
        name = f"{reference}_id"
        values[reference] = find(model, id=values.pop(name, None), field=name)
    return table.model(device=device, uuid=entry.id, **table.derive(values))


def _targets(table: Table) -> Mapping[str, type[DeviceOwnedModel]]:
    return {name: table.model._meta.get_field(name).related_model for name in table.references}  # type: ignore[misc]  # a foreign key has one


def _finder(table: Table, device: Device, entries: Sequence[Entry]) -> Callable[..., Any]:
    """All references of the batch, one query per model: what find_reference() answers, from memory."""
    wanted: dict[type[DeviceOwnedModel], set[UUID]] = {}
    for reference, model in _targets(table).items():
        given = (entry.values.get(f"{reference}_id") for entry in entries)
        wanted.setdefault(model, set()).update(uuid for uuid in given if uuid is not None)
    found: dict[tuple[type[DeviceOwnedModel], UUID], DeviceOwnedModel] = {}
    for model, ids in wanted.items():
        manager: Any = model.all_objects if table.fact else model.objects
        found |= {(model, row.uuid): row for row in manager.for_device(device).filter(uuid__in=ids)} if ids else {}

    def find(model: type[DeviceOwnedModel], *, id: UUID | None, field: str) -> DeviceOwnedModel | None:
        if id is None:
            return None
        row = found.get((model, id))
        return row if row is not None else refuse_reference(field)

    return find
