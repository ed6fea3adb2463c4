"""Kinds of imports: what each is called, what its rows may say, and what is done with them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from inventory.services.imports.fields import Field
from inventory.services.imports.lines import Line

if TYPE_CHECKING:
    from inventory.services.imports.chunks import Chunk
    from inventory.services.imports.runs import ImportRun


def no_key(line: Line) -> str:
    """Lines that may repeat each other."""
    return ""


@dataclass(frozen=True)
class ImportKind:
    """`needs`: of each group one field must have a column. `extras`: header names of attributes worth keeping.

    `key`: what a line is known by within the file; a second line with the same key is skipped. `finish`: what is done
    once all lines are written, in the transaction that makes the import applied; a dry run leaves it out.
    """

    name: str
    title: str
    fields: tuple[Field, ...]
    needs: tuple[tuple[str, ...], ...]
    work: Callable[[Chunk, Sequence[Line]], None]
    key: Callable[[Line], str] = no_key
    extras: tuple[Field, ...] = ()
    needs_by_name: tuple[tuple[str, ...], ...] = ()  # with match=name
    finish: Callable[[ImportRun], None] | None = None

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """The fields by their names."""
        return {field.name: field for field in self.fields}


def is_field(kind: ImportKind, name: str) -> bool:
    """Whether a mapping may name this field."""
    return name in kind.by_name or (bool(kind.extras) and name.startswith("attributes."))


def missing_fields(kind: ImportKind, mapped: Collection[str], *, match: str) -> list[tuple[str, ...]]:
    """The groups of fields of which none has a column."""
    needs = kind.needs_by_name if match == "name" and kind.needs_by_name else kind.needs
    return [group for group in needs if not any(name in mapped for name in group)]
