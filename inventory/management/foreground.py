"""Jobs in the foreground: a command does a job itself, with a progress bar, as a worker would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from config.core.errors import AppError
from devices.actors import Actor
from devices.models import Device
from inventory.models import Job
from inventory.services.job_runs import JobRun, lease_job
from inventory.services.job_work import work_on
from inventory.services.jobs import request_job


def run_here(
    console: Console, *, kind: str, actor: Actor, device: Device | None = None, parameters: Mapping[str, Any]
) -> Job:
    """Ask for a job and do it. Raises CommandError where it is refused or does not succeed."""
    try:
        with transaction.atomic():  # leased before anybody hears of it: no worker can be faster
            job = request_job(kind=kind, actor=actor, device=device, parameters=parameters)
            run = lease_job(job.uuid)
    except AppError as error:
        problems = "; ".join(f"{problem.field}: {problem.detail}" for problem in error.errors)
        raise CommandError(problems or error.detail) from None
    assert run is not None  # nobody else could see it
    bar = RunBar(run)
    try:
        with Live(bar, console=console, refresh_per_second=8):
            work_on(run)
    except KeyboardInterrupt:
        run.cancelled()
        raise CommandError("Stopped; what it had committed stays. `jobs retry` goes on from there.") from None
    job.refresh_from_db()
    for line in job.log:
        console.print(f"[dim]{line['at']}[/]  {escape(line['text'])}")
    if job.status != Job.Status.SUCCEEDED:
        raise CommandError(f"{job.get_status_display()}: {job.message or job.internal_code} (job {job.uuid})")
    return job


class RunBar:
    """A progress bar that asks its run how far it is, each time it is drawn."""

    def __init__(self, run: JobRun) -> None:
        self.run = run
        text = TextColumn("{task.description}", markup=False)
        self.bar = Progress(SpinnerColumn(), text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.task = self.bar.add_task(run.kind)

    def __rich__(self) -> Progress:
        run = self.run
        self.bar.update(self.task, description=run.message or run.kind, completed=run.done, total=run.total)
        return self.bar
