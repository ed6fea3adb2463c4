"""SQLite with a LIKE that folds case beyond ASCII, so that both engines find the same rows."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's SQLite backend; `É` matches `é` in icontains, iexact and their kin."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        connection.execute("PRAGMA recursive_triggers = ON")  # else INSERT OR REPLACE deletes unseen by our guards
        connection.create_function("like", 2, _like, deterministic=True)
        connection.create_function("like", 3, _like, deterministic=True)
        return connection


@lru_cache(maxsize=512)
def _matcher(pattern: str, escape: str | None) -> re.Pattern[str]:
    parts: list[str] = []
    letters = iter(_folded(pattern))
    for letter in letters:
        if letter == escape:
            parts.append(re.escape(next(letters, "")))
        else:
            parts.append({"%": ".*", "_": "."}.get(letter) or re.escape(letter))
    return re.compile("".join(parts), re.DOTALL)


def _like(pattern: Any, value: Any, escape: str | None = None) -> bool | None:
    if pattern is None or value is None:
        return None
    return _matcher(str(pattern), escape).fullmatch(_folded(str(value))) is not None


def _folded(text: str) -> str:
    """Upper case letter by letter, as PostgreSQL does it: ß stays ß and does not become SS."""
    whole = text.upper()
    if len(whole) == len(text):
        return whole
    return "".join(_upper(letter) for letter in text)


def _upper(letter: str) -> str:
    return next((form for form in (letter.upper(), letter.title()) if len(form) == 1), letter)
