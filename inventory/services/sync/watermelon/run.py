"""One push under way: what it knows, what it found odd, and what it has to tell the client again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import DatabaseError, OperationalError, transaction

from config.core.errors import AppError, Unavailable
from config.core.problems import as_app_error
from devices.actors import Actor
from devices.models import Device, Installation
from inventory.services.positions import Position
from inventory.services.sync.watermelon.changes import Flag, Layouts
from inventory.services.sync.watermelon.columns import Layout, show_id

CHUNK = 500
FLOWS_DOWN = "this table flows from the server to devices only"
FACTS_STAY = "facts are never changed or deleted"


@dataclass(frozen=True, slots=True)
class Prior:
    """How a row stood before this push, which moves revisions itself."""

    revision: int
    is_deleted: bool


@dataclass(slots=True)
class Run:
    """`since` = the revision up to which the client had everything when it made its changes.

    `position` = where the facts among them stand.
    """

    device: Device
    actor: Actor
    layouts: Layouts
    installation: Installation | None
    since: int
    position: Position
    prior: dict[str, dict[UUID, Prior]] = field(default_factory=dict)
    flags: list[Flag] = field(default_factory=list)
    conflicts: list[tuple[str, UUID]] = field(default_factory=list)
    tombstones: dict[str, list[UUID]] = field(default_factory=dict)
    again: dict[str, set[UUID]] = field(default_factory=dict)

    def note_prior(self, name: str, ids: Iterable[UUID]) -> None:
        """Read how rows of a table stand."""
        known = self.prior.setdefault(name, {})
        for chunk in chunks(list(ids)):
            rows = self.layouts[name].table.model.all_objects.for_device(self.device).filter(uuid__in=chunk)
            for uuid, revision, deleted_at in rows.values_list("uuid", "revision", "deleted_at"):
                known[uuid] = Prior(revision, deleted_at is not None)

    def was_deleted(self, name: str, id: UUID) -> bool:
        """Whether a row was a tombstone before this push."""
        prior = self.prior[name].get(id)
        return prior is not None and prior.is_deleted

    def changed_since(self, name: str, id: UUID) -> bool:
        """Whether others wrote the row after the client's last pull."""
        prior = self.prior[name].get(id)
        return prior is not None and prior.revision > self.since

    def stored(self, layout: Layout, ids: Iterable[UUID]) -> dict[UUID, Any]:
        """Rows as they are now, tombstones too."""
        found: dict[UUID, Any] = {}
        for chunk in chunks(list(ids)):
            found |= {row.uuid: row for row in layout.table.rows(self.device).filter(uuid__in=chunk)}
        return found

    def attempt(self, write: Callable[..., Any], *args: Any, **kwargs: Any) -> AppError | None:
        """Call a service on a savepoint. Returns its refusal; what may succeed later is none and goes on up."""
        try:
            with transaction.atomic():
                write(*args, actor=self.actor, **kwargs)
        except (AppError, DatabaseError) as error:
            known = as_app_error(error)
            if isinstance(error, OperationalError) or isinstance(known, Unavailable):
                raise
            return known
        return None

    def flag(self, layout: Layout, id: UUID, reasons: Sequence[str], raw: Mapping[str, Any]) -> None:
        """Note that something was accepted although it is not as it should be."""
        if reasons:
            self.flags.append(Flag(layout.table.name, show_id(id), tuple(reasons), raw))

    def once_more(self, layout: Layout, row: Any) -> bool:
        """Let the client have the server's row again. False where the next pull brings it anyway, as in a replay."""
        if self.changed_since(layout.table.name, row.uuid):
            return False
        self.again.setdefault(layout.table.name, set()).add(row.uuid)
        return True

    def refuse(self, layout: Layout, row: Any, reasons: Sequence[str], raw: Mapping[str, Any]) -> None:
        """Flag a change that was not taken; facts cannot be given a new revision, the rest can."""
        if layout.table.fact or self.once_more(layout, row):
            self.flag(layout, row.uuid, reasons, raw)


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """At most 500 at a time: databases bound the parameters of a query."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
