"""The drill of docs/operations.md: back to yesterday's backup, and the devices bring back what it lost."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "minimal_client.py"
WRITABLE = {"products": ("name", "sku", "unit"), "tasks": ("title",)}
MOVEMENT = ("product_id", "kind", "quantity", "from_location_id", "to_location_id", "reason", "occurred_at")
DEADLINE = 60


class Server:
    """`manage.py serve`'s web process alone, on a database of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        url = f"sqlite:///{folder / 'db.sqlite3'}"
        settings = {"VAR_DIR": str(folder), "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"}
        self.env = {**os.environ, **settings, "LOG_LEVEL": "WARNING"}
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self) -> None:
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "config.wsgi:application"]
        command += ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + DEADLINE
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"{self.url}/health/ready", timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError):
                assert self.process.poll() is None, "the server ended"
        raise AssertionError("the server did not start")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=DEADLINE)
            self.process = None


@pytest.fixture
def server(tmp_path):
    found = Server(tmp_path)
    found.manage("migrate", "--verbosity", "0")
    found.start()
    yield found
    found.stop()


def client_of(server):
    spec = importlib.util.spec_from_file_location("minimal_client", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    client = module.Client(server.url, "Phone")
    client.enrol()
    return client


def bring_back(client, known):
    """docs/sync.md, "After a restore": queue again what the client knew as stored and the server lost."""
    client.sequence = client.call("POST", "/v1/sync/push", {"ops": []})[1]["next_sequence"]
    for table, columns in (
        ("products", WRITABLE["products"]),
        ("tasks", WRITABLE["tasks"]),
        ("stock_movements", MOVEMENT),
    ):
        for id, row in known.get(table, {}).items():
            data = {name: row[name] for name in columns if row[name] is not None}
            here = client.rows.get(table, {}).get(id)
            if here is None:
                client.write("create", table, data, id=id)
            elif any(here[name] != row[name] for name in columns):
                client.write("update", table, data, id=id)
    return client.sync()


def content(rows):
    """What must be equal: everything but revisions and the server's own times."""
    ours = {"products": WRITABLE["products"], "tasks": WRITABLE["tasks"], "stock_movements": MOVEMENT}
    return {
        table: {id: {name: row[name] for name in columns} for id, row in rows.get(table, {}).items()}
        for table, columns in ours.items()
    }


@pytest.mark.slow
def test_devices_bring_back_what_the_backup_lost(server, tmp_path):
    client = client_of(server)
    oat = client.write("create", "products", {"name": "Oat", "sku": "OAT"})
    client.write("create", "stock_movements", {"product_id": oat, "kind": "receipt", "quantity": "10"})
    assert client.sync() == []
    server.manage("backup", str(tmp_path / "yesterday"))

    rye = client.write("create", "products", {"name": "Rye", "sku": "RYE"})
    client.write("update", "products", {"name": "Oat milk"}, id=oat)
    client.write("create", "stock_movements", {"product_id": oat, "kind": "issue", "quantity": "4"})
    client.write("create", "stock_movements", {"product_id": rye, "kind": "receipt", "quantity": "7"})
    client.write("create", "tasks", {"title": "Count the rye"})
    assert client.sync() == []
    known = {table: dict(rows) for table, rows in client.rows.items()}

    server.stop()
    assert "A new epoch for 1 devices" in server.manage("restore", str(tmp_path / "yesterday"), "--force")
    server.start()
    assert client.sync() == []  # 410, then everything the backup knows
    assert len(client.rows["stock_movements"]) == 1
    assert rye not in client.rows["products"]

    assert bring_back(client, known) == []
    assert content(client.rows) == content(known)
    levels = sorted(row["quantity"] for row in client.rows["stock_levels"].values())
    assert levels == ["6", "7"]
    server.manage("verify_ledger")  # exit status 1 on drift
    assert bring_back(client, known) == []  # again: nothing changes
    assert content(client.rows) == content(known)
