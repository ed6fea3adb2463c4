"""Settings: safe by default, and what an operator sets is what runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
SHOWN = (
    "import json; from config import settings as s; "
    "print(json.dumps({n: getattr(s, n) for n in dir(s) if n.isupper()}, default=str))"
)


def load(tmp_path: Path, **environment: str) -> dict[str, Any]:
    """The settings as a fresh process with this environment reads them."""
    kept = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), **environment}
    done = subprocess.run(
        [sys.executable, "-c", SHOWN], cwd=ROOT, env=kept, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_the_defaults_are_safe(tmp_path: Path) -> None:
    found = load(tmp_path)
    assert found["DEBUG"] is False
    assert found["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert found["CORS_ALLOWED_ORIGINS"] == found["TRUSTED_PROXIES"] == []
    assert len(found["SECRET_KEY"]) > 60
    assert len(found["TOKEN_PEPPERS"]) == 1
    assert found["SECRET_KEY"] != found["TOKEN_PEPPERS"][0]
    assert {path.name for path in tmp_path.iterdir()} >= {"secret_key", "token_pepper"}
    again = load(tmp_path)
    assert (again["SECRET_KEY"], again["TOKEN_PEPPERS"]) == (found["SECRET_KEY"], found["TOKEN_PEPPERS"])


def test_sqlite_is_set_up_for_several_writers(tmp_path: Path) -> None:
    options = load(tmp_path)["DATABASES"]["default"]["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert options["timeout"] >= 30
    assert "journal_mode=WAL" in options["init_command"]
    assert "synchronous=FULL" in options["init_command"]


def test_postgresql_keeps_its_connections(tmp_path: Path) -> None:
    found = load(tmp_path, DATABASE_URL="postgres://ada@db.example/stock")["DATABASES"]["default"]
    assert found["CONN_MAX_AGE"] is None
    assert found["OPTIONS"]["server_side_binding"] is True


def test_https_turns_on_what_belongs_to_it(tmp_path: Path) -> None:
    found = load(tmp_path, HTTPS="true", TRUSTED_PROXIES="10.0.0.1", TOKEN_PEPPERS="new,old", CACHE_URL="redis://h/1")
    assert found["SECURE_SSL_REDIRECT"] is found["SESSION_COOKIE_SECURE"] is found["CSRF_COOKIE_SECURE"] is True
    assert found["SECURE_HSTS_SECONDS"] > 0
    assert found["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_FORWARDED_PROTO", "https"]
    assert found["TOKEN_PEPPERS"] == ["new", "old"]
    assert "redis" in found["CACHES"]["default"]["BACKEND"]


@pytest.mark.parametrize(
    ("name", "value"), [("DEBUG", "perhaps"), ("ENROLLMENT", "closed"), ("MAX_BODY_BYTES", "12"), ("LOG_FORMAT", "xml")]
)
def test_a_wrong_value_stops_the_start_by_name(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(RuntimeError, match=name):
        load(tmp_path, **{name: value})


@pytest.mark.skipif(connection.vendor != "sqlite", reason="pragmas are SQLite's")
@pytest.mark.django_db
def test_the_pragmas_are_in_force() -> None:
    with connection.cursor() as cursor:
        for pragma, expected in (("journal_mode", "wal"), ("synchronous", 2), ("recursive_triggers", 1)):
            cursor.execute(f"PRAGMA {pragma}")
            assert cursor.fetchone()[0] == expected


def test_deployment_checks_are_clean() -> None:
    assert settings.DEBUG is False
    call_command("check", "--deploy", "--fail-level", "WARNING")
