"""Counts come with every last page, exact for its head, whoever writes meanwhile; nobody waits for a reader."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from django.core.cache import cache
from django.db import InternalError, connection, connections
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from config.core.snapshots import snapshot
from devices.models import Device, Feed
from inventory.api.tables import TABLES
from inventory.models import StockLevel, Task
from inventory.services.products import delete_product
from inventory.services.sync import pull as service
from inventory.services.tasks import delete_task, update_task
from tests import factories
from tests.conftest import client_with
from tests.inventory.sync.ops import head, pull, pull_all


def counted(device: Device) -> dict[str, int]:
    return {table.name: table.model.objects.for_device(device).count() for table in TABLES.values()}


def test_counts_are_of_live_rows_and_follow(api: APIClient, device: Device) -> None:
    product = factories.make_lot(device).product
    factories.make_barcode(device, product_id=product.uuid)
    factories.make_movement(device, product_id=product.uuid)
    counts = pull_all(api)[1]["counts"]
    assert counts == counted(device)
    assert counts["stock_levels"] == StockLevel.objects.for_device(device).count() == 1
    delete_product(product, actor=factories.TESTER)
    after = pull_all(api)[1]["counts"]
    assert {name: counts[name] - after[name] for name in counts if counts[name] != after[name]} == {
        "products": 1,
        "barcodes": 1,
        "lots": 1,
        "stock_levels": 1,
    }


def test_only_the_last_page_has_counts_and_only_of_what_was_asked(api: APIClient, device: Device) -> None:
    for _ in range(2):
        factories.make_task(device)
    assert "counts" not in pull(api, limit=1)
    assert pull_all(api, tables="tasks,lots", limit=1)[1]["counts"] == {"tasks": 2, "lots": 0}
    assert pull_all(api)[1]["counts"] == counted(device)


def test_counts_of_another_device_are_its_own(api: APIClient, device: Device, other: Device) -> None:
    factories.make_task(other)
    assert pull_all(api)[1]["counts"] == counted(device) != counted(other)


def test_what_a_page_costs(api: APIClient, device: Device) -> None:
    """Constant: who calls, the feed, which tables have news, one for each that has, one for all the counts."""
    for _ in range(3):
        factories.make_task(device)
    pull(api)  # notes the presence
    cache.clear()
    costs = []
    for query in ({"limit": 1}, {"limit": 500}):
        with CaptureQueriesContext(connection) as queries:
            page = pull(api, **query)
        costs.append(len(queries))
    news = sum(table.model.all_objects.for_device(device).exists() for table in TABLES.values())
    assert costs == [news + 3, news + 4]
    with CaptureQueriesContext(connection) as queries:
        assert pull(api, page["cursor"])["counts"] == page["counts"]
    assert len(queries) == 1
    cache.clear()
    with CaptureQueriesContext(connection) as queries:
        assert pull(api, page["cursor"])["counts"] == page["counts"]
    assert len(queries) == 3


# --- while others write ---
@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Lets somebody write, on a connection of their own and to the end, when the rows of a page have been read."""

    def arrange(write: Callable[[], Any]) -> None:
        read = service._rows

        def slow(*args: Any) -> Any:
            found = read(*args)
            done = []

            def run() -> None:
                done.append(write())
                connections.close_all()

            writer = Thread(target=run)
            writer.start()
            writer.join(timeout=20)
            assert done, "a writer waited for a reader"
            return found

        monkeypatch.setattr(service, "_rows", slow)

    return arrange


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", ["made", "changed", "deleted"])
def test_counts_are_of_the_head_that_the_page_reports(meanwhile: Any, monkeypatch: Any, change: str) -> None:
    enrolled = factories.enrol()
    api, device = client_with(enrolled.token), enrolled.installation.device
    task = factories.make_task(device)
    before, at = counted(device), head(device)
    by = factories.TESTER
    meanwhile(
        {
            "made": lambda: factories.make_task(device),
            "changed": lambda: update_task(task, actor=by, changes={"title": "Other"}),
            "deleted": lambda: delete_task(task, actor=by),
        }[change]
    )
    cache.clear()
    page = pull(api)
    assert (page["has_more"], page["head"], page["counts"]) == (False, at, before)
    assert sum(before.values()) == len(page["changes"])
    assert [c["data"]["title"] for c in page["changes"] if c["table"] == "tasks"] == [task.title]
    monkeypatch.undo()
    more = pull(api, page["cursor"])
    assert [(c["table"], c["deleted"]) for c in more["changes"]] == [("tasks", change == "deleted")]
    assert (more["head"], more["counts"]) == (head(device), counted(device))
    assert more["counts"]["tasks"] == Task.objects.count()


@pytest.mark.django_db(transaction=True)
def test_a_floor_that_moves_meanwhile_is_of_the_next_page(meanwhile: Any, monkeypatch: Any) -> None:
    """Retention removes tombstones while a page is read: that page still has them."""
    enrolled = factories.enrol()
    api, device = client_with(enrolled.token), enrolled.installation.device
    start = pull(api)["cursor"]
    task = factories.make_task(device)
    delete_task(task, actor=factories.TESTER)

    def purge() -> int:
        Task.all_objects.filter(pk=task.pk).purge()
        return Feed.objects.filter(pk=device.pk).update(floor=head(device))

    meanwhile(purge)
    assert [change["deleted"] for change in pull(api, start)["changes"]] == [True]
    monkeypatch.undo()
    response = api.get("/v1/sync/changes", {"cursor": start})
    assert (response.status_code, response.json()["reason"]) == (410, "expired")


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_ends_with_its_reads_whatever_happens() -> None:
    device = factories.make_device()
    with pytest.raises(Feed.DoesNotExist), snapshot():
        Feed.objects.get(pk=0)
    factories.make_task(device)
    with snapshot():
        assert Task.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's read transactions may become writes")
def test_a_snapshot_writes_nothing() -> None:
    with pytest.raises(InternalError, match="read-only"), snapshot():
        Feed.objects.update(head=1)
