"""A big stocktake whose job is killed with -9 in the middle, twice: every line is judged and posted exactly once."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg
import pytest

from inventory.management.fleet.server import prepare
from tests.journeys.servers import fresh_database

ROOT = Path(__file__).resolve().parents[2]
LINES = int(os.environ.get("COUNT_LINES", "1600"))  # 10000 for the figures in docs/performance.md
PREPARE = """
import django, sys
django.setup()
from inventory.services.counting.stocktakes import close_stocktake
from tests.factories.big_stocktakes import ME, make_big_stocktake
stocktake = make_big_stocktake(int(sys.argv[1]))
close_stocktake(stocktake, actor=ME)
print(stocktake.device.uuid, stocktake.uuid)
"""
APPROVE = """
import django, sys
django.setup()
from devices.actors import system
from inventory.models import Stocktake
from inventory.services.counting.stocktakes import approve_stocktake
approve_stocktake(Stocktake.objects.get(uuid=sys.argv[1]), actor=system("boss"))
"""
TELL = """
import django, sys
django.setup()
from django.db.models import Sum
from inventory.models import StockLevel, StockMovement, Stocktake, StocktakeLine
from inventory.services.ledger import prove_ledger
stocktake = Stocktake.objects.select_related("device").get()
booked = StockMovement.objects.filter(kind="count")
print(
    stocktake.state,
    StocktakeLine.objects.filter(state=sys.argv[1]).count(),
    booked.count(),
    booked.values("product").distinct().count(),
    int(StockLevel.objects.aggregate(total=Sum("quantity"))["total"]),
    len(prove_ledger(stocktake.device).drifts),
)
"""


class Site:
    """A database of its own and the processes that work on it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.env = {**prepare(folder, url), "PYTHONPATH": str(ROOT), "JOBS_EAGER": "false"}

    def run(self, script: str, *arguments: str) -> list[str]:
        command = [sys.executable, "-c", script, *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.env, check=True, capture_output=True, text=True)
        return done.stdout.split()

    def job(self, device: str, stocktake: str, step: str) -> subprocess.Popen[bytes]:
        parameters = ["--param", f"stocktake={stocktake}", "--param", f"step={step}"]
        command = [sys.executable, "manage.py", "run_job", "stocktake", "--device", device, *parameters]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=quiet, stderr=quiet, start_new_session=True)

    def settled(self, state: str) -> int:
        """Lines in a state, as others see them."""
        query, url = "SELECT count(*) FROM stocktake_lines WHERE state = ", self.env["DATABASE_URL"]
        connect = partial(sqlite3.connect, url.removeprefix("sqlite:///"), timeout=30)
        with closing(connect() if url.startswith("sqlite") else psycopg.connect(url)) as database:
            return int(database.execute(f"{query}'{state}'").fetchone()[0])

    def killed_and_done_again(self, device: str, stocktake: str, step: str, *, settled: str) -> float:
        """Killed once some lines more than at first are done, then run to the end. Returns the seconds of that run."""
        before = self.settled(settled)
        process = self.job(device, stocktake, step)
        while process.poll() is None and self.settled(settled) == before:
            time.sleep(0.005)
        assert process.poll() is None, "it was done before it could be killed"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert before < self.settled(settled) < LINES
        started = time.monotonic()
        assert self.job(device, stocktake, step).wait(600) == 0
        return time.monotonic() - started


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with fresh_database(tmp_path) as url:
        yield Site(tmp_path, url)


@pytest.mark.slow
@pytest.mark.django_db  # names the engine; the processes have a database of their own
def test_a_killed_job_judges_and_posts_exactly_once(site: Site) -> None:
    device, stocktake = site.run(PREPARE, str(LINES))
    judged = site.killed_and_done_again(device, stocktake, "evaluate", settled="matched")
    assert site.run(TELL, "matched") == ["review", str(LINES), "0", "0", str(LINES * 10), "0"]
    site.run(APPROVE, stocktake)
    posted = site.killed_and_done_again(device, stocktake, "post", settled="posted")
    half = str(LINES // 2)
    assert site.run(TELL, "posted") == ["posted", str(LINES), half, half, str(LINES * 10 - LINES // 2), "0"]
    print(f"{LINES} lines, the rest after the kill: judged in {judged:.1f} s, posted in {posted:.1f} s")  # noqa: T201  # the figures
