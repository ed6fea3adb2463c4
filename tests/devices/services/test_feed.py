"""The feed gives every write its number, in commit order, under one lock per device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, connections, transaction

from devices.errors import DeviceNotFound
from devices.models import Device, Event, Feed
from devices.services.feed import next_revision, take_revisions
from inventory.models import Product
from inventory.services.products import create_product, update_product
from tests import factories
from tests.factories.threads import together

POSTGRESQL = connection.vendor == "postgresql"


@pytest.mark.django_db(transaction=True)
def test_without_a_transaction_there_is_no_lock_to_hold() -> None:
    device = factories.make_device()
    head = Feed.objects.get(device=device).head
    with pytest.raises(RuntimeError, match="transaction"):
        take_revisions(device)
    assert Feed.objects.get(device=device).head == head


def test_numbers_are_handed_out_in_order(device: Device) -> None:
    head = Feed.objects.get(device=device).head
    assert list(take_revisions(device, 3)) == [head + 1, head + 2, head + 3]
    assert next_revision(device) == head + 4
    assert list(take_revisions(device, 0)) == []
    assert Feed.objects.get(device=device).head == head + 4


def test_a_device_without_a_feed_is_no_device(device: Device) -> None:
    Feed.objects.filter(device=device).delete()
    with pytest.raises(DeviceNotFound):
        take_revisions(device)


def test_a_refused_write_gives_its_number_back(device: Device) -> None:
    head = Feed.objects.get(device=device).head

    @transaction.atomic
    def refused() -> None:
        take_revisions(device, 5)
        raise DeviceNotFound

    with pytest.raises(DeviceNotFound):
        refused()
    assert Feed.objects.get(device=device).head == head


@pytest.mark.django_db(transaction=True)
def test_sixteen_writers_leave_no_gap_and_no_double() -> None:
    device = factories.make_device()
    head = Feed.objects.get(device=device).head

    def write(number: int) -> list[int]:
        return [
            create_product(device=device, actor=factories.TESTER, name=f"P{number}.{turn}").revision
            for turn in range(5)
        ]

    answers = together([lambda number=number: write(number) for number in range(16)])
    given = [revision for answer in answers for revision in answer]  # type: ignore[union-attr]
    assert sorted(given) == list(range(head + 1, head + 81))
    stored = Product.objects.for_device(device).values_list("revision", flat=True)
    assert sorted(stored) == sorted(given)
    assert Feed.objects.get(device=device).head == head + 80
    events = Event.objects.for_device(device).filter(table="products").values_list("revision", flat=True)
    assert sorted(events) == sorted(given)


@contextmanager
def second_connection(timeout: str = "500ms") -> Iterator[Any]:
    """Another connection to the same database, which gives up soon instead of waiting for a lock."""
    other = connections["default"].copy("second")
    try:
        with other.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{timeout}'")
            yield cursor
    finally:
        other.close()


@pytest.mark.skipif(not POSTGRESQL, reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_writers_of_other_devices_and_presence_never_wait() -> None:
    device, neighbour = factories.enrol(), factories.make_device()
    with transaction.atomic():
        take_revisions(device.installation.device)
        with second_connection() as cursor:
            cursor.execute(
                "UPDATE devices_presence SET queue_depth = 3 WHERE installation_id = %s", [device.installation.pk]
            )
            assert cursor.rowcount == 1
            cursor.execute("UPDATE devices_feed SET head = head + 1 WHERE device_id = %s", [neighbour.pk])
            assert cursor.rowcount == 1
            cursor.execute(  # a row with foreign keys to the locked device
                "INSERT INTO devices_enrollmentcode (code_hash, hint, label, device_id, max_uses, used_count, "
                "expires_at, created_at, created_by) VALUES ('x', 'x', '', %s, 1, 0, now(), now(), '')",
                [device.installation.device.pk],
            )
            assert cursor.rowcount == 1


@pytest.mark.skipif(not POSTGRESQL, reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_a_second_writer_of_the_device_does_wait() -> None:
    device = factories.make_device()
    with transaction.atomic():
        take_revisions(device)
        with second_connection("100ms") as cursor, pytest.raises(Exception, match="lock timeout"):
            cursor.execute("UPDATE devices_feed SET head = head + 1 WHERE device_id = %s", [device.pk])


def test_every_change_has_its_event(device: Device) -> None:
    product = factories.make_product(device, name="Tea", sku="T1")
    changed = update_product(product, actor=factories.TESTER, changes={"name": "Green tea", "sku": "T1"})
    newest, first = Event.objects.about(changed)
    assert (first.action, first.revision) == ("created", product.revision)
    assert first.changes["name"] == [None, "Tea"]
    assert (newest.action, newest.revision) == ("updated", changed.revision)
    assert newest.changes == {"name": ["Tea", "Green tea"]}
    assert (newest.actor_kind, newest.actor_id) == ("system", "tests")
