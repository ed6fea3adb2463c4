"""Draining: a change set of an installation that is being retired, as operations for the quarantine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction

from config.core.quantities import plain
from config.core.wire import to_json
from devices.actors import Actor
from devices.models import Device, Installation
from devices.services.owned import lock_device
from inventory.services.sync.ops import read_op
from inventory.services.sync.quarantine import quarantine
from inventory.services.sync.watermelon.changes import Changes, Layouts, Row, open_flags
from inventory.services.sync.watermelon.columns import Layout
from inventory.services.sync.watermelon.mending import mend_row
from inventory.services.sync.watermelon.timestamps import last_position

OPERATIONS = UUID("0192f0c4-5d0e-7a51-8a3d-6f1f0c0de003")  # namespace of the operation ids


@transaction.atomic
def quarantine_changes(
    *,
    device: Device,
    actor: Actor,
    layouts: Layouts,
    changes: Changes,
    last: int | None,
    installation: Installation,
) -> int:
    """Keep a change set for the staff to decide instead of carrying it out; a replay adds nothing.

    Returns the feed's head.
    """
    lock_device(device)
    open_flags(changes.flags, device=device, actor=actor)
    raw = list(_operations(device, layouts, changes, installation))
    ops = [read_op(body, index) for index, body in enumerate(raw)]
    who: dict[str, Any] = {"device": device, "actor": actor, "installation": installation}
    return quarantine(**who, ops=ops, raw=raw, position=last_position(installation)).head


def _operations(
    device: Device, layouts: Layouts, changes: Changes, installation: Installation
) -> Iterator[dict[str, Any]]:
    for name, layout in layouts.items():
        for row in changes.rows.get(name, {}).values():
            body = _write(device, layout, row)
            if body is not None:
                yield _with_id(body, installation)
    for name in reversed(list(layouts)):
        for id in changes.deleted.get(name, ()):
            yield _with_id({"op": "delete", "table": name, "id": str(id)}, installation)


def _write(device: Device, layout: Layout, row: Row) -> dict[str, Any] | None:
    """A create, or an update of what differs from the server's row, which is its base; None where nothing differs."""
    table = layout.table
    current = table.rows(device).filter(uuid=row.id).first()
    sent = {name: _plain(value) for name, value in mend_row(layout, row.raw, device=device).wire.items()}
    body = {"table": table.name, "id": str(row.id)}
    if current is None:
        return {**body, "op": "create", "data": sent}
    shown = table.shape.show(current, device=device)
    known = {name: _plain(shown[name]) for name in sent}
    differs = [name for name, value in sent.items() if known[name] != value]
    if not differs:
        return None
    data, base = {name: sent[name] for name in differs}, {name: known[name] for name in differs}
    return {**body, "op": "update", "data": data, "base": base}


def _plain(value: Any) -> Any:
    """A value as the case keeps it: what JSON has, decimals as text."""
    if isinstance(value, Decimal):
        return plain(value)
    return str(value) if isinstance(value, UUID) else value


def _with_id(body: dict[str, Any], installation: Installation) -> dict[str, Any]:
    """The same change of the same installation has the same id, so that a replay is known."""
    content = {name: value for name, value in body.items() if name != "base"}
    digest = hashlib.sha256(to_json(sorted(content.items()))).hexdigest()
    return {"op_id": str(uuid5(OPERATIONS, f"{installation.uuid}:{digest}")), **body}
