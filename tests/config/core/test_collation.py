"""Text is ordered by code point on both engines, and who has it otherwise is told."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection

from config.core import collation
from config.core.collation import check_text_order
from devices.models import Device
from tests import factories

pytestmark = pytest.mark.django_db
NAMES = ["b", "B", "a", "a b", "a-b", "ab", "Z", "_", "1", "10", "2", "ä", "Ä", "é", "z", "ß", "中", "😀", "～"]


def listed(api: Any, query: str) -> list[str]:
    return [row["name"] for row in api.get(f"/v1/categories?limit=100&{query}").json()["results"]]


def test_lists_are_ordered_by_code_point(api: Any, device: Device) -> None:
    for name in NAMES:
        factories.make_category(device, name=name)
    assert listed(api, "ordering=name") == sorted(NAMES)
    assert listed(api, "ordering=-name") == sorted(NAMES, reverse=True)
    assert listed(api, "ordering=name&cursor=") == sorted(NAMES)


def test_the_check_is_registered_and_content_with_this_database() -> None:
    assert not [message for message in run_checks(databases=["default"]) if message.id == "countonme.W001"]
    assert check_text_order() == []


@pytest.mark.parametrize(
    ("provider", "name", "said"),
    [
        ("c", "C.UTF-8", False),
        ("c", "C", False),
        ("b", "C.UTF-8", False),
        ("c", "en_US.utf8", True),
        ("i", "C.UTF-8", True),
        ("i", "", True),
    ],
)
def test_another_order_is_told(monkeypatch: pytest.MonkeyPatch, provider: str, name: str, said: bool) -> None:
    monkeypatch.setattr(connection, "vendor", "postgresql")
    monkeypatch.setattr(collation, "_default_collation", lambda alias: (provider, name))
    found = check_text_order(databases=["default"])
    assert [message.id for message in found] == (["countonme.W001"] if said else [])
