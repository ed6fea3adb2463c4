"""Snapshots: several reads see one state of the database; nobody waits for them, and they wait for nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

BEGIN = {
    "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "sqlite": "BEGIN DEFERRED",  # atomic() would take the write lock (transaction_mode IMMEDIATE)
}


@contextmanager
def snapshot() -> Iterator[None]:
    """All reads inside are of the moment of the first one. Inside atomic() it is that transaction that counts."""
    if connection.in_atomic_block:
        yield
        return
    _execute(BEGIN[connection.vendor])
    try:
        yield
    finally:
        _execute("ROLLBACK")


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
