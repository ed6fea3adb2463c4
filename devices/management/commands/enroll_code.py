"""Makes an enrollment code and shows it with its QR."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.core.wire import wire_time
from devices.actors import system
from devices.formats.qr import qr_text_art
from devices.management.lookup import find_device, find_user
from devices.services.enrollment import create_enrollment_code, qr_text

MAX_DAYS = 3650


class Command(BaseCommand):
    """`manage.py enroll_code`: the code is shown this once; only its hash is kept."""

    help = "Make an enrollment code and show it, its QR and when it expires."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--label", default="", help="what it is for")
        parser.add_argument("--device", metavar="ID", help="handsets join this device (default: each makes a new one)")
        parser.add_argument("--owner", metavar="USERNAME", help="the user who will own the new devices")
        parser.add_argument("--uses", type=int, default=1, metavar="N", help="how many may enrol (default: 1)")
        parser.add_argument("--days", type=int, default=7, metavar="N", help="how long it is valid (default: 7)")
        parser.add_argument("--json", action="store_true", help="print one JSON object instead")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["uses"] < 1 or not 1 <= options["days"] <= MAX_DAYS:
            raise CommandError(f"--uses must be 1 or more, --days 1 to {MAX_DAYS}.")
        row, code = create_enrollment_code(
            actor=system("enroll_code"),
            device=find_device(options["device"]) if options["device"] else None,
            owner=find_user(options["owner"]) if options["owner"] else None,
            label=options["label"][:200],
            max_uses=options["uses"],
            valid_for=timedelta(days=options["days"]),
        )
        expires, qr = wire_time(row.expires_at.replace(microsecond=0)), qr_text(code)
        if options["json"]:
            answer = {"code": code, "qr": qr, "expires_at": expires, "max_uses": row.max_uses, "label": row.label}
            self.stdout.write(json.dumps(answer))
            return
        self.stdout.write(qr_text_art(qr))
        self.stdout.write(f"\nCode     {code}")
        self.stdout.write(f"Expires  {expires}   Uses  {row.max_uses}")
        self.stdout.write(f"For      {row.device or 'new devices'}")
        self.stdout.write("It is shown only now.")
