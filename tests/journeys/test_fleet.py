"""The fleet simulator: a sound server passes, a broken one is found out."""

from __future__ import annotations

import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from devices.models import Device, Operation
from inventory.management.fleet.client import Connection
from inventory.models import Case, StockMovement
from inventory.services import movements
from inventory.services.ledger import prove_ledger
from inventory.services.sync import pull, push

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


def simulate(url: str, **options: Any) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("simulate_fleet", url=url, stdout=out, **options)
    return out.getvalue()


def test_a_short_day_of_a_small_fleet(live_server: Any) -> None:
    said = simulate(live_server.url, devices=3, installations=2, hours=2, seed=3, with_database=True)
    assert "Every replica equals the server, the server equals the model." in said
    assert StockMovement.objects.count() > 50
    assert Operation.objects.count() > 150
    assert Case.objects.exists()
    assert [proof for proof in map(prove_ledger, Device.objects.all()) if proof.drifts] == []


def test_a_client_builder_needs_nothing_but_the_address(live_server: Any) -> None:
    said = simulate(live_server.url, devices=1, hours=4, seed=6)
    assert re.search(r"staff edits +│ +[1-9]", said)
    assert "Every replica equals the server, the server equals the model." in said


def skip_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    read = pull._rows
    monkeypatch.setattr(pull, "_rows", lambda *args: [found for found in read(*args) if found[1].revision % 17])


def forget_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "stored_operations", lambda device, op_ids: {})
    monkeypatch.setattr(push, "had_effect", lambda device, ops: set())  # else the events make up for it
    monkeypatch.setattr(push._Run, "_keep", lambda self, op, result: None)


def leave_levels_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(movements, "move_levels", lambda *, device, deltas: dict(deltas))


def overwrite_conflicts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "_refuse_conflict", lambda *args: None)


@pytest.mark.parametrize("sabotage", [skip_a_row, forget_verdicts, leave_levels_alone, overwrite_conflicts])
def test_a_broken_server_is_found_out(live_server: Any, monkeypatch: pytest.MonkeyPatch, sabotage: Any) -> None:
    sabotage(monkeypatch)
    with pytest.raises(CommandError, match=r"device 1 \(seed 4\)"):
        simulate(live_server.url, devices=1, installations=2, hours=4, per_hour=30, seed=4, with_database=True)


def test_installations_need_enrollment_codes(live_server: Any) -> None:
    with pytest.raises(CommandError, match="--with-database"):
        simulate(live_server.url, installations=2)


def test_no_server_is_no_success() -> None:
    with pytest.raises(CommandError, match=r"/v1/devices/register"):
        simulate("http://127.0.0.1:9", devices=1)


def test_the_client_waits_where_the_server_is_busy(live_server: Any, settings: Any) -> None:
    settings.REST_FRAMEWORK = {
        **settings.REST_FRAMEWORK,
        "DEFAULT_THROTTLE_RATES": {**settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "register": "1/s"},
    }
    connection = Connection(live_server.url)
    assert {connection.send("POST", "/v1/devices/register", {})[0] for _ in range(3)} == {201}
    connection.close()


def test_a_server_of_its_own() -> None:
    command = [sys.executable, "manage.py", "simulate_fleet", "--devices", "1", "--hours", "0.5", "--port", "8342"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every replica equals the server, the server equals the model." in done.stdout
