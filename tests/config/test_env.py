"""Environment variables: typed, and wrong ones named at start-up."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env
from tests.factories.threads import together


@pytest.mark.parametrize(
    ("raw", "value"),
    [("1", True), ("true", True), ("YES", True), ("on", True), ("0", False), ("False", False), ("no", False)],
)
def test_flags(monkeypatch: pytest.MonkeyPatch, raw: str, value: bool) -> None:
    monkeypatch.setenv("X_FLAG", raw)
    assert env.flag("X_FLAG", not value) is value
    monkeypatch.delenv("X_FLAG")
    assert env.flag("X_FLAG", value) is value


@pytest.mark.parametrize(
    ("read", "raw"),
    [
        (lambda: env.flag("X_WRONG", True), "maybe"),
        (lambda: env.number("X_WRONG", 1), "many"),
        (lambda: env.number("X_WRONG", 1), "1.5"),
        (lambda: env.number("X_WRONG", 1, least=5), "4"),
        (lambda: env.number("X_WRONG", 1), "-1"),
        (lambda: env.choice("X_WRONG", "a", ("a", "b")), "c"),
    ],
)
def test_what_is_wrong_is_said_by_name(monkeypatch: pytest.MonkeyPatch, read: Any, raw: str) -> None:
    monkeypatch.setenv("X_WRONG", raw)
    with pytest.raises(ImproperlyConfigured, match="X_WRONG"):
        read()


def test_words_numbers_and_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_WORDS", " a, ,b ,")
    assert env.words("X_WORDS") == ["a", "b"]
    assert env.words("X_NOTHING", "c") == ["c"]
    monkeypatch.setenv("X_NUMBER", " 7 ")
    assert env.number("X_NUMBER", 1, least=7) == 7
    monkeypatch.setenv("X_CHOICE", "b")
    assert env.choice("X_CHOICE", "a", ("a", "b")) == "b"


def test_a_file_may_hold_the_value(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "value").write_text("from a file\n")
    monkeypatch.setenv("X_TEXT_FILE", str(tmp_path / "value"))
    assert env.text("X_TEXT") == "from a file"


def test_a_secret_is_made_once_and_private(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = env.secret("X_SECRET", tmp_path / "var")
    assert len(made) > 60
    path = tmp_path / "var" / "x_secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert env.secret("X_SECRET", tmp_path / "var") == made
    assert [entry.name for entry in (tmp_path / "var").iterdir()] == ["x_secret"]
    monkeypatch.setenv("X_SECRET", "given")
    assert env.secret("X_SECRET", tmp_path / "var") == "given"


def test_processes_that_start_together_share_one_secret(tmp_path: Path) -> None:
    assert len(set(together([lambda: env.secret("X_SECRET", tmp_path)] * 8))) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["x_secret"]


def test_an_empty_secret_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x_secret").write_text("\n")
    with pytest.raises(ImproperlyConfigured, match="X_SECRET"):
        env.secret("X_SECRET", tmp_path)


def test_databases_are_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_URL", "postgres://ada:p%40ss@db.example:5433/stock")
    found = env.database("X_URL", "sqlite:///x")
    assert (found["NAME"], found["USER"], found["PASSWORD"], found["HOST"], found["PORT"]) == (
        "stock",
        "ada",
        "p@ss",
        "db.example",
        5433,
    )
    assert env.database("X_OTHER", "sqlite:////tmp/x.sqlite3")["NAME"] == "/tmp/x.sqlite3"  # noqa: S108  # only a name


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("console://", env.Mail("console")),
        ("smtp://mail.example", env.Mail("smtp", "mail.example", 25)),
        ("smtp+tls://a%40b:p%3Aw@mail.example", env.Mail("smtp", "mail.example", 587, "a@b", "p:w", starttls=True)),
        ("smtps://u:p@mail.example:4650", env.Mail("smtp", "mail.example", 4650, "u", "p", tls=True)),
    ],
)
def test_mail(monkeypatch: pytest.MonkeyPatch, raw: str, found: env.Mail) -> None:
    monkeypatch.setenv("X_MAIL", raw)
    assert env.mail("X_MAIL", "console://") == found


@pytest.mark.parametrize("raw", ["mail.example", "smtp://", "pop://mail.example", "smtp://mail.example:many"])
def test_mail_that_cannot_be(monkeypatch: pytest.MonkeyPatch, raw: str) -> None:
    monkeypatch.setenv("X_MAIL", raw)
    with pytest.raises(ImproperlyConfigured, match="X_MAIL"):
        env.mail("X_MAIL", "console://")
