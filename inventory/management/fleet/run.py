"""A whole fleet: devices side by side in threads, the first difference ends it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from inventory.management.fleet.compare import compare
from inventory.management.fleet.device import Plan, VirtualDevice


@dataclass(slots=True)
class Report:
    """What a run amounted to."""

    tally: Counter[str]
    devices: int
    installations: int
    operations: int
    rows: int
    seconds: float


def run_fleet(plan: Plan, *, threads: int, on_device: Callable[[int], None]) -> Report:
    """Simulate and compare all devices. Raises Divergence, or what else went wrong, at the first difference."""
    started = time.monotonic()
    report = Report(Counter(), 0, 0, 0, 0, 0.0)
    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(_run_one, plan, number) for number in range(1, plan.devices + 1)]
        try:
            for done in as_completed(running):
                _add(report, *done.result())
                on_device(report.devices)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    report.seconds = time.monotonic() - started
    return report


def _run_one(plan: Plan, number: int) -> tuple[VirtualDevice, int]:
    device = VirtualDevice(plan, number)
    try:
        device.run()
        return device, compare(device)
    finally:
        device.close()


def _add(report: Report, device: VirtualDevice, rows: int) -> None:
    report.tally += device.tally
    report.devices += 1
    report.installations += len(device.members)
    report.operations += len(device.model.operations)
    report.rows += rows
