"""A server of its own for a simulation: a fresh database, the real web process, gone afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from config.env import BASE_DIR
from inventory.management.fleet.client import Connection, Unreachable

PATIENCE = 60.0  # seconds until it answers
UNLIMITED = "1000000/min"


class WebServer:
    """The web process of the Procfile on a port of this machine; `env` says which database it uses."""

    def __init__(self, env: Mapping[str, str], port: int, *, workers: int = 2) -> None:
        self.env, self.port, self.workers = dict(env), port, workers
        self.url = f"http://127.0.0.1:{port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers."""
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "config.wsgi:application"]
        command += ["--host", "127.0.0.1", "--port", str(self.port), "--workers", str(self.workers)]
        command += ["--blocking-threads", "2", "--no-ws", "--log-level", "error"]
        log = (Path(self.env["VAR_DIR"]) / "web.log").open("ab")
        with log:
            # Our own program with our own arguments, in a group of its own so that all of it can be ended.
            self.process = subprocess.Popen(  # noqa: S603
                command, cwd=BASE_DIR, env=self.env, stdout=log, stderr=log, start_new_session=True
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        probe = Connection(self.url)
        while time.monotonic() < deadline:
            try:
                probe.send("GET", "/health/live")
            except Unreachable:
                time.sleep(0.05)
            else:
                probe.close()
                return
        raise Unreachable(f"the server on port {self.port} does not answer; see {self.env['VAR_DIR']}/web.log")

    def end(self, number: int = signal.SIGTERM) -> None:
        """Signal the whole group and wait for its end."""
        if self.process is not None:
            os.killpg(self.process.pid, number)
            self.process.wait(timeout=30)
            self.process = None


def prepare(folder: Path, database_url: str = "") -> dict[str, str]:
    """The environment of a server in `folder`, its database migrated (default: SQLite in the folder)."""
    env = {
        **os.environ,
        "DATABASE_URL": database_url or f"sqlite:///{folder / 'fleet.sqlite3'}",
        "VAR_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOG_LEVEL": "ERROR",
        "RATE_REGISTER": UNLIMITED,
        "RATE_CALLER": UNLIMITED,
    }
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=BASE_DIR, env=env, check=True)  # noqa: S603  # our own program, fixed arguments
    return env


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def own_server(*, port: int | None = None, database_url: str = "") -> Iterator[WebServer]:
    """A running server with a fresh database."""
    with TemporaryDirectory(prefix="countonme-fleet-") as folder:
        server = WebServer(prepare(Path(folder), database_url), port or free_port())
        try:
            server.start()
            yield server
        finally:
            server.end()
