"""Workers killed with -9: no accepted job is lost, none has its effect twice, on every broker there is.

KILL_JOBS=1000 makes it the large run whose figures are in docs/jobs.md.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from kombu import Connection
from redis import Redis

from config.broker import register_transport

ROOT = Path(__file__).resolve().parents[3]
# The application as it is, with one more kind of job: it books one piece per job.
TOY = """
import os, sys, time
from datetime import timedelta
from decimal import Decimal
from uuid import UUID
sys.path.insert(0, os.environ["TOY_ROOT"])
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django
django.setup()
from config.celery import app
from devices.actors import system
from devices.services.enrollment import Wish, register_device
from inventory.services import jobs
from inventory.services.job_kinds import JobKind, register_kind
from inventory.services.job_parameters import Parameter
from inventory.services.movements import record_movement
from inventory.services.products import create_product

def build(run):
    slow = run.parameters["slow"]
    time.sleep(float(os.environ["TOY_SLOW"]) if slow else 0.005)
    with run.effect(last=True):
        record_movement(device=run.device, actor=run.actor, product_id=UUID(run.parameters["product"]),
                        kind="receipt", quantity=Decimal(1), reference=str(run.uuid))
        time.sleep(float(os.environ["TOY_SLOW"]) if slow else 0.005)

register_kind(JobKind("toy", "Toy", build, parameters={"product": Parameter(str), "slow": Parameter(bool)}))
jobs.FIRST_RING = jobs.RING_AGAIN = timedelta(seconds=2)
app.conf.task_default_queue = os.environ["TOY_QUEUE"]
app.conf.broker_transport_options = {"global_keyprefix": os.environ["TOY_QUEUE"]}
app.conf.beat_scheduler = "celery.beat:PersistentScheduler"
app.conf.beat_schedule = {"sweep": {"task": "inventory.jobs.sweep", "schedule": 0.5, "options": {"expires": 5}}}

if __name__ == "__main__":
    device = register_device(Wish(name="Toys")).installation.device
    product = create_product(device=device, actor=system("toy"), name="Toy")
    for number in range(int(sys.argv[1])):
        parameters = {"product": str(product.uuid), "slow": number % 20 == 10}
        jobs.request_job(kind="toy", actor=system("toy"), device=device, parameters=parameters)
"""
SLOW_SECONDS = 0.3  # before the effect and again inside it
WORKER = ("worker", "--concurrency", "1", "--without-gossip", "--without-mingle", "--without-heartbeat")


class Site:
    """One database, one broker, and the processes that work on them."""

    def __init__(self, folder: Path, broker: str, sql: Callable[[str], Any], database: str) -> None:
        (folder / "toyjobs.py").write_text(TOY)
        self.folder, self.sql, self.broker = folder, sql, broker
        self.queue = f"toy-{uuid4().hex[:8]}"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.env = {
            **os.environ,
            "TOY_ROOT": str(ROOT),
            "TOY_QUEUE": self.queue,
            "TOY_SLOW": str(SLOW_SECONDS),
            "VAR_DIR": str(folder / "var"),
            "DATABASE_URL": database,
            "CELERY_BROKER_URL": broker,
            "JOBS_EAGER": "false",
            "JOB_LEASE_SECONDS": "5",
            "LOG_LEVEL": "INFO",
        }

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=self.folder,
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def celery(self, *command: str) -> subprocess.Popen[bytes]:
        return self.start("-m", "celery", "-A", "toyjobs", *command, "--loglevel", "INFO")

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                kill(process)
        if self.broker.startswith("redis"):
            client = Redis.from_url(self.broker)
            for key in client.scan_iter(f"{self.queue}*"):
                client.delete(key)
            client.close()
        elif self.broker.startswith("amqp"):
            with Connection(self.broker) as broker:
                broker.default_channel.queue_delete(self.queue)
                broker.default_channel.exchange_delete(self.queue)


def kill(process: subprocess.Popen[bytes]) -> None:
    """As when the machine loses power: the worker and its children at once."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def kill_children(process: subprocess.Popen[bytes], site: Site) -> None:
    """As when memory runs out: what does the jobs dies, the worker starts others.

    Not on the embedded broker: there a worker whose children all die at once starts others but gives them no
    work any more (measured; one at a time is harmless). Its jobs wait for the next worker.
    """
    until(lambda: children_of(process), site)  # it may just be starting
    for pid in children_of(process):
        os.kill(pid, signal.SIGKILL)


def children_of(process: subprocess.Popen[bytes]) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


def until(condition: Callable[[], object], site: Site, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, (site.folder / "log").read_text()[-4000:]
        time.sleep(0.02)


@pytest.fixture
def sql_and_url(transactional_db: None, tmp_path: Path) -> Iterator[tuple[Callable[[str], Any], str]]:
    """The first value of a query, and the URL, of a migrated database that other processes can open."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:

            def value(query: str) -> Any:
                cursor.execute(query)
                return cursor.fetchone()[0]

            base = os.environ["DATABASE_URL"].rpartition("/")[0]
            yield value, f"{base}/{connection.settings_dict['NAME']}"
        return
    path = tmp_path / "toy.sqlite3"
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(path)])  # the test database lives in this process's memory
    file = sqlite3.connect(path, timeout=30, isolation_level=None)
    yield lambda query: file.execute(query).fetchone()[0], f"sqlite:///{path}"
    file.close()


@pytest.fixture
def start_site(sql_and_url: tuple[Callable[[str], Any], str], tmp_path: Path) -> Iterator[Callable[[str], Site]]:
    started: list[Site] = []

    def start(broker: str) -> Site:
        register_transport()
        started.append(Site(tmp_path, broker, *sql_and_url))
        return started[-1]

    yield start
    for site in started:
        site.end()


def wait_for_a_slow_one(site: Site, *, part: float) -> None:
    """Until a slow job was leased anew and this part of its time has passed: before, in and after its effect."""
    leases = "SELECT sum(fence) FROM jobs WHERE CAST(parameters AS text) LIKE '%\"slow\": true%'"
    before = site.sql(leases)
    until(lambda: site.sql(leases) > before, site)
    moment = time.monotonic() + part * 2 * SLOW_SECONDS
    until(lambda: time.monotonic() >= moment, site)


@pytest.mark.slow
@pytest.mark.parametrize("broker", ["embedded", "TEST_REDIS_URL", "TEST_AMQP_URL"])
def test_nothing_is_lost_and_nothing_done_twice(broker: str, start_site: Callable[[str], Site], tmp_path: Path) -> None:
    url = f"countonme://{tmp_path / 'broker'}" if broker == "embedded" else os.environ.get(broker, "")
    if not url:
        pytest.skip(f"{broker} is not set")
    jobs, kills = (200, 4) if broker == "embedded" else (60, 2)
    if "KILL_JOBS" in os.environ:
        jobs, kills = int(os.environ["KILL_JOBS"]), 20
    site = start_site(url)
    assert site.start("toyjobs.py", str(jobs)).wait(300) == 0, (site.folder / "log").read_text()
    assert site.sql("SELECT count(*) FROM jobs WHERE status = 'queued'") == jobs

    site.celery("beat", "--schedule", str(tmp_path / "beat"))
    workers = [site.celery(*WORKER, "--hostname", f"{name}@%h") for name in "ab"]
    for number in range(kills):
        wait_for_a_slow_one(site, part=number / kills)
        which = number // 2 % 2
        if number % 2 and broker != "embedded":
            kill_children(workers[which], site)
        else:
            kill(workers[which])
            workers[which] = site.celery(*WORKER, "--hostname", f"{'ab'[which]}@%h")
    until(lambda: not site.sql("SELECT count(*) FROM jobs WHERE status IN ('queued', 'running')"), site, seconds=300)

    assert site.sql("SELECT count(*) FROM jobs WHERE status = 'succeeded'") == jobs
    assert site.sql("SELECT count(*) FROM stock_movements") == jobs
    assert site.sql("SELECT count(DISTINCT reference) FROM stock_movements") == jobs
    assert site.sql("SELECT sum(quantity) FROM stock_levels") == jobs * 1_000_000
    assert site.sql("SELECT sum(lost) FROM jobs") >= kills // 2  # a kill may come just after an end
    assert site.sql("SELECT sum(fence) FROM jobs") == site.sql("SELECT sum(attempts + lost) FROM jobs")
    if "KILL_JOBS" in os.environ:
        lost, twice = site.sql("SELECT sum(lost) FROM jobs"), site.sql("SELECT count(*) FROM jobs WHERE fence > 1")
        print(f"{broker}: {jobs} jobs, {kills} kills, {lost} leases lost, {twice} jobs begun again")  # noqa: T201  # the figures
