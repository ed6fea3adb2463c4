"""The doorbell rings for what is committed, and a silent broker fails nobody."""

from __future__ import annotations

from typing import Any

import pytest
from celery import current_app
from django.db import transaction
from pytest_django import Settings

from config.core.dispatch import enqueue

NAME = "tests.doorbell"


@pytest.fixture
def rung(request: pytest.FixtureRequest) -> Any:
    calls: list[dict[str, Any]] = []

    @current_app.task(name=NAME)
    def doorbell(**arguments: Any) -> None:
        calls.append(arguments)

    yield calls
    current_app.tasks.unregister(NAME)


@pytest.mark.django_db(transaction=True)
def test_it_rings_on_commit_with_json_arguments(rung: list[Any]) -> None:
    with transaction.atomic():
        enqueue(NAME, job=5, names=("a", "b"))
        assert rung == []
    assert rung == [{"job": 5, "names": ["a", "b"]}]


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_never_rings(rung: list[Any]) -> None:
    with transaction.atomic():
        enqueue(NAME, job=5)
        transaction.set_rollback(True)
    assert rung == []


def test_arguments_are_json_or_nothing(rung: list[Any]) -> None:
    with pytest.raises(TypeError):
        enqueue(NAME, job=object())


@pytest.mark.django_db(transaction=True)
def test_an_unknown_name_is_a_mistake_at_once() -> None:
    with pytest.raises(KeyError):
        enqueue("tests.no_such_job")


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_is_the_sweeps_to_mend(
    rung: list[Any], settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CELERY_TASK_ALWAYS_EAGER = False

    def down(**_: Any) -> None:
        raise ConnectionError("amqp://user:password@host")

    monkeypatch.setattr(current_app.tasks[NAME], "apply_async", down)
    enqueue(NAME, job=5)
    assert rung == []
    assert "broker not reachable" in caplog.text
    assert "password" not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_real_broker_gets_the_message(rung: list[Any], settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CELERY_TASK_ALWAYS_EAGER = False
    sent: list[Any] = []
    monkeypatch.setattr(current_app.tasks[NAME], "apply_async", lambda **message: sent.append(message))
    enqueue(NAME, job=5)
    assert sent == [{"kwargs": {"job": 5}, "retry": False}]
