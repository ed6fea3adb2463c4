"""Lists, shows, suspends, resumes, drains and revokes devices."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from config.core.errors import AppError
from config.core.wire import to_json
from devices.actors import system
from devices.management.lookup import find_device
from devices.models import Device, Standing
from devices.services.standing import set_standing

WIDTH = 120
STANDINGS = {
    "suspend": Standing.SUSPENDED,
    "resume": Standing.ACTIVE,
    "drain": Standing.DRAINING,
    "revoke": Standing.REVOKED,
}


class Command(BaseCommand):
    """`manage.py device list | show ID | suspend ID | resume ID | drain ID | revoke ID`."""

    help = "List devices, show one with its installations, or change what it may do."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="every device, the last seen first")
        listing.add_argument("--json", action="store_true")
        for name in ("show", *STANDINGS):
            action = actions.add_parser(name, help=f"{name} one device")
            action.add_argument("device", metavar="ID")
            action.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(file=options.get("stdout") or sys.stdout, highlight=False)
        if not console.is_terminal:
            console.width = WIDTH  # a pipe has none, and 80 columns are too few for ids
        if options["action"] == "list":
            devices = [_row(device) for device in _devices().order_by("-last_seen_at", "name", "id")]
            _print_json(console, devices) if options["json"] else _print_list(console, devices)
            return
        device = find_device(options["device"])
        if standing := STANDINGS.get(options["action"]):
            try:
                set_standing(device=device, actor=system("device"), standing=standing)
            except AppError as error:
                raise CommandError(str(error)) from None
        row = _row(_devices().get(pk=device.pk)) | {"installations": [*_installations(device)]}
        _print_json(console, row) if options["json"] else _print_one(console, row)


def _devices() -> Any:
    return Device.objects.with_activity().select_related("owner")


def _row(device: Any) -> dict[str, Any]:
    return {
        "id": device.uuid,
        "name": str(device),
        "standing": device.standing,
        "platform": device.platform,
        "owner": device.owner.username if device.owner else None,
        "installation_count": device.installation_count,
        "queue_depth": device.queue_depth,
        "last_seen_at": device.last_seen_at,
    }


def _installations(device: Device) -> Iterable[dict[str, Any]]:
    for installation in device.installations.select_related("presence").order_by("id"):
        yield {
            "id": installation.uuid,
            "name": str(installation),
            "standing": installation.standing,
            "app_version": installation.presence.app_version,
            "queue_depth": installation.presence.queue_depth,
            "last_seen_at": installation.presence.last_seen_at,
        }


def _print_json(console: Console, value: Any) -> None:
    text = json.dumps(json.loads(to_json(value)), indent=2, ensure_ascii=False)
    console.print(text, markup=False, soft_wrap=True)


def _print_list(console: Console, devices: list[dict[str, Any]]) -> None:
    if not devices:
        console.print("No device yet: `manage.py enroll_code` makes a code to enrol the first one.")
        return
    console.print(_table(devices, ("id", "name", "standing", "owner", "installation_count", "last_seen_at")))


def _print_one(console: Console, device: dict[str, Any]) -> None:
    for name, value in device.items():
        if name != "installations":
            console.print(f"{name.replace('_', ' '):<20}{_shown(value)}", markup=False, soft_wrap=True)
    console.print(_table(device["installations"], ("id", "name", "standing", "app_version", "last_seen_at")))


def _table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> Table:
    table = Table(box=SIMPLE)
    for column in columns:
        title = {"installation_count": "apps", "last_seen_at": "last seen", "app_version": "version"}.get(
            column, column
        )
        table.add_column(title, no_wrap=column not in ("name", "owner"), overflow="fold")
    for row in rows:
        table.add_row(*(escape(_shown(row[column])) for column in columns))
    return table


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "–"
    return f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "strftime") else str(value)
