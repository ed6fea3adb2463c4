"""What a synced table is: its name on the wire, its model, its shape and the services that write it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from devices.models import Device, DeviceOwnedModel, Installation

Values = dict[str, Any]


class Shape(Protocol):
    """How rows of a table look on the wire. The doors provide it: services know no serializers."""

    def read(self, data: Any, *, device: Device, partial: bool) -> Values:
        """Checked, normalised values of a body. Raises Invalid."""

    def show(self, row: DeviceOwnedModel, *, device: Device) -> Values:
        """The row as on the wire."""


@dataclass(frozen=True, slots=True)
class Table:
    """One synced table. Without `create` it flows from server to device only; a `fact` is insert-only."""

    name: str
    model: type[DeviceOwnedModel]
    shape: Shape
    references: tuple[str, ...] = ()
    create: Callable[..., DeviceOwnedModel] | None = None
    update: Callable[..., DeviceOwnedModel] | None = None
    delete: Callable[..., DeviceOwnedModel] | None = None
    fact: bool = False
    create_many: Callable[..., list[Any]] | None = None  # how a batch of facts is recorded, see batches.Entry
    derive: Callable[[Values], Values] = dict  # what a batch adds to the values of a new row
    filled: frozenset[str] = frozenset()  # what the server fills in where a new row leaves it empty
    dropped: frozenset[str] = frozenset()  # what the server may leave empty though a fact gave it, with a case
    relative: frozenset[str] = frozenset()  # what the same words mean something else of after a restore

    veil: Callable[..., Any] | None = None  # veil(rows, installation) marks what is hidden from a blind counter
    leaves_out: bool = False  # hidden rows are left out whole: that there is one would tell
    viewer: Installation | None = None

    def seen_by(self, installation: Installation | None) -> Table:
        """The table as an installation may see it; people see all."""
        return replace(self, viewer=installation) if self.veil and installation else self

    def rows(self, device: Device) -> Any:
        """Every row of the device, tombstones included, with what the shape shows of its references."""
        return self.plain_rows(device).select_related(*self.references)

    def plain_rows(self, device: Device) -> Any:
        """Every row of the device; those that are hidden from the viewer have is_hidden, or are left out."""
        rows = self.model.all_objects.for_device(device)
        if not self.veil or not self.viewer:
            return rows
        marked = self.veil(rows, self.viewer)
        return marked.filter(is_hidden=False) if self.leaves_out else marked

    @property
    def counter(self) -> int | None:
        """Whose count of rows it is: the viewer's own, where rows may be left out."""
        return self.viewer.pk if self.viewer and self.leaves_out else None

    def value(self, row: DeviceOwnedModel, name: str) -> Any:
        """A row's current value under its wire name, comparable with what `shape.read` returns."""
        if name in self.reference_names:
            related = getattr(row, name.removesuffix("_id"))
            return None if related is None else related.uuid
        return getattr(row, name)

    def differs(self, row: DeviceOwnedModel, name: str, value: Any) -> bool:
        """Whether a row has another value than one that was sent for it, and not by the server's own doing."""
        known = self.value(row, name)
        return bool(known != value) and not (known is None and name in self.dropped) and name not in self.relative

    @property
    def reference_names(self) -> frozenset[str]:
        """`product_id` and its like."""
        return frozenset(f"{reference}_id" for reference in self.references)


Tables = Mapping[str, Table]


def registry() -> Tables:
    """Every synced table by name: settings.SYNC_TABLES names where the doors put them together."""
    tables: Tables = import_string(settings.SYNC_TABLES)
    return tables
