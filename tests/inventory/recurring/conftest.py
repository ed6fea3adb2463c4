"""Fixtures of tests with real workers."""

from tests.inventory.jobs.conftest import sql_and_url, start_site

__all__ = ["sql_and_url", "start_site"]
