"""Parents: references that lead nowhere are made null, replaced by a placeholder, or buried with their tombstone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from devices.services.owned import insert_owned
from inventory.models import Location, Product
from inventory.services.sync.tables import Values
from inventory.services.sync.watermelon.columns import Layout
from inventory.services.sync.watermelon.mending import Mended
from inventory.services.sync.watermelon.run import Run, chunks

# A required parent that does not exist, and a fact's place or product, are made up: staff mend them, nothing is lost.
PLACEHOLDERS: Mapping[Any, tuple[str, Values]] = {
    Product: ("products", {"name": "Unknown product"}),
    Location: ("locations", {"name": "Unknown location"}),
}
Parents = dict[tuple[str, UUID], Any]


def find_parents(run: Run, layout: Layout, mended: Iterable[Mended]) -> Parents:
    """(column, id) → the row, tombstones too, that references of these rows lead to."""
    found: Parents = {}
    rows = list(mended)
    for name, model in layout.targets.items():
        ids = {row.values[name] for row in rows if row.values.get(name) is not None}
        manager: Any = model.all_objects
        for chunk in chunks(list(ids)):
            found |= {(name, row.uuid): row for row in manager.for_device(run.device).filter(uuid__in=chunk)}
    return found


def settle_parents(run: Run, layout: Layout, mended: Mended, parents: Parents) -> Any | None:
    """Deal with a row's orphaned references. Returns the tombstone of a parent that it cannot live without."""
    fact, lost = layout.table.fact, False
    for name, model in sorted(layout.targets.items(), key=lambda target: target[1] in PLACEHOLDERS):
        id = mended.values.get(name)
        parent = None if id is None else parents.get((name, id))
        if id is None or (parent is not None and (fact or not parent.is_deleted)):
            continue
        optional = layout.columns[name].field.null
        if parent is not None and not optional:
            mended.reasons.append(f"{name}: deleted")
            return parent
        if lost and model in PLACEHOLDERS:
            continue  # the row cannot be stored: nothing is made up for it, so that a replay finds what it found
        if parent is None and model in PLACEHOLDERS and (fact or not optional):
            parents[name, id] = _placeholder(run, model, id)
            mended.reasons.append(f"{name}: made up, it did not exist")
        else:
            mended.values[name] = None
            mended.reasons.append(f"{name}: does not exist")
            lost = lost or not optional
    return None


def _placeholder(run: Run, model: Any, id: UUID) -> Any:
    known = model.all_objects.by_uuid(run.device, id)
    if known is not None:  # another column or row made it a moment ago
        return known
    name, values = PLACEHOLDERS[model]
    create: Any = run.layouts[name].table.create
    who = {"actor": run.actor, "installation": run.installation, "position": run.position}
    return create(device=run.device, **who, id=id, **values)


def is_placeholder(row: Any) -> bool:
    """Whether a row is one that this server made up, so that the real one may take its place."""
    _, values = PLACEHOLDERS.get(type(row), ("", {}))
    return bool(values) and all(getattr(row, name) == value for name, value in values.items())


def bury(run: Run, layout: Layout, id: UUID, values: Values, *, parents: Parents, deleted_at: Any) -> None:
    """Keep a row whose parent is deleted as a tombstone that would come back together with the parent."""
    kept = layout.table.derive(dict(values))
    for name in layout.targets:
        parent = kept.pop(name, None)
        kept[name.removesuffix("_id")] = None if parent is None else parents[name, parent]
    dead = layout.table.model(device=run.device, uuid=id, deleted_at=deleted_at, **kept)
    insert_owned(dead, actor=run.actor, action="deleted")
