"""Does a job in the foreground."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from devices.actors import system
from devices.management.lookup import find_device
from inventory.management.foreground import run_here
from inventory.services.job_kinds import KINDS


class Command(BaseCommand):
    """`manage.py run_job KIND [--device ID] [--param name=value]…`; exit status 1 unless it succeeds."""

    help = "Do a job here and now, as a worker would."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=sorted(KINDS), help=_kinds())
        parser.add_argument("--device", metavar="ID", help="the device it is about")
        parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="may be repeated")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(file=options.get("stdout") or sys.stdout, soft_wrap=True, highlight=False)
        job = run_here(
            console,
            kind=options["kind"],
            actor=system("run_job"),
            device=find_device(options["device"]) if options["device"] else None,
            parameters=dict(_parameter(text) for text in options["param"]),
        )
        console.print_json(data=job.result or {})


def _parameter(text: str) -> tuple[str, Any]:
    """`name=value`; a value that starts like a JSON list or object is one."""
    name, sign, value = text.partition("=")
    if not sign:
        raise CommandError(f"--param {text}: give name=value.")
    if not value.startswith(("[", "{")):
        return name, value
    try:
        return name, json.loads(value)
    except ValueError:
        raise CommandError(f"--param {name}: this is not JSON.") from None


def _kinds() -> str:
    """Every kind with its parameters, for --help."""
    lines = []
    for name, kind in sorted(KINDS.items()):
        taken = ", ".join(f"{key} ({found.about})" if found.about else key for key, found in kind.parameters.items())
        lines.append(f"{name}: {kind.title}{f' - {taken}' if taken else ''}")
    return "; ".join(lines).replace("%", "%%")
