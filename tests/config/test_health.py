"""Health: live answers always, ready only when the database does."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client


def test_live_needs_nothing(client: Client) -> None:
    answer = client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_ready_says_what_is_wrong(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "database": "ok"})

    class Gone:
        closed = False

        def cursor(self) -> Any:
            raise OperationalError("could not connect to db.example:5432 as ada")

        def close(self) -> None:
            self.closed = True

    gone = Gone()
    monkeypatch.setattr("config.health.connection", gone)
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "unready", "database": "not reachable"})
    assert gone.closed
    assert "ada" not in answer.content.decode()
