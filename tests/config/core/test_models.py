"""Rows are soft-deleted; removing one has to be asked for by name."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from devices.models import Device, Event, Feed
from inventory.models import Product
from inventory.services.products import delete_product
from tests import factories


def test_deleted_rows_are_hidden_but_kept(device: Device) -> None:
    kept, gone = factories.make_product(device), factories.make_product(device)
    delete_product(gone, actor=factories.TESTER)
    assert list(Product.objects.all()) == [kept]
    assert set(Product.all_objects.all()) == {kept, gone}
    assert list(Product.all_objects.alive()) == [kept]
    assert list(Product.all_objects.deleted()) == [gone]
    assert Product.all_objects.get(pk=gone.pk).is_deleted
    gone.refresh_from_db()  # the base manager sees tombstones


def test_nothing_is_removed_by_habit(device: Device) -> None:
    category = factories.make_category(device)
    for remove in (category.delete, type(category).objects.all().delete, type(category).all_objects.all().delete):
        with pytest.raises(TypeError, match="soft-deleted"):
            remove()
    assert type(category).objects.count() == 1
    assert type(category).all_objects.filter(pk=category.pk).purge() == 1
    assert type(category).all_objects.count() == 0


def test_rows_say_what_they_are(device: Device) -> None:
    feed = Feed.objects.get(device=device)
    assert str(feed) == f"1.{feed.head}"
    assert str(device) == "Scanner"
    assert str(Device(uuid=device.uuid)) == f"Device {str(device.uuid)[-8:]}"
    event = Event.objects.order_by("id")[0]
    assert str(event) == f"devices registered @{event.revision}"


def test_devices_are_listed_with_what_they_do(device: Device) -> None:
    listed: Any = Device.objects.with_activity().get(pk=device.pk)
    assert (listed.installation_count, listed.queue_depth) == (1, 0)
    assert listed.last_seen_at is not None


@pytest.mark.parametrize(
    ("stored", "pattern", "found"),
    [
        ("Édition", "édition", True),
        ("ÉDITION", "ÉdItIoN", True),
        ("straße", "STRASSE", False),
        ("straße", "STRAßE", True),
        ("100 %", "100 %", True),
        ("100 %", "100_%", False),
        ("a\\b", "A\\B", True),
        ("line\nbreak", "LINE\nBREAK", True),
        ("ab", "a", False),
    ],
)
def test_both_engines_fold_case_alike(device: Device, stored: str, pattern: str, found: bool) -> None:
    factories.make_product(device, name=stored)
    assert Product.objects.filter(name__iexact=pattern).exists() is found


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the LIKE of SQLite is ours")
@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("'abc' LIKE 'A%'", 1),
        ("'abc' LIKE '_b_'", 1),
        ("'abc' LIKE 'b%'", 0),
        ("NULL LIKE 'a'", None),
        ("'a' LIKE NULL", None),
        ("'a%' LIKE 'a\\%' ESCAPE '\\'", 1),
        ("'ab' LIKE 'a\\%' ESCAPE '\\'", 0),
        ("'a' LIKE 'a\\' ESCAPE '\\'", 1),
        ("5 LIKE 5", 1),
        ("'İ' LIKE 'İ'", 1),
    ],
)
def test_like_on_sqlite(db: None, sql: str, expected: int | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql}".replace("%", "%%"), [])
        assert cursor.fetchone()[0] == expected
