"""Workers killed with -9: no accepted job is lost, none has its effect twice, on every broker there is.

KILL_JOBS=1000 makes it the large run whose figures are in docs/jobs.md.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.inventory.jobs.site import WORKER, Site, kill, until

# One more kind of job: it books one piece per job.
TOY = """
def build(run):
    slow = run.parameters["slow"]
    time.sleep(0.3 if slow else 0.005)
    with run.effect(last=True):
        record_movement(device=run.device, actor=run.actor, product_id=UUID(run.parameters["product"]),
                        kind="receipt", quantity=Decimal(1), reference=str(run.uuid))
        time.sleep(0.3 if slow else 0.005)

register_kind(JobKind("toy", "Toy", build, parameters={"product": Parameter(str), "slow": Parameter(bool)}))

if __name__ == "__main__":
    device = register_device(Wish(name="Toys")).installation.device
    product = create_product(device=device, actor=system("toy"), name="Toy")
    for number in range(int(sys.argv[1])):
        parameters = {"product": str(product.uuid), "slow": number % 20 == 10}
        jobs.request_job(kind="toy", actor=system("toy"), device=device, parameters=parameters)
"""
SLOW_SECONDS = 0.3  # before the effect and again inside it


def start_workers(site: Site) -> list[subprocess.Popen[bytes]]:
    return [site.celery(*WORKER, "--concurrency", "1", "--hostname", f"{name}@%h") for name in "ab"]


def kill_children(workers: list[subprocess.Popen[bytes]], site: Site) -> None:
    """As when memory runs out: what does the jobs dies, the workers start others."""
    until(lambda: all(children_of(worker) for worker in workers), site)  # they may just be starting
    for worker in workers:
        for pid in children_of(worker):
            os.kill(pid, signal.SIGKILL)


def started_again(workers: list[subprocess.Popen[bytes]], site: Site) -> list[subprocess.Popen[bytes]]:
    """As the runner does it, once each has ended."""
    until(lambda: all(worker.poll() is not None for worker in workers), site)
    return start_workers(site)


def children_of(process: subprocess.Popen[bytes]) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


def wait_for_a_slow_one(site: Site, *, part: float) -> None:
    """Until a slow job was leased anew and this part of its time has passed: before, in and after its effect."""
    leases = "SELECT sum(fence) FROM jobs WHERE CAST(parameters AS text) LIKE '%\"slow\": true%'"
    before = site.sql(leases)
    until(lambda: site.sql(leases) > before, site)
    moment = time.monotonic() + part * 2 * SLOW_SECONDS
    until(lambda: time.monotonic() >= moment, site)


@pytest.mark.slow
@pytest.mark.parametrize("broker", ["embedded", "TEST_REDIS_URL", "TEST_AMQP_URL"])
def test_nothing_is_lost_and_nothing_done_twice(broker: str, start_site: Callable[..., Site], tmp_path: Path) -> None:
    url = "" if broker == "embedded" else os.environ.get(broker, "")
    if broker != "embedded" and not url:
        pytest.skip(f"{broker} is not set")
    jobs, kills = (200, 4) if broker == "embedded" else (60, 2)
    if "KILL_JOBS" in os.environ:
        jobs, kills = int(os.environ["KILL_JOBS"]), 20
    site = start_site(TOY, url)
    assert site.start("toyjobs.py", str(jobs)).wait(300) == 0, (site.folder / "log").read_text()
    assert site.sql("SELECT count(*) FROM jobs WHERE status = 'queued'") == jobs

    site.celery("beat", "--schedule", str(tmp_path / "beat"))
    workers = start_workers(site)
    for number in range(kills):
        wait_for_a_slow_one(site, part=number / kills)
        if number % 2:
            kill_children(workers, site)
        if number % 2 and broker == "embedded":  # such a worker ends by itself, and the runner starts it again
            workers = started_again(workers, site)
        elif not number % 2:
            for worker in workers:
                kill(worker)
            workers = start_workers(site)
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
