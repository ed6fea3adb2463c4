"""What sync costs: pull pages, pushes and a first sync, in rows a second and in queries.

Run by bin/bench. In process, through HTTP's whole stack but the socket, on a database of its own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import django

django.setup()

from django.core.management import call_command  # noqa: E402  # Django must be set up first
from django.db import connection  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from rest_framework.test import APIClient  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from devices.actors import system  # noqa: E402
from devices.services.enrollment import Wish, register_device  # noqa: E402
from devices.services.owned import insert_many_owned  # noqa: E402
from inventory.models import Product  # noqa: E402

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
ROUNDS = 5
PAGE = 500


def measure(run: Callable[[], Any]) -> tuple[float, int]:
    """The median seconds of some rounds, and the queries of one more (counting them costs time)."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    with CaptureQueriesContext(connection) as queries:
        run()
    return sorted(seconds)[ROUNDS // 2], len(queries)


def creates(count: int, table: str, data: Callable[[int], dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"op_id": str(uuid4()), "op": "create", "table": table, "id": str(uuid4()), "data": data(number)}
        for number in range(count)
    ]


def main() -> None:
    call_command("migrate", verbosity=0)
    enrolled = register_device(Wish(name="bench"))
    device = enrolled.installation.device
    client = APIClient(headers={"authorization": f"Bearer {enrolled.token}"})
    shown = Table(title=f"Sync on {connection.vendor}, {ROWS:,} rows in the device", title_justify="left")
    for name in ("what", "rows", "queries", "ms", "rows/s"):
        shown.add_column(name, justify="left" if name == "what" else "right")

    def show(what: str, rows: int, seconds: float, queries: int | str) -> None:
        shown.add_row(what, f"{rows:,}", str(queries), f"{seconds * 1000:.1f}", f"{rows / seconds:,.0f}")

    def push(operations: list[dict[str, Any]]) -> None:
        answer = client.post("/v1/sync/push", {"ops": operations})
        assert {result["status"] for result in answer.json()["results"]} <= {"applied"}, answer.content[:500]

    for start in range(0, ROWS, PAGE):
        rows = [Product(device=device, name=f"Product {number}") for number in range(start, start + PAGE)]
        insert_many_owned(rows, device=device, actor=system("bench"))
    product = str(Product.objects.values_list("uuid", flat=True).first())
    for size in (PAGE // 10, PAGE):
        seconds, queries = measure(lambda size=size: client.get(f"/v1/sync/changes?limit={size}"))
        show("pull, one page", size, seconds, queries)
    for size in (PAGE // 10, PAGE):
        seconds, queries = measure(lambda size=size: push(creates(size, "products", lambda n: {"name": f"New {n}"})))
        show("push, creates of products", size, seconds, queries)
        movement = {"product_id": product, "kind": "receipt", "quantity": "1"}
        seconds, queries = measure(
            lambda size=size, movement=movement: push(creates(size, "stock_movements", lambda _: movement))
        )
        show("push, movements", size, seconds, queries)
    cursor, pages, total, start = "", 0, 0, time.perf_counter()
    while True:
        page = client.get(f"/v1/sync/changes?limit={PAGE}&cursor={cursor}").json()
        cursor, pages, total = page["cursor"], pages + 1, total + len(page["changes"])
        if not page["has_more"]:
            break
    show(f"first sync, {pages} pages", total, time.perf_counter() - start, "–")
    seconds, queries = measure(lambda: client.get(f"/v1/sync/changes?limit={PAGE}&cursor={cursor}"))
    shown.add_row("idle pull (nothing new)", "0", str(queries), f"{seconds * 1000:.1f}", "–")
    Console().print(shown)


main()
