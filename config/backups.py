"""Backups: the whole database in one folder, with a manifest that says what is in it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

MANIFEST = "manifest.json"
FILES = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
BLOCK = 1 << 20


class BackupError(Exception):
    """What is wrong with a backup or its target, in a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: taken when, of which engine, with which migrations and how many rows."""

    made_at: str
    engine: str
    file: str
    bytes: int
    sha256: str
    migrations: dict[str, str]
    rows: dict[str, int]


def make_backup(folder: Path) -> Manifest:
    """Back up the running database into a new folder. Readers and writers go on meanwhile. Raises BackupError."""
    if folder.exists() and any(folder.iterdir()):
        raise BackupError(f"{folder} is not empty. Name a new folder.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / FILES[connection.vendor]
    rows = count_rows()
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(_sqlite_path())) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
    else:
        _run("pg_dump", "--format=custom", "--no-owner", f"--file={target}", _name())
    target.chmod(0o600)
    made_at = datetime.now(UTC).isoformat()
    size, digest = target.stat().st_size, _sha256(target)
    manifest = Manifest(made_at, connection.vendor, target.name, size, digest, _migrations(), rows)
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1) + "\n", encoding="utf-8")
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup that is whole and of this engine. Raises BackupError."""
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise BackupError(f"{folder / MANIFEST} cannot be read: {error}") from None
    if manifest.engine != connection.vendor:
        raise BackupError(f"This backup is of {manifest.engine}, the server runs on {connection.vendor}.")
    dump = folder / Path(manifest.file).name
    if not dump.is_file() or _sha256(dump) != manifest.sha256:
        raise BackupError(f"{dump} is missing or was changed after the backup was made.")
    return manifest


def restore_backup(folder: Path, *, force: bool = False) -> Manifest:
    """Replace the database by a backup. Web and workers must be stopped. Raises BackupError.

    Without `force` a target that holds devices or people is refused and left as it is.
    """
    manifest = read_manifest(folder)
    if not force and any(count_rows().get(table) for table in ("devices", "devices_user")):
        raise BackupError("The database holds devices or people. Use --force to replace them.")
    dump = folder / manifest.file
    if connection.vendor == "sqlite":
        path = _sqlite_path()
        connection.close()
        with closing(sqlite3.connect(dump)) as source, closing(sqlite3.connect(path)) as target:
            source.backup(target)
    else:
        connection.close()
        _run(
            "pg_restore",
            "--clean",
            "--if-exists",
            "--no-owner",
            "--single-transaction",
            f"--dbname={_name()}",
            str(dump),
        )
    return manifest


def count_rows() -> dict[str, int]:
    """How many rows each table of ours holds; tables that are not there yet are left out."""
    tables = set(connection.introspection.table_names())
    models = (model for label in ("devices", "inventory") for model in apps.get_app_config(label).get_models())
    return {model._meta.db_table: model._base_manager.count() for model in models if model._meta.db_table in tables}


def _migrations() -> dict[str, str]:
    """The last applied migration of each app."""
    applied = sorted(MigrationRecorder(connection).applied_migrations())
    return dict(applied)


def _sqlite_path() -> str:
    return str(connection.settings_dict["NAME"])


def _name() -> str:
    return str(connection.settings_dict["NAME"])


def _run(program: str, *arguments: str) -> None:
    """A PostgreSQL client program with the connection of DATABASE_URL; the password goes by environment."""
    path = shutil.which(program)
    if path is None:
        raise BackupError(f"{program} is not installed; it comes with PostgreSQL's client programs.")
    given: dict[str, Any] = connection.settings_dict
    known = {"PGHOST": given["HOST"], "PGPORT": given["PORT"], "PGUSER": given["USER"], "PGPASSWORD": given["PASSWORD"]}
    environment = {**os.environ, **{name: str(value) for name, value in known.items() if value}}
    command: Sequence[str] = [path, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackupError(f"{program} failed: {done.stderr.strip()[-500:]}")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
