"""Background work: every name that is rung exists, and arguments are JSON for eager and real workers alike."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.db import transaction

from config.core.dispatch import enqueue
from tests.rules.sources import ROOT, calls, modules, text_of, where


def rung() -> list[tuple[str, str]]:
    """(place, task name) of every call of enqueue()."""
    return [
        (where(path, call), _name(path, call))
        for path in modules()
        for call in calls(path)
        if isinstance(call.func, ast.Name) and call.func.id == "enqueue"
    ]


def _name(path: Path, call: ast.Call) -> str:
    """A literal, or a constant of the module."""
    literal = text_of(call.args[0])
    if literal is not None:
        return literal
    module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    assert isinstance(call.args[0], ast.Name), f"{where(path, call)}: name the task by a constant"
    return str(getattr(module, call.args[0].id))


def test_every_name_that_is_rung_is_a_task() -> None:
    assert rung(), "somebody rings"
    assert [place for place, name in rung() if name not in current_app.tasks] == []


def test_every_schedule_names_a_task() -> None:
    schedules = settings.CELERY_BEAT_SCHEDULE
    assert schedules
    assert [entry["task"] for entry in schedules.values() if entry["task"] not in current_app.tasks] == []


def test_nobody_sends_around_dispatch() -> None:
    senders = {"send_task", "delay", "apply_async", "s", "si"}
    found = [
        where(path, call)
        for path in modules("devices", "inventory")
        for call in calls(path)
        if isinstance(call.func, ast.Attribute) and call.func.attr in senders
    ]
    assert found == [], "use config.core.dispatch.enqueue"


@pytest.fixture
def heard() -> Any:
    """A task that keeps what it was given."""
    kept: list[Any] = []

    @current_app.task(name="tests.echo")
    def echo(**kwargs: Any) -> None:
        kept.append(kwargs)

    current_app.finalize()
    yield kept
    current_app.tasks.pop("tests.echo")


def test_arguments_are_what_json_makes_of_them(
    db: None, heard: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        enqueue("tests.echo", ids=(1, 2), options={1: "a"})
        assert heard == []
    assert heard == [{"ids": [1, 2], "options": {"1": "a"}}]
    with pytest.raises(TypeError):
        enqueue("tests.echo", row=object())


def test_what_is_rolled_back_is_never_sent(db: None, heard: list[Any], django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        enqueue("tests.echo")
        transaction.set_rollback(True)
    assert heard == []
