"""Workers killed with -9 while they deliver: every event arrives, none has two deliveries."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.factories.receiver import LOOPBACK, Handler, Receiver
from tests.inventory.jobs.site import WORKER, Site, kill, until

# The application as it is, with a sweep that does not let a test wait.
TOY = """
from inventory.services.tasks import create_task
from inventory.services.webhooks.endpoints import create_webhook

app.conf.beat_schedule = {"sweep": {"task": "inventory.jobs.webhook_sweep", "schedule": 0.5, "options": {"expires": 5}}}

if __name__ == "__main__":
    device = register_device(Wish(name="Toys")).installation.device
    create_webhook(device=device, actor=system("toy"), url=sys.argv[1], events=["tasks.created"])
    for number in range(int(sys.argv[2])):
        create_task(device=device, actor=system("toy"), title=str(number))
"""
EVENTS = 40
KILLS = (10, 25)  # at these requests, while the receiver thinks


@pytest.mark.slow
def test_every_event_arrives(start_site: Callable[..., Site], receiver: Receiver, tmp_path: Path) -> None:
    site = start_site(TOY)
    site.env |= {"OUTBOUND_NETWORKS": ",".join(LOOPBACK), "WEBHOOK_SECONDS": "2"}
    reached, killed = threading.Event(), threading.Event()

    def answer(handler: Handler) -> None:
        if len(receiver.heard) in KILLS:
            reached.set()
            killed.wait(60)
            killed.clear()
            return  # nobody is left to hear it
        handler.reply(200)

    receiver.script = answer
    assert site.start("toyjobs.py", receiver.url(), str(EVENTS)).wait(120) == 0, (site.folder / "log").read_text()
    site.celery("beat", "--schedule", str(tmp_path / "beat"))
    worker = site.celery(*WORKER, "--concurrency", "2")
    for _ in KILLS:
        until(reached.is_set, site)
        kill(worker)
        reached.clear()
        killed.set()
        worker = site.celery(*WORKER, "--concurrency", "2")
    delivered = "SELECT count(*) FROM webhook_deliveries WHERE status = 'delivered'"
    until(lambda: site.sql(delivered) == EVENTS, site)

    assert site.sql("SELECT count(*) FROM webhook_deliveries") == EVENTS
    times = Counter(headers["webhook-id"] for _, _, headers, _ in receiver.heard)
    assert len(times) == EVENTS
    assert sorted(times.values()) == [1] * (EVENTS - 2) + [2, 2], "what was on its way came again, under the same id"
