"""Runs web, worker and beat of the Procfile until it is stopped."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config import env

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Command(BaseCommand):
    """`manage.py serve`: one command instead of three terminals."""

    help = "Run web server, job worker and scheduler; stops cleanly on TERM and Ctrl-C."
    requires_system_checks = ()  # each process checks for itself

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, help="default: $PORT or 8000")
        parser.add_argument("--bind", help="address to listen on; default: $BIND or 127.0.0.1")
        parser.add_argument("--no-worker", action="store_true", help="only the web server: jobs wait")

    def handle(self, *args: Any, **options: Any) -> None:
        port = str(options["port"] or env.number("PORT", 8000, least=1))
        bind = options["bind"] or env.text("BIND", "127.0.0.1")
        url = base_url(bind, port)
        os.environ.update(BIND=bind, PORT=port)
        os.environ.setdefault("PUBLIC_URL", url)  # enrollment codes must name this port
        self.stdout.write(f"API    {url}/v1\nDocs   {url}/docs\nAdmin  {url}/admin/")
        if bind not in LOOPBACK and "ALLOWED_HOSTS" not in os.environ:
            self.stdout.write("Other machines get a 400 until ALLOWED_HOSTS names this host.")
        self.stdout.flush()
        names = ["web"] if options["no_worker"] else ["web", "worker", "beat"]
        os.chdir(env.BASE_DIR)
        # exec: the runner needs none of Django's memory, and keeps our pid for whoever stops us.
        os.execv(sys.executable, [sys.executable, "-m", "config.runner", *names])


def base_url(bind: str, port: str) -> str:
    """Return the address a browser on this machine opens."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(bind, bind)  # noqa: S104  # read, not bound
    return f"http://{host}:{port}"
