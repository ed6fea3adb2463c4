"""Categories and locations of a file: by id, code or path; the branches above are made where they are missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from inventory.models import Category, Location
from inventory.services.categories import create_category, update_category
from inventory.services.imports import fields
from inventory.services.imports.chunks import Chunk
from inventory.services.imports.fields import CellProblem, Field
from inventory.services.imports.kinds import ImportKind
from inventory.services.imports.lines import Line
from inventory.services.imports.references import Tree
from inventory.services.locations import create_location, update_location

PLACES = tuple(Location.Kind.values)


Service = Callable[..., Any]


def work(model: Any, create: Service, update: Service, chunk: Chunk, lines: Sequence[Line]) -> None:
    """Create what is new and change what is known, one line at a time: a line may be the parent of the next."""
    tree = Tree(model, chunk.device, chunk.actor, separator=chunk.options.path_separator)
    for line in lines:
        if not line.get("name") and not line.get("path"):
            chunk.skip(line, "import_no_name", "There is no name.")
            continue
        try:
            _write(chunk, tree, line, create, update)
        except CellProblem as problem:
            chunk.refuse_for(line, problem)
    if tree.made:
        chunk.made[model._meta.db_table] += tree.made


def _write(chunk: Chunk, tree: Tree, line: Line, create: Service, update: Service) -> None:
    name, parent = _place(chunk, tree, line)
    values = {field: line.values[field] for field in ("code", "kind", "is_duplicate") if field in line.values}
    row = _find(tree, line, name, parent)
    if row is None:
        values |= {"name": name, "parent_id": parent.uuid if parent else None}
        row = create(device=chunk.device, actor=chunk.actor, id=line.get("id") or None, **values)
        tree.remember(row)
        chunk.created(line, row)
        return
    says: dict[str, Any] = {**values, "name": name}
    if parent is not None or line.get("parent_id"):
        says["parent"] = parent
    chunk.write(line, row, chunk.wanted(row, says), partial(_update, tree, update))


def _update(tree: Tree, update: Service, row: Any, changes: dict[str, Any], actor: Any) -> None:
    if "parent" in changes:
        parent = changes.pop("parent")
        changes["parent_id"] = parent.uuid if parent else None
    tree.remember(update(row, actor=actor, changes=changes))


def _place(chunk: Chunk, tree: Tree, line: Line) -> tuple[str, Any | None]:
    """The name of a line's row and the row it lies under."""
    parts = tree.parts(line.get("path"))
    if parts:
        above = (chunk.options.path_separator or " ").join(parts[:-1])
        return parts[-1], tree.make(above) if above else None
    parent_id = line.get("parent_id")
    if parent_id and parent_id in chunk.run.planned:
        return line.get("name"), None  # a dry run made it, and rolled it back
    return line.get("name"), tree.refer(line, "parent", make=chunk.options.create_missing)


def _find(tree: Tree, line: Line, name: str, parent: Any | None) -> Any | None:
    if line.get("id"):
        return tree.ids.get(line.get("id"))
    if line.get("code"):
        return tree.codes.get(line.get("code"))
    return tree.children.get((parent.pk if parent else None, name))


def _fields(*more: Field) -> tuple[Field, ...]:
    return (
        Field("id", "Id", fields.wire_id, ("id",)),
        Field("name", "Name", fields.text(200), ("name", "categoryname", "locationname", "title")),
        Field("path", "Path, from the top", fields.text(1000), ("path", "pathstring")),
        Field("parent", "Parent (code, path or name)", fields.text(1000),
              ("parent", "parentlocation", "parentname", "categoryparentname")),
        Field("parent_id", "Parent (id)", fields.wire_id, ("parentid",)),
        *more,
    )  # fmt: skip


CATEGORIES = ImportKind(
    name="categories",
    title="Categories",
    fields=_fields(),
    needs=(("name", "path"),),
    work=partial(work, Category, create_category, update_category),
)
LOCATIONS = ImportKind(
    name="locations",
    title="Locations",
    fields=_fields(
        Field("code", "Code", fields.code(100), ("code", "locationnumber", "locationcode")),
        Field("kind", "Kind", fields.one_of(PLACES, other="other"), ("kind", "locationtype", "type")),
        Field("is_duplicate", "Is an offline twin", fields.flag, ("isduplicate",)),
    ),
    needs=(("name", "path"),),
    work=partial(work, Location, create_location, update_location),
)
