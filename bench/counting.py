"""What a big stocktake costs: evaluating, posting and reversing all its lines, in seconds and in queries.

Run by bin/bench. In process, on a database of its own; every second line varies, and each bucket has moved since.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import django

django.setup()

from django.core.management import call_command  # noqa: E402  # Django must be set up first
from django.db import connection, transaction  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from devices.actors import system  # noqa: E402
from inventory.models import Stocktake  # noqa: E402
from inventory.services.counting import judgement, stocktakes  # noqa: E402
from inventory.services.counting.work import STEPS, begin_step  # noqa: E402
from inventory.services.ledger import prove_ledger  # noqa: E402
from tests.factories.big_stocktakes import make_big_stocktake  # noqa: E402

LINES = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
BOSS = system("boss")


def current(stocktake: Stocktake) -> Stocktake:
    found: Stocktake = Stocktake.objects.select_related("device", "location", "category").get(pk=stocktake.pk)
    return found


def through(step: str, stocktake: Stocktake) -> None:
    """A step as its job does it: 500 lines in a transaction."""
    begin_step(current(stocktake), step)
    done = judgement.CHUNK
    while done >= judgement.CHUNK:
        with transaction.atomic():
            done = STEPS[step](current(stocktake), actor=BOSS)


def main() -> None:
    call_command("migrate", verbosity=0)
    stocktake = make_big_stocktake(LINES, moved_since=True)
    shown = Table(title=f"A stocktake of {LINES:,} lines on {connection.vendor}", title_justify="left")
    for name in ("what", "queries", "s", "lines/s"):
        shown.add_column(name, justify="left" if name == "what" else "right")
    steps: dict[str, Callable[..., object]] = {
        "evaluate": stocktakes.close_stocktake,
        "post": stocktakes.approve_stocktake,
        "reverse": stocktakes.reverse_stocktake,
    }
    for step, begin in steps.items():
        start = time.perf_counter()
        with CaptureQueriesContext(connection) as queries:
            begin(current(stocktake), actor=BOSS)
            through(step, stocktake)
        seconds = time.perf_counter() - start
        shown.add_row(step, str(len(queries)), f"{seconds:.1f}", f"{LINES / seconds:,.0f}")
    assert current(stocktake).state == "reversed"
    assert prove_ledger(stocktake.device).drifts == []
    Console().print(shown)


main()
