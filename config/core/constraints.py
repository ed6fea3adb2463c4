"""From a constraint the database refused by to the error that people understand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from django.apps import apps
from django.db import DatabaseError, models

from config.core.errors import AppError

# PostgreSQL names the constraint; SQLite names the columns (UNIQUE), the index, or the CHECK.
SQLITE_UNIQUE = re.compile(r"UNIQUE constraint failed: (?P<columns>.+)$")


def error_for(exc: DatabaseError) -> type[AppError] | None:
    """The AppError whose internal_code the violated constraint carries as `violation_error_code`."""
    return _by_constraint().get(violated(exc))


def violated(exc: DatabaseError) -> str:
    """The name of the constraint, or on SQLite the columns of a UNIQUE."""
    diagnostics = getattr(exc.__cause__, "diag", None)
    if diagnostics is not None and diagnostics.constraint_name:
        return str(diagnostics.constraint_name)
    message = str(exc)
    match = SQLITE_UNIQUE.search(message)
    return match["columns"] if match else message.rpartition(": ")[2]


@cache
def _by_constraint() -> dict[str, type[AppError]]:
    by_code = {error.internal_code: error for error in every_error()}
    found: dict[str, type[AppError]] = {}
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            code = constraint.violation_error_code
            if code is not None:
                found.update(dict.fromkeys(_names(model, constraint), by_code[code]))
    return found


def _names(model: type[models.Model], constraint: models.BaseConstraint) -> Iterator[str]:
    yield constraint.name
    yield f"index '{constraint.name}'"
    if isinstance(constraint, models.UniqueConstraint) and constraint.fields:
        meta = model._meta
        yield ", ".join(
            f"{meta.db_table}.{meta.get_field(name).column}"  # type: ignore[union-attr]  # constraints name columns only
            for name in constraint.fields
        )


def every_error(root: type[AppError] = AppError) -> Iterator[type[AppError]]:
    """AppError and all that descend from it."""
    yield root
    for child in root.__subclasses__():
        yield from every_error(child)
