"""Real workers: they share no connection with what they were forked from, stop when asked, and have their time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.inventory.jobs.site import ROOT, WORKER, Site, until

pytestmark = pytest.mark.slow
# `forked` tells whose connection it works on: the one that was open in the parent before it forked is marked.
TOY = """
def backend():
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]

connection.ensure_connection()
PARENT, PARENT_CONNECTION, PARENT_BACKEND = os.getpid(), connection.connection, backend()

def forked(run):
    time.sleep(0.2)
    connection.ensure_connection()
    run.result = {"pid": os.getpid(), "parent": os.getppid() == PARENT, "backend": backend(),
                  "shared": connection.connection is PARENT_CONNECTION, "parents": PARENT_BACKEND}

def endless(run):
    while True:
        time.sleep(0.02)
        run.progress(run.done + 1)

register_kind(JobKind("forked", "Forked", forked, scope="server"))
register_kind(JobKind("endless", "Endless", endless, scope="server"))

if __name__ == "__main__":
    for kind in sys.argv[1:]:
        jobs.request_job(kind=kind, actor=system("toy"))
"""


@pytest.fixture
def site(start_site: Callable[..., Site]) -> Site:
    return start_site(TOY)


def ask(site: Site, *kinds: str) -> None:
    assert site.start("toyjobs.py", *kinds).wait(120) == 0, (site.folder / "log").read_text()


def results(site: Site) -> list[dict[str, Any]]:
    found = []
    for number in range(site.sql("SELECT count(*) FROM jobs")):
        value = site.sql(f"SELECT result FROM jobs ORDER BY id LIMIT 1 OFFSET {number}")  # noqa: S608  # our number
        found.append(json.loads(value) if isinstance(value, str) else value)
    return found


def test_no_child_works_on_the_connection_of_its_parent(site: Site) -> None:
    ask(site, *["forked"] * 8)
    site.celery(*WORKER, "--concurrency", "2")
    until(lambda: site.sql("SELECT count(*) FROM jobs WHERE status = 'succeeded'") == 8, site)
    found = results(site)
    assert [result["shared"] for result in found] == [False] * 8
    assert [result["parent"] for result in found] == [True] * 8  # they are what was forked
    pairs = {(result["pid"], result["backend"]) for result in found}  # PostgreSQL says who is served by whom
    assert len({pid for pid, _ in pairs}) == 2
    backends = [backend for _, backend in pairs if backend is not None]
    assert len(backends) == len(set(backends))  # no two children on one
    assert found[0]["parents"] is None or found[0]["parents"] not in backends


def test_a_running_job_stops_when_it_is_asked_to(site: Site) -> None:
    ask(site, "endless")
    site.celery(*WORKER, "--concurrency", "1")
    until(lambda: site.sql("SELECT sum(done) FROM jobs"), site)
    assert site.start(str(ROOT / "manage.py"), "jobs", "cancel", first_id(site)).wait(60) == 0
    until(lambda: site.sql("SELECT count(*) FROM jobs WHERE status = 'cancelled'"), site, seconds=20)


def test_a_job_has_its_time_and_no_more(site: Site) -> None:
    site.env["JOB_SOFT_SECONDS"] = "10"
    ask(site, "endless")
    site.celery(*WORKER, "--concurrency", "1")
    until(lambda: site.sql("SELECT count(*) FROM jobs WHERE status = 'failed'"), site, seconds=60)
    assert site.sql("SELECT internal_code FROM jobs") == "job_timed_out"


def first_id(site: Site) -> str:
    return str(site.sql("SELECT CAST(uuid AS text) FROM jobs"))
