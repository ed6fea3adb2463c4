"""The planner's statistics, where rows grow faster than the database looks."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection, models


def refresh_statistics(tables: Iterable[type[models.Model]]) -> None:
    """Let PostgreSQL look at these tables now; SQLite plans without looking.

    Autovacuum looks a minute later at best; until then a table that was empty is planned as if it still were, and
    each look-up reads all of it. Whoever may not (the role is not the owner) gets a warning from the server, no error.
    """
    if connection.vendor == "postgresql":
        names = ", ".join(connection.ops.quote_name(model._meta.db_table) for model in tables)
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {names}")
