"""The veil: what a blind counter is not shown, in any list, filter or order (docs/counting.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from inventory.api.callers import calling_installation


class VeiledMixin:
    """Marks the rows that are hidden from the calling installation; the serializer keeps back what they tell.

    `telling`: the columns whose filters and orders would tell it all the same; with one of them the hidden rows are
    left out, but for the `harmless` (filter, value).
    """

    hide: Callable[..., Any]
    telling: ClassVar[tuple[str, ...]]
    harmless: ClassVar[frozenset[tuple[str, str]]] = frozenset()

    def rows(self: Any, queryset: Any) -> Any:
        return self.hide(queryset, calling_installation(self.request))

    def filter_queryset(self: Any, queryset: Any) -> Any:
        found = super().filter_queryset(queryset)  # type: ignore[misc]  # mixed into a viewset
        veiled = "is_hidden" in found.query.annotations and self._tells()
        return found.filter(is_hidden=False) if veiled else found

    def _tells(self: Any) -> bool:
        given = {name: value for name, value in self.request.query_params.items() if (name, value) not in self.harmless}
        order = [name.strip().removeprefix("-") for name in given.get("ordering", "").split(",")]
        return any(name.split("__")[0] in self.telling for name in (*given, *order))
