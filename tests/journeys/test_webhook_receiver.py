"""The receiver of the documentation, as it stands there: it takes what is ours, once, and nothing else."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devices.models import Device
from inventory.errors import OutboundFailed
from inventory.jobs.webhooks import deliver_webhooks
from inventory.services.outbound import send
from inventory.services.webhooks.endpoints import resend_delivery, rotate_secret
from tests.factories import TESTER, make_task, make_webhook
from tests.factories.receiver import LOOPBACK

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "webhook_receiver.py"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def started(device: Device, settings: Any) -> Iterator[tuple[Any, subprocess.Popen[bytes]]]:
    """An endpoint and the process that receives for it."""
    settings.OUTBOUND_NETWORKS = LOOPBACK
    port = free_port()
    endpoint: Any = make_webhook(device, url=f"http://127.0.0.1:{port}/", events=["tasks.*"])
    env = {**os.environ, "WEBHOOK_SECRET": endpoint.shown_secret}
    process = subprocess.Popen([sys.executable, str(EXAMPLE), str(port)], env=env, stdout=subprocess.PIPE)
    while True:
        try:
            send("GET", endpoint.url)
            break
        except OutboundFailed:
            assert process.poll() is None
    yield endpoint, process
    process.kill()
    process.communicate()


@pytest.mark.slow
def test_it_takes_each_event_once_and_nothing_of_a_stranger(started: Any, device: Device) -> None:
    endpoint, process = started
    task = make_task(device)
    deliver_webhooks(str(endpoint.pk))
    resend_delivery(endpoint.deliveries.get(), actor=TESTER)
    deliver_webhooks(str(endpoint.pk))
    rotate_secret(endpoint, actor=TESTER)  # the receiver still has the old one
    second = make_task(device)
    deliver_webhooks(str(endpoint.pk))
    assert set(endpoint.deliveries.values_list("status", flat=True)) == {"delivered"}

    forged = {"webhook-id": "x", "webhook-timestamp": "1", "webhook-signature": "v1,eA=="}
    assert send("POST", endpoint.url, headers=forged, body=b"{}").status == 400
    assert send("POST", endpoint.url, body=b"{}").status == 400
    process.kill()
    told = [json.loads(line) for line in process.stdout.read().splitlines()]
    assert [event["data"]["id"] for event in told] == [str(task.uuid), str(second.uuid)]
