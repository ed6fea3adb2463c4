"""backup and restore as an operator runs them: real processes on a database of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[2]
REGISTER = (
    "from devices.services.enrollment import *; print(register_device(Wish(name='{name}')).installation.device.uuid)"
)
COUNT = "from devices.models import *; print(Device.objects.count(), *Feed.objects.values_list('epoch', flat=True))"


class Server:
    """One database and the commands an operator types."""

    def __init__(self, folder: Path, url: str) -> None:
        self.env = {
            **os.environ,
            "VAR_DIR": str(folder),
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }

    def run(self, *arguments: str, ok: bool = True) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode == 0) is ok, done.stdout + done.stderr
        return done.stdout + done.stderr

    def shell(self, code: str) -> str:
        return self.run("shell", "--no-imports", "-c", code).strip()


@pytest.fixture
def server(tmp_path):
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        yield Server(tmp_path, f"sqlite:///{tmp_path / 'db.sqlite3'}")
        return
    name = f"backup_{uuid4().hex[:12]}"
    base = url.rpartition("/")[0]
    with psycopg.connect(f"{base}/postgres", autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        yield Server(tmp_path, f"{base}/{name}")
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.mark.slow
def test_what_was_backed_up_comes_back_in_a_new_epoch(server, tmp_path):
    server.run("migrate", "--verbosity", "0")
    server.shell(REGISTER.format(name="before"))
    folder = tmp_path / "backup"
    assert "rows" in server.run("backup", str(folder))
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["rows"]["devices"] == 1
    assert manifest["migrations"]["devices"] >= "0002_guards"
    server.shell(REGISTER.format(name="after"))

    assert "--force" in server.run("restore", str(folder), ok=False)
    assert server.shell(COUNT) == "2 1 1"  # a refusal changes nothing

    assert "A new epoch for 1 devices" in server.run("restore", str(folder), "--force")
    assert server.shell(COUNT) == "1 2"
    assert "not empty" in server.run("backup", str(folder), ok=False)


@pytest.mark.slow
def test_a_changed_backup_is_refused(server, tmp_path):
    server.run("migrate", "--verbosity", "0")
    folder = tmp_path / "backup"
    server.run("backup", str(folder))
    manifest = json.loads((folder / "manifest.json").read_text())
    with (folder / manifest["file"]).open("ab") as stream:
        stream.write(b"!")
    assert "was changed" in server.run("restore", str(folder), ok=False)
    assert "cannot be read" in server.run("restore", str(tmp_path), ok=False)
