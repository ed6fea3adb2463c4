"""Typed readers for the environment; what is wrong there is said by name and at start-up."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
ENV = environ.FileAwareEnv()  # NAME_FILE=/run/secrets/x is read as NAME, as containers expect


def text(name: str, default: str = "") -> str:
    """A string, or `default`."""
    return str(ENV.str(name, default=default)).strip()


def flag(name: str, default: bool) -> bool:
    """A boolean: 1/true/yes/on or 0/false/no/off."""
    raw = text(name, str(default)).lower()
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name}={raw!r}: use true or false.")


def number(name: str, default: int, *, least: int = 0) -> int:
    """A whole number that is at least `least`."""
    raw = text(name, str(default))
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={raw!r}: use a whole number.") from None
    if value < least:
        raise ImproperlyConfigured(f"{name}={value}: use {least} or more.")
    return value


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """One of a few words."""
    raw = text(name, default)
    if raw not in allowed:
        raise ImproperlyConfigured(f"{name}={raw!r}: use one of {', '.join(allowed)}.")
    return raw


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def secret(name: str, var_dir: Path) -> str:
    """A secret from the environment, else from `var/<name>`, made there once (mode 0600)."""
    given = text(name)
    if given:
        return given
    path = var_dir / name.lower()
    if not path.exists():
        _write_once(path, secrets.token_urlsafe(64))
    kept = path.read_text(encoding="ascii").strip()
    if not kept:
        raise ImproperlyConfigured(f"{name}: {path} is empty; delete it to have a new one made.")
    return kept


def _write_once(path: Path, value: str) -> None:
    """Write a whole file or none: two processes that start at once must end with one secret."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(value + "\n", encoding="ascii")
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass  # another process was first; its secret counts
    finally:
        draft.unlink()


def database(name: str, default: str) -> dict[str, Any]:
    """Django's database dict from a URL such as postgres://user:pw@host/db or sqlite:///path."""
    return dict(ENV.db_url(name, default=default))


@dataclass(frozen=True, slots=True)
class Mail:
    """How e-mail leaves: Django's backend of that name; `starttls` after connecting, or `tls` from the start."""

    backend: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    starttls: bool = False
    tls: bool = False


MAIL_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}


def mail(name: str, default: str) -> Mail:
    """console:// prints; smtp://, smtp+tls:// (STARTTLS) and smtps:// take user:password@host:port."""
    raw = text(name, default)
    try:
        url = urlsplit(raw)
        port = url.port
    except ValueError:
        raise ImproperlyConfigured(f"{name}: this is not a URL.") from None
    if url.scheme == "console":
        return Mail("console")
    if url.scheme not in MAIL_PORTS or not url.hostname:
        raise ImproperlyConfigured(f"{name}: use console://, or smtp://, smtp+tls:// or smtps:// with a host.")
    return Mail(
        backend="smtp",
        host=url.hostname,
        port=port or MAIL_PORTS[url.scheme],
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
        starttls=url.scheme == "smtp+tls",
        tls=url.scheme == "smtps",
    )
