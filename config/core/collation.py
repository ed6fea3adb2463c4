"""How the database orders text: by code point on SQLite; on PostgreSQL as the database was created."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import connections

BY_CODE_POINT = {"C", "POSIX", "C.UTF-8", "C.utf8"}
LIBC, BUILT_IN = "c", "b"


@checks.register(checks.Tags.database)
def check_text_order(
    app_configs: Any = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Warns where `ordering=name` answers otherwise than on SQLite. Pages and searches are right all the same."""
    found: list[checks.CheckMessage] = []
    for alias in databases or ():
        if connections[alias].vendor != "postgresql":
            continue
        provider, collation = _default_collation(alias)
        if provider == BUILT_IN or (provider == LIBC and collation in BY_CODE_POINT):
            continue
        said = f"This database orders text by {collation or 'a locale'}, not by code point as SQLite does."
        hint = "Create it with: createdb --template=template0 --encoding=UTF8 --locale=C.UTF-8 (docs/operations.md)."
        found.append(checks.Warning(said, hint=hint, id="countonme.W001"))
    return found


def _default_collation(alias: str) -> tuple[str, str]:
    """(provider, collation) of the database."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT datlocprovider, datcollate FROM pg_database WHERE datname = current_database()")
        provider, collation = cursor.fetchone()
    return str(provider), str(collation)
