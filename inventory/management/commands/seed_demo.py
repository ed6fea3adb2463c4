"""Makes a small demo."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console

from config.core.quantities import counted
from inventory.services.demo.seed import DEFAULT_SEED, seed_demo


class Command(BaseCommand):
    """`manage.py seed_demo`: safe to repeat; what is there stays as it is."""

    help = "Make a demo: a shop, a warehouse and a van with products, stock, movements, tasks and cases."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="another number makes another demo")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(file=options.get("stdout") or sys.stdout, soft_wrap=True, highlight=False, markup=False)
        made = [demo for demo in seed_demo(seed=options["seed"]) if demo.token]
        for demo in made:
            console.print(f"{demo.device}: {counted(demo.products, 'product')}, {counted(demo.movements, 'movement')}")
            console.print(f"  id     {demo.device.uuid}")
            console.print(f"  token  {demo.token}")
        if made:
            console.print("The tokens are shown only now. Send one as `Authorization: Bearer <token>`, e.g.")
            console.print(f'  curl -H "Authorization: Bearer <token>" {settings.PUBLIC_URL}/v1/products')
        else:
            console.print("The demo is there already; nothing has changed.")
