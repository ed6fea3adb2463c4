"""Fixtures of tests with real workers."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from config.broker import register_transport
from tests.inventory.jobs.site import Site


@pytest.fixture
def sql_and_url(transactional_db: None, tmp_path: Path) -> Iterator[tuple[Callable[[str], Any], str]]:
    """The first value of a query, and the URL, of a migrated database that other processes can open."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:

            def value(query: str) -> Any:
                cursor.execute(query)
                return cursor.fetchone()[0]

            base = os.environ["DATABASE_URL"].rpartition("/")[0]
            yield value, f"{base}/{connection.settings_dict['NAME']}"
        return
    path = tmp_path / "toy.sqlite3"
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(path)])  # the test database lives in this process's memory
    file = sqlite3.connect(path, timeout=30, isolation_level=None)
    yield lambda query: file.execute(query).fetchone()[0], f"sqlite:///{path}"
    file.close()


@pytest.fixture
def start_site(sql_and_url: tuple[Callable[[str], Any], str], tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Sets up a site with kinds of jobs of the test's own; `broker`: a URL, by default the embedded one."""
    started: list[Site] = []

    def start(toy: str, broker: str = "") -> Site:
        register_transport()
        started.append(Site(tmp_path, toy, broker or f"countonme://{tmp_path / 'broker'}", *sql_and_url))
        return started[-1]

    yield start
    for site in started:
        site.end()
