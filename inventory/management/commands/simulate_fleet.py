"""Simulates a fleet of devices over HTTP and proves that nothing was lost, doubled or skipped."""

from __future__ import annotations

import subprocess
import sys
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from config.env import BASE_DIR
from inventory.management.fleet.client import Unreachable
from inventory.management.fleet.device import Plan
from inventory.management.fleet.run import Report, run_fleet
from inventory.management.fleet.server import own_server
from inventory.management.fleet.specs import Divergence

FAULTS = ("lost_request", "lost_answer", "duplicate", "reorder", "stale", "crash", "resync", "offline")


class Command(BaseCommand):
    """`manage.py simulate_fleet`: against a server of its own, or any other with --url."""

    help = (
        "Drive the API with seeded virtual devices (offline spans, duplicates, lost requests and answers, crashes, "
        "conflicts), then compare every replica with the server and with a model. Exits 1 at the first difference."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--devices", type=int, default=50)
        parser.add_argument("--installations", type=int, help="of each device; default: 2, with --url 1")
        parser.add_argument("--hours", type=float, default=8, help="length of the simulated day")
        parser.add_argument("--per-hour", type=float, default=20, help="actions of each installation")
        parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same day")
        parser.add_argument("--threads", type=int, default=4, help="devices that run side by side")
        parser.add_argument("--url", help="of a running server; default: start one on a fresh SQLite database")
        parser.add_argument("--port", type=int, help="of the server that is started; default: any free one")
        parser.add_argument(
            "--with-database",
            action="store_true",
            help="with --url: this process has the server's database, so staff edit through the services and "
            "further installations get enrollment codes",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["url"] is None:
            self._with_own_server(options)
            return
        installations = options["installations"] or (2 if options["with_database"] else 1)
        if installations > 1 and not options["with_database"]:
            raise CommandError("--installations above 1 needs --with-database: enrollment codes come from there")
        plan = Plan(
            url=options["url"],
            devices=options["devices"],
            installations=installations,
            hours=options["hours"],
            per_hour=options["per_hour"],
            seed=options["seed"],
            with_database=options["with_database"],
        )
        self._run(plan, options["threads"])

    def _run(self, plan: Plan, threads: int) -> None:
        console = Console(file=cast("IO[str]", self.stdout), width=100)
        try:
            with Progress(console=console, transient=True) as progress:
                task = progress.add_task("devices", total=plan.devices)
                report = run_fleet(plan, threads=threads, on_device=lambda done: _show(progress, task, done))
        except (Divergence, Unreachable) as problem:
            raise CommandError(str(problem)) from problem
        console.print(as_table(report))
        console.print("Every replica equals the server, the server equals the model.")

    def _with_own_server(self, options: dict[str, Any]) -> None:
        """The same command again, as a process whose settings are those of the new server."""
        with own_server(port=options["port"]) as server:
            command = [sys.executable, "manage.py", "simulate_fleet", "--url", server.url, "--with-database"]
            for name in ("devices", "installations", "hours", "per_hour", "seed", "threads"):
                if options[name] is not None:
                    command += [f"--{name.replace('_', '-')}", str(options[name])]
            # Our own program; every argument was parsed above.
            done = subprocess.run(command, cwd=BASE_DIR, env=server.env, check=False)  # noqa: S603
        if done.returncode:
            sys.exit(done.returncode)


def _show(progress: Progress, task: Any, done: int) -> None:
    progress.advance(task, done - progress.tasks[task].completed)


def as_table(report: Report) -> Table:
    """The figures of a run."""
    tally = report.tally
    table = Table(title="Fleet", show_header=False)
    rows: dict[str, Any] = {
        "devices": report.devices,
        "installations": report.installations,
        "operations": report.operations,
        "applied": tally["first_applied"],
        "duplicates": tally["op_duplicate"],
        "conflicts": tally["op_conflict"],
        "rejected": tally["op_rejected"],
        "staff edits": tally["staff"],
        "pushes": tally["pushes"],
        "refused for a gap": tally["gaps"],
        "pulls": tally["pulls"],
        "rows pulled": tally["rows"],
        **{name.replace("_", " "): tally[name] for name in FAULTS},
        "rows compared": report.rows,
        "seconds": f"{report.seconds:.1f}",
        "operations/s": f"{report.operations / max(report.seconds, 0.001):.0f}",
    }
    table.add_column(justify="left")
    table.add_column(justify="right")
    for name, value in rows.items():
        table.add_row(name, str(value))
    return table
