"""A site of its own for tests that need real workers: a database, a broker, and the processes that work on them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from kombu import Connection
from redis import Redis

ROOT = Path(__file__).resolve().parents[3]
WORKER = ("worker", "--without-gossip", "--without-mingle", "--without-heartbeat")
# The application as it is, with impatient bells and a sweep of its own; a test adds kinds of jobs.
PRELUDE = """
import os, sys, time
from datetime import timedelta
from decimal import Decimal
from uuid import UUID
sys.path.insert(0, os.environ["TOY_ROOT"])
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django
django.setup()
from config.celery import app
from django.db import connection
from devices.actors import system
from devices.services.enrollment import Wish, register_device
from inventory.services import jobs
from inventory.services.job_kinds import JobKind, register_kind
from inventory.services.job_parameters import Parameter
from inventory.services.movements import record_movement
from inventory.services.products import create_product

jobs.FIRST_RING = jobs.RING_AGAIN = timedelta(seconds=2)
app.conf.task_default_queue = os.environ["TOY_QUEUE"]
app.conf.broker_transport_options = {"global_keyprefix": os.environ["TOY_QUEUE"]}
app.conf.beat_scheduler = "celery.beat:PersistentScheduler"
app.conf.beat_schedule = {"sweep": {"task": "inventory.jobs.sweep", "schedule": 0.5, "options": {"expires": 5}}}
"""


class Site:
    """One database, one broker, and the processes that work on them."""

    def __init__(self, folder: Path, toy: str, broker: str, sql: Callable[[str], Any], database: str) -> None:
        (folder / "toyjobs.py").write_text(PRELUDE + toy)
        self.folder, self.sql, self.broker = folder, sql, broker
        self.queue = f"toy-{uuid4().hex[:8]}"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.env = {
            **os.environ,
            "TOY_ROOT": str(ROOT),
            "TOY_QUEUE": self.queue,
            "VAR_DIR": str(folder / "var"),
            "DATABASE_URL": database,
            "CELERY_BROKER_URL": broker,
            "JOBS_EAGER": "false",
            "JOB_LEASE_SECONDS": "5",
            "JOBS_PER_DEVICE": "1000000",
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


def until(condition: Callable[[], object], site: Site, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, (site.folder / "log").read_text()[-4000:]
        time.sleep(0.02)
