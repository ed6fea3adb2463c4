"""What a WatermelonDB client should not push is accepted all the same: mended, flagged, and shown to it again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError

from devices.models import Device
from inventory.models import Barcode, Case, Location, Product, Task
from inventory.services import products
from inventory.services.sync.watermelon import parents
from tests import factories
from tests.inventory.sync.melon import created, flags, head, pull, push, push_twice, raw, row, updated


def only_flag(device: Device) -> Case:
    (case,) = flags(device)
    return case


# --- values ---
@pytest.mark.parametrize(
    ("table", "column", "sent", "stored"),
    [
        ("products", "name", "x" * 301, "x" * 300),
        ("products", "name", "", None),
        ("products", "name", 5, None),
        ("products", "sku", ["a"], ""),
        ("products", "is_active", "yes", True),
        ("products", "reorder_level", "2.5", None),
        ("products", "reorder_level", -1, None),
        ("products", "reorder_level", 10**12, None),
        ("products", "reorder_level", True, None),
        ("products", "reorder_level", 0.1234567, Decimal("0.123457")),
        ("products", "attributes", "[]", {}),
        ("products", "attributes", "{", {}),
        ("products", "attributes", 7, {}),
        ("products", "category_id", "nowhere", None),
        ("products", "category_id", 7, None),
        ("tasks", "priority", 9, 3),
        ("tasks", "priority", "high", 3),
        ("tasks", "priority", 2.5, 3),
        ("tasks", "due_date", "soon", None),
        ("tasks", "due_date", 1_772_366_400_000, None),
        ("locations", "kind", "castle", "other"),
    ],
)
def test_a_value_that_does_not_fit_is_mended_and_flagged(
    api: Any, device: Device, *, table: str, column: str, sent: Any, stored: Any
) -> None:
    last = pull(api)["timestamp"]
    base = {"products": {"name": "N"}, "tasks": {"title": "T"}, "locations": {"name": "L"}}[table]
    new = raw(**{**base, column: sent})
    push_twice(api, device, last, created(table, new))
    model: Any = {"products": Product, "tasks": Task, "locations": Location}[table]
    found = getattr(model.objects.get(uuid=new["id"]), column.removesuffix("_id"))
    assert found == (f"Unnamed {new['id'][-8:]}" if column == "name" and stored is None else stored)
    case = only_flag(device)
    assert case.evidence["table"] == table
    assert case.evidence["reasons"][0].startswith(f"{column}: ")
    assert case.evidence["raw"][column] == (str(sent) if isinstance(sent, float) else sent)
    assert "_status" not in case.evidence["raw"]


@pytest.mark.parametrize(
    ("column", "sent", "stored"),
    [
        ("is_active", 0, False),
        ("is_active", None, True),
        ("sku", None, ""),
        ("reorder_level", 0.1 + 0.2, Decimal("0.3")),
        ("reorder_level", None, None),
        ("category_id", "", None),
        ("attributes", "", {}),
        ("attributes", {"a": 1}, {"a": 1}),
        ("attributes", '{"cut": "\\ud83d"}', {"cut": "\ufffd"}),
        ("notes", "a\x00b", "a\ufffdb"),
        ("colour", "red", None),
        ("revision", 7, None),
        ("device", "x", None),
    ],
)
def test_what_is_only_unusual_is_no_trouble(api: Any, device: Device, column: str, sent: Any, stored: Any) -> None:
    new = raw(**{"name": "N", column: sent})
    push_twice(api, device, pull(api)["timestamp"], created("products", new))
    found = Product.objects.get()
    if column in ("colour", "revision", "device"):
        assert found.revision != 7
    else:
        assert getattr(found, column.removesuffix("_id")) == stored
    assert flags(device) == []


def test_what_an_app_never_set_has_its_default(api: Any, device: Device) -> None:
    """The library fills columns that are not optional with "" and 0."""
    product = raw(name="N", unit="", sku="")
    changes = {
        **created("products", product),
        **created("barcodes", raw(product_id=product["id"], value="1", quantity=0, symbology="")),
        **created("tasks", raw(title="T", priority=0, due_date="")),
        **created("locations", raw(name="L", kind="", code="", parent_id="")),
    }
    push_twice(api, device, pull(api)["timestamp"], changes)
    assert (Product.objects.get().unit, Barcode.objects.get().quantity, Task.objects.get().priority) == ("pcs", 1, 3)
    assert flags(device) == []
    answer = pull(api)
    push_twice(
        api, device, answer["timestamp"], updated("products", {**row(answer, "products", product["id"]), "unit": ""})
    )
    assert row(pull(api, answer["timestamp"]), "products", product["id"])["unit"] == "pcs"


def test_half_an_emoji_does_not_stop_the_sync(api: Any, device: Device) -> None:
    body = b'{"products": {"created": [{"id": "aZ09bcdefghijklm", "name": "half \\ud83d \\u0000"}]}}'
    push_twice(api, device, pull(api)["timestamp"], body.decode())
    assert Product.objects.get().name == "half \ufffd \ufffd"


def test_an_update_keeps_what_is_stored_where_the_new_value_is_none(api: Any, device: Device) -> None:
    task = factories.make_task(device, priority=1, title="Keep")
    answer = pull(api)
    mine = {**row(answer, "tasks", task.uuid), "priority": 7, "title": ""}
    push_twice(api, device, answer["timestamp"], updated("tasks", mine))
    task.refresh_from_db()
    assert (task.title, task.priority) == ("Keep", 1)
    again = pull(api, answer["timestamp"])
    assert row(again, "tasks", task.uuid)["priority"] == 1  # the client gets it back
    assert only_flag(device).evidence["reasons"] == ["priority: not valid", "title: not valid"]
    before = head(device)
    push(api, again["timestamp"], updated("tasks", {**mine, "_changed": "priority"}))
    assert row(pull(api, again["timestamp"]), "tasks", task.uuid)["priority"] == 1
    assert head(device) == before + 1  # told once more, flagged once
    assert len(flags(device)) == 1


def test_an_over_long_update_is_cut_and_shown(api: Any, device: Device) -> None:
    task = factories.make_task(device)
    answer = pull(api)
    mine = {**row(answer, "tasks", task.uuid), "title": "y" * 400, "description": "fine"}
    push_twice(api, device, answer["timestamp"], updated("tasks", mine))
    found = row(pull(api, answer["timestamp"]), "tasks", task.uuid)
    assert (found["title"], found["description"]) == ("y" * 300, "fine")
    assert only_flag(device).evidence["raw"]["title"] == "y" * 400


def test_columns_of_the_server_come_back_as_they_are(api: Any, device: Device) -> None:
    barcode = factories.make_barcode(device, value="4006381333931")
    answer = pull(api)
    mine = {**row(answer, "barcodes", barcode.uuid), "gtin": "forged", "created_at": 1, "updated_at": 2}
    push_twice(api, device, answer["timestamp"], updated("barcodes", mine))
    assert row(pull(api, answer["timestamp"]), "barcodes", barcode.uuid)["gtin"] == "04006381333931"
    later = pull(api)
    before = head(device)
    push(api, later["timestamp"], updated("barcodes", {**row(later, "barcodes", barcode.uuid), "updated_at": 5}))
    assert head(device) == before
    assert flags(device) == []


# --- the rest ---
def test_tables_and_ids_that_cannot_be_ours_are_flagged(api: Any, device: Device) -> None:
    changes = {
        **created("local_settings", raw(theme="dark")),
        **created("products", {"id": "no id of ours", "name": "X"}),
        "empty_table": {"created": [], "updated": [], "deleted": []},
    }
    push_twice(api, device, pull(api)["timestamp"], changes)
    assert not Product.objects.exists()
    assert {case.evidence["table"] for case in flags(device)} == {"local_settings", "products"}


def test_a_flag_that_was_closed_stays_closed(api: Any, device: Device) -> None:
    last = pull(api)["timestamp"]
    changes = created("local_settings", raw(theme="dark"))
    push(api, last, changes)
    Case.objects.update(state="waived")
    push_twice(api, device, last, changes)
    assert Case.objects.get().state == "waived"


def test_evidence_is_bounded(api: Any, device: Device) -> None:
    wide = {f"c{number}": number for number in range(500)}
    odd = {"big": 10**30, "exact": 1.5, "deep": [10**30, {"a": None}], "notes": "z" * 200_000}
    push(api, pull(api)["timestamp"], created("products", raw(name="N", **odd), raw(name="", **wide)))
    first, second = flags(device)
    assert first.evidence["raw"]["big"] == str(10**30)
    assert first.evidence["raw"]["deep"] == [str(10**30), {"a": None}]
    assert len(first.evidence["raw"]["notes"]) == 100_000
    assert len(second.evidence["raw"]) == 200


def test_a_busy_database_is_no_refusal(api: Any, device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("database is locked")

    last = pull(api)["timestamp"]
    monkeypatch.setattr(parents, "insert_owned", busy)
    monkeypatch.setattr("inventory.services.sync.watermelon.rows.create_batch", busy)
    before = head(device)
    refused = push(api, last, created("products", raw(name="A"), raw(name="B")), status=503)
    assert refused["internal_code"] == "temporarily_unavailable"
    assert head(device) == before
    assert not products.Product.objects.exists()


def test_a_row_of_nothing_but_nonsense(api: Any, device: Device) -> None:
    task = factories.make_task(device, priority=2)
    last = pull(api)["timestamp"]
    push_twice(api, device, last, updated("tasks", {"id": str(task.uuid), "priority": 9, "due_date": "soon"}))
    task.refresh_from_db()
    assert (task.priority, task.due_date) == (2, None)
    assert row(pull(api, last), "tasks", task.uuid)["priority"] == 2
