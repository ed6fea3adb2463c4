"""Shows jobs, cancels and retries them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from config.core.errors import AppError
from devices.actors import Actor, system
from devices.management.lookup import find_device
from inventory.models import Job
from inventory.services.jobs import cancel_job, retry_job

SHOWN, WIDTH = 20, 160
ACTIONS: dict[str, Callable[..., Job]] = {"cancel": cancel_job, "retry": retry_job}


class Command(BaseCommand):
    """`manage.py jobs [list|show ID|cancel ID|retry ID]`."""

    help = "List jobs, show one with its log, cancel or retry one."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", metavar="list|show|cancel|retry")
        listing = verbs.add_parser("list", help="the latest jobs")
        listing.add_argument("--status", choices=Job.Status.values)
        listing.add_argument("--kind")
        listing.add_argument("--device", metavar="ID")
        listing.add_argument("--limit", type=int, default=SHOWN, metavar="N")
        for verb, said in (("show", "one job with its log"), ("cancel", "stop it"), ("retry", "queue it again")):
            verbs.add_parser(verb, help=said).add_argument("job", type=UUID, metavar="ID")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(file=options.get("stdout") or sys.stdout, soft_wrap=True, highlight=False)
        if not console.is_terminal:
            console.width = WIDTH  # a pipe has none, and 80 columns are too few for ids
        verb = options["verb"] or "list"
        if verb == "list":
            console.print(_table(_found(options)))
            return
        job = Job.objects.select_related("device").filter(uuid=options["job"]).first()
        if job is None:
            raise CommandError(f"There is no job {options['job']}.")
        if verb == "show":
            _show(console, job)
            return
        actor: Actor = system("jobs")
        try:
            done = ACTIONS[verb](job, actor=actor)
        except AppError as error:
            raise CommandError(f"{error.title}. {error.advice}") from None
        console.print(f"{done} is {done.get_status_display().lower()}{_still_asked(done)}.")


def _still_asked(job: Job) -> str:
    return ", and asked to stop" if job.cancel_requested and not job.has_ended else ""


def _found(options: dict[str, Any]) -> list[Job]:
    jobs = Job.objects.select_related("device").defer("log").order_by("-id")
    for name in ("status", "kind"):
        if options.get(name):
            jobs = jobs.filter(**{name: options[name]})
    if options.get("device"):
        jobs = jobs.for_device(find_device(options["device"]))
    return list(jobs[: max(1, options.get("limit") or SHOWN)])


def _table(jobs: list[Job]) -> Table:
    table = Table()
    for name in ("id", "kind", "status", "progress", "device", "asked", "message"):
        table.add_column(name, overflow="fold")
    for job in jobs:
        progress = f"{job.done:,}" + (f" of {job.total:,}" if job.total else "")
        asked = f"{job.created_at:%Y-%m-%d %H:%M} {job.actor_name}"
        cells = (job.uuid, job.kind, job.status, progress, job.device or "–", asked, job.message)
        table.add_row(*(escape(str(cell)) for cell in cells))
    return table


def _show(console: Console, job: Job) -> None:
    console.print(_table([job]))
    figures = {"parameters": job.parameters, "result": job.result, "internal_code": job.internal_code}
    for name, value in figures.items():
        if value:
            console.print(f"{name}: {json.dumps(value, ensure_ascii=False)}", markup=False)
    for artifact in job.artifacts.order_by("id"):
        console.print(f"artifact: {artifact.name} ({artifact.size:,} bytes)", markup=False)
    for line in job.log:
        console.print(f"{line['at']}  {line['text']}", markup=False)
