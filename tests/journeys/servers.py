"""Real servers for journeys: web processes on a database of their own, and a PostgreSQL that may be killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from inventory.management.fleet.client import Connection, Unreachable
from inventory.management.fleet.server import WebServer, prepare

SECONDS = 60


@contextmanager
def fresh_database(folder: Path) -> Iterator[str]:
    """The URL of a new, empty database on the engine that the suite runs on."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{folder / 'web.sqlite3'}"
        return
    told = connection.settings_dict
    name = f"{told['NAME']}_web_{os.getpid()}"
    address = {"host": told["HOST"], "port": told["PORT"] or 5432, "user": told["USER"], "password": told["PASSWORD"]}
    with psycopg.connect(**address, dbname="postgres", autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}"')
        admin.execute(f'CREATE DATABASE "{name}"')
    who = f"{told['USER']}:{told['PASSWORD']}" if told["PASSWORD"] else told["USER"]
    yield f"postgres://{who}@{address['host']}:{address['port']}/{name}"
    with psycopg.connect(**address, dbname="postgres", autocommit=True) as admin:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def web_server(folder: Path, port: int, database_url: str) -> Iterator[WebServer]:
    """A running server of two web processes."""
    server = WebServer(prepare(folder, database_url), port)
    try:
        server.start()
        yield server
    finally:
        server.end(signal.SIGKILL)


class PrivatePostgres:
    """A PostgreSQL server in a folder of its own, run by the user postgres. Skips where that cannot be."""

    def __init__(self, port: int) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        if not found or os.getuid() != 0 or shutil.which("runuser") is None:
            pytest.skip("no PostgreSQL server of our own: needs its binaries, root and runuser")
        self.bin, self.port = found[-1].parent, port
        self.url = f"postgres://postgres@127.0.0.1:{port}/postgres"
        self.folder = Path(tempfile.mkdtemp(prefix="countonme-postgres-"))
        shutil.chown(self.folder, "postgres", "postgres")
        self.process: subprocess.Popen[bytes] | None = None
        command = [self.bin / "initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run(["runuser", "-u", "postgres", "--", *command], check=True, capture_output=True)

    def start(self) -> None:
        """Start, recovering from a crash if there was one, and wait until it answers."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            if self.process is None or self.process.poll() is not None:
                options = ["-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
                command = ["runuser", "-u", "postgres", "--", self.bin / "postgres", "-D", self.folder / "data"]
                self.process = subprocess.Popen(
                    [*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.05)  # it is starting, or the children of the killed one are still ending
            else:
                return
        raise AssertionError("PostgreSQL did not start")

    def kill(self) -> None:
        """kill -9 the whole server at once, as a power cut would."""
        assert self.process is not None
        main = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = [int(pid) for pid in Path(f"/proc/{main}/task/{main}/children").read_text().split()]
        for pid in (main, *children):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(timeout=30)

    def remove(self) -> None:
        """End it and its folder."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def stubborn_post(connection: Connection, path: str, body: dict[str, object]) -> dict[str, object]:
    """Post until the server takes it: what a client does while servers die around it."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        try:
            status, answer = connection.send("POST", path, body)
        except Unreachable:
            continue
        if status < 500:
            assert status in (200, 201), answer
            return answer
    raise AssertionError(f"{path} was never taken")
