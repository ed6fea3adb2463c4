"""Who acts: passed keyword-only to every write and stored on every event."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self
from uuid import UUID

ActorKind = Literal["installation", "user", "staff", "agent", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """kind and id say who, name is for people; request_id and operation_id tie a write to its cause."""

    kind: ActorKind
    id: str
    name: str
    request_id: str = ""
    operation_id: UUID | None = None

    @property
    def key(self) -> str:
        """One string a store can be keyed by, e.g. `installation:7f…`."""
        return f"{self.kind}:{self.id}"

    def during(self, operation_id: UUID) -> Self:
        """The same actor while it carries out one synced operation."""
        return replace(self, operation_id=operation_id)


def system(name: str) -> Actor:
    """The actor of a command, a job or a migration: `system("import_products")`."""
    return Actor(kind="system", id=name, name=name)
