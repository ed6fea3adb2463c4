"""A worker that is killed with -9 in the middle of an import's apply: another goes on, and every line is there once.

IMPORT_LINES says how many lines.
"""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config.env import BASE_DIR
from inventory.management.fleet.client import Connection
from inventory.management.fleet.server import WebServer, free_port, prepare
from tests.journeys.servers import fresh_database

LINES = int(os.environ.get("IMPORT_LINES", "4000"))
KNOWN = 40  # products that are there before: the import changes them, the revert gives them back
WORKER = ("worker", "--concurrency", "1", "--without-gossip", "--without-mingle", "--without-heartbeat")
SECONDS = 240
COMPARED = ("id", "name", "sku", "unit", "notes", "is_active", "category_id")


class Site:
    """A server, a worker and a beat of their own, on the embedded broker."""

    def __init__(self, folder: Path, url: str) -> None:
        more = {
            "JOBS_EAGER": "false",
            "JOB_LEASE_SECONDS": "5",
            "CELERY_BROKER_URL": f"countonme://{folder / 'broker'}",
        }
        self.folder, self.env = folder, {**prepare(folder, url), **more}
        self.web = WebServer(self.env, free_port(), workers=1)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.web.start()
        self.api = Connection(self.web.url)
        self.api.token = self.do("POST", "/v1/devices/register", {"name": "Importer"}, 201)["device_token"]

    def celery(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "config", *command, "--loglevel", "INFO"],
                cwd=BASE_DIR, env=self.env, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def end(self) -> None:
        self.api.close()
        self.web.end(signal.SIGKILL)
        for process in self.processes:
            if process.poll() is None:
                kill(process)

    def count(self, what: str) -> Any:
        """`SELECT what`, as others see it: its first value."""
        url = self.env["DATABASE_URL"]
        connect = partial(sqlite3.connect, url.removeprefix("sqlite:///"), timeout=30)
        with closing(connect() if url.startswith("sqlite") else psycopg.connect(url)) as database:
            return database.execute(f"SELECT {what}").fetchone()[0]  # the tests' own words

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-4000:]
            time.sleep(0.005)

    def do(self, method: str, path: str, body: dict[str, Any] | None = None, status: int = 200) -> dict[str, Any]:
        code, answer = self.api.send(method, path, body)
        assert code == status, answer
        return answer

    def send(self, content: bytes) -> dict[str, Any]:
        """A file as a browser sends it."""
        edge = "edge-of-the-form"
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="goods.csv"\r\n\r\n'
        kind = f'\r\n--{edge}\r\nContent-Disposition: form-data; name="kind"\r\n\r\nproducts\r\n--{edge}--\r\n'
        sent = {"Authorization": f"Bearer {self.api.token}", "Content-Type": f"multipart/form-data; boundary={edge}"}
        with closing(HTTPConnection("127.0.0.1", self.web.port, timeout=60)) as http:
            http.request("POST", "/v1/imports", head.encode() + content + kind.encode(), sent)
            answer = http.getresponse()
            found: dict[str, Any] = json.loads(answer.read())
        assert answer.status == 201, found
        return found

    def job(self, session: str, what: str) -> str:
        """Ask for a job, and wait for its end. Returns its id."""
        job: str = self.do("POST", f"/v1/imports/{session}/{what}", status=202)["id"]
        self.until(lambda: self.do("GET", f"/v1/jobs/{job}")["status"] not in ("queued", "running"))
        assert self.do("GET", f"/v1/jobs/{job}")["status"] == "succeeded"
        return job

    def products(self) -> list[tuple[Any, ...]]:
        """What the device holds, but for revisions and times."""
        return sorted(tuple(str(row[name]) for name in COMPARED) for row in self.api.rows("products"))


def kill(process: subprocess.Popen[bytes]) -> None:
    """As when the machine loses power: the worker and its children at once."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def goods() -> bytes:
    """A file whose columns nobody can guess. The first lines are of products that are there already."""
    file = io.StringIO()
    write = csv.writer(file).writerow
    write(["Nr", "Was", "Strich", "Wo"])
    for number in range(LINES):
        write([f"S{number:06}", f"New name {number}", f"B{number:06}", f"Shelf {number % 7}"])
    return file.getvalue().encode()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with fresh_database(tmp_path) as url:
        found = Site(tmp_path, url)
        try:
            yield found
        finally:
            found.end()


def tried(site: Site) -> tuple[str, dict[str, Any]]:
    """The file sent, mapped and dry run: the import's id, and what the dry run says will come of it."""
    session = site.send(goods())
    assert session["columns"] == ["Nr", "Was", "Strich", "Wo"]
    page = f"/v1/imports/{session['id']}"
    site.do("PATCH", page, {"mapping": {"sku": "Nr", "name": "Was", "barcode": "Strich", "category": "Wo"}})
    site.job(session["id"], "dry-run")
    planned = site.do("GET", page)["summary"]
    assert (planned["created"], planned["updated"], planned["error"]) == (LINES - KNOWN, KNOWN, 0)
    return session["id"], planned


@pytest.mark.slow
@pytest.mark.django_db  # names the engine; the processes have a database of their own
def test_every_line_is_there_once_and_can_be_undone(site: Site) -> None:
    for number in range(KNOWN):
        site.do("POST", "/v1/products", {"name": f"Old name {number}", "sku": f"S{number:06}", "notes": "mine"}, 201)
    before = site.products()
    site.celery("beat", "--pidfile=")
    worker = site.celery(*WORKER)

    id, planned = tried(site)
    assert site.products() == before

    apply = site.do("POST", f"/v1/imports/{id}/apply", status=202)["id"]
    hexes = id.replace("-", "")  # as both engines read it
    done = f"done FROM imports WHERE uuid = '{hexes}'"
    site.until(lambda: site.count(done) >= 1000)
    kill(worker)
    halfway = site.count(done)
    assert 1000 <= halfway < LINES
    assert site.count("count(*) FROM products WHERE deleted_at IS NULL") == halfway, "whole chunks, nothing between"
    assert site.do("GET", f"/v1/jobs/{apply}")["status"] == "running", "nobody has noticed yet"
    site.celery(*WORKER)
    started = time.monotonic()
    site.until(lambda: site.do("GET", f"/v1/jobs/{apply}")["status"] not in ("queued", "running"))
    seconds = time.monotonic() - started

    job = site.do("GET", f"/v1/jobs/{apply}")
    assert (job["status"], site.count("sum(lost) FROM jobs")) == ("succeeded", 1)
    shown = site.do("GET", f"/v1/imports/{id}")
    assert shown["status"] == "applied"
    assert shown["summary"] == {**planned, "made": {"categories": 7}}
    assert site.count("count(*) FROM import_rows") == site.count("count(DISTINCT number) FROM import_rows") == LINES
    for table in ("products", "barcodes"):
        assert site.count(f"count(*) FROM {table}") == LINES
    after = site.products()
    assert sorted((row[2], row[1]) for row in after) == [(f"S{n:06}", f"New name {n}") for n in range(LINES)]
    assert {row[0] for row in before} < {row[0] for row in after}
    events = f"count(*) FROM devices_event WHERE operation_id = '{hexes}' AND \"table\" = 'products' AND action = "
    assert [site.count(f"{events}'{action}'") for action in ("created", "updated")] == [LINES - KNOWN, KNOWN]
    site.job(id, "revert")
    assert site.products() == before
    assert site.do("GET", f"/v1/imports/{id}")["status"] == "reverted"
    print(f"{LINES} lines, killed at {halfway}, the rest {seconds:.1f} s after the next worker began")  # noqa: T201  # the figures
