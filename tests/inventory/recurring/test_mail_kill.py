"""A worker killed with -9 after the mail server has taken a message: it comes again, under the same Message-ID."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.inventory.jobs.site import WORKER, Site, kill, until

# The application as it is; its mail server notes what it was sent, and keeps the first sender waiting.
TOY = """
from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from inventory.jobs.scheduled import request

class Backend(BaseEmailBackend):
    def send_messages(self, messages):
        path = os.environ["TOY_MAILS"]
        for message in messages:
            with open(path, "a") as file:
                file.write(message.extra_headers["Message-ID"] + "\\n")
            while len(open(path).readlines()) == 1:
                time.sleep(0.05)
        return len(messages)

settings.EMAIL_BACKEND = "toyjobs.Backend"

if __name__ == "__main__":
    register_device(Wish(name="Toys"))
    request.apply(kwargs={"kind": "report", "parameters": {"report": "stock_on_hand", "format": "csv"},
                          "deliver": {"mail": ["ada@example.org"]}}, throw=True)
"""


@pytest.mark.slow
def test_it_is_sent_again_under_the_same_id(start_site: Callable[..., Site], tmp_path: Path) -> None:
    site = start_site(TOY)
    sent = tmp_path / "mails"
    sent.touch()
    site.env["TOY_MAILS"] = str(sent)
    assert site.start("toyjobs.py").wait(120) == 0, (site.folder / "log").read_text()
    site.celery("beat", "--schedule", str(tmp_path / "beat"))
    worker = site.celery(*WORKER, "--concurrency", "1")
    until(lambda: len(sent.read_text().splitlines()) == 1, site)
    kill(worker)
    assert site.sql("SELECT count(*) FROM jobs WHERE kind = 'file_mail' AND status = 'running'") == 1
    site.celery(*WORKER, "--concurrency", "1")
    until(lambda: site.sql("SELECT count(*) FROM jobs WHERE status = 'succeeded'") == 2, site)

    first, second = sent.read_text().splitlines()
    assert first == second, "a mailbox that knows it shows it once"
    assert site.sql("SELECT count(*) FROM jobs") == 2
