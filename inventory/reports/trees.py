"""Trees of names: locations and categories as paths, and what lies below one of them."""

from __future__ import annotations

from typing import Any

from devices.models import Device

DEEPEST = 64


class Tree:
    """The places of one device's tree, deleted ones too: one query."""

    def __init__(self, model: Any, device: Device) -> None:
        rows = model.all_objects.for_device(device).values_list("pk", "name", "parent")
        self.names: dict[int, str] = {}
        self.parents: dict[int, int | None] = {}
        for pk, name, parent in rows:
            self.names[pk], self.parents[pk] = name, parent

    def path(self, pk: int | None) -> str:
        """“Store › Aisle 1 › Shelf 2”; nothing for None."""
        names: list[str] = []
        while pk is not None and len(names) < DEEPEST:
            names.append(self.names[pk])
            pk = self.parents[pk]
        return " › ".join(reversed(names))

    def top(self, pk: int | None) -> str:
        """The name of the root above."""
        return self.path(pk).partition(" › ")[0]

    def below(self, pk: int) -> set[int]:
        """This one and all under it."""
        found, front = {pk}, {pk}
        while front:
            front = {child for child, parent in self.parents.items() if parent in front} - found
            found |= front
        return found
