"""What a counter had pulled: told by a cursor or a revision, and worth nothing where it cannot be true."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from devices.models import Feed
from devices.services.feed import bump_epoch
from inventory.models import CountEntry, ScanEvent
from tests import factories
from tests.conftest import client_with
from tests.inventory.counting.desk import Desk, after
from tests.inventory.sync import melon, ops

pytestmark = pytest.mark.django_db


class Counter(Desk):
    """A desk whose first installation talks HTTP; the other one (1) moved 5 a minute before the count."""

    def __init__(self) -> None:
        super().__init__(recount="optional")
        factories.make_barcode(self.device, product_id=self.product.uuid, value="MILK")
        self.stock(40, occurred_at=after(days=-1))
        self.open()
        self.paper = self.sheet()
        self.api: APIClient = client_with(self.tokens[0])
        assert self.push(self.moves(5, after(minutes=-1)), who=1).results[0].status == "applied"

    @property
    def cursor(self) -> str:
        return str(ops.pull_all(self.api)[1]["cursor"])

    def entry(self, base: Any) -> dict[str, Any]:
        told = {"counted_at": after().isoformat(), "base_revision": base}
        return {"sheet_id": str(self.paper.uuid), "product_id": str(self.product.uuid), "quantity": "45", **told}


def judged(desk: Counter) -> tuple[Any, ...]:
    desk.close()
    return desk.line.expected, desk.line.flags


def test_a_cursor_is_read_as_the_revision_that_it_tells() -> None:
    for how in ("rest", "sheet", "sync", "scan", "queued", "number"):
        desk = Counter()
        base: Any = desk.head if how == "number" else desk.cursor
        entry, head = desk.entry(base), desk.head
        code = {"code": "MILK", "counted_at": entry["counted_at"], "base_revision": base}
        if how in ("rest", "number"):
            assert desk.api.post("/v1/count-entries", entry).json()["base_revision"] == head
        elif how == "sheet":
            del entry["sheet_id"]
            assert desk.api.post(f"/v1/sheets/{desk.paper.uuid}/entries", entry).status_code == 201
        elif how == "sync":
            assert ops.push_one(desk.api, "create", "count_entries", entry)["status"] == "applied"
        elif how == "scan":
            assert desk.api.post(f"/v1/sheets/{desk.paper.uuid}/scans", [code, code]).status_code == 201
        else:
            row = {**code, "sheet_id": entry["sheet_id"]}
            assert ops.push_one(desk.api, "create", "scan_events", row)["row"]["base_revision"] == head
        assert {entry.base_revision for entry in CountEntry.objects.filter(sheet=desk.paper)} == {head}, how
        assert judged(desk) == (45, []), how
    assert set(ScanEvent.objects.values_list("base_revision", flat=True)) == {
        entry.base_revision for entry in CountEntry.objects.exclude(scan=None)
    }


@pytest.mark.parametrize("how", ["epoch", "foreign", "ahead", "beyond", "none"])
def test_a_base_that_cannot_be_true_is_none(how: str) -> None:
    """The movement a minute before the count is in doubt then, as for who tells no base."""
    desk = Counter()
    base: Any = desk.cursor
    if how == "epoch":
        bump_epoch(desk.device)
    elif how == "foreign":
        base = Counter().cursor
    elif how == "ahead":
        version, epoch, *_ = base.split(".")
        base = f"{version}.{epoch}.900000.900000"
    else:
        base = {"beyond": 900_000, "none": None}[how]
    answer = ops.push_one(desk.api, "create", "count_entries", desk.entry(base))
    assert answer["status"] == "applied"
    told = {"ahead": 900_000, "beyond": 900_000, "none": None}
    assert answer["row"]["base_revision"] == told.get(how, 0)
    assert judged(desk) == (40, ["ambiguous"])
    assert len(desk.cases("ambiguous_movement")) == 1


def test_a_lost_base_alone_does_not_make_a_count_an_online_one() -> None:
    desk = Counter()
    cursor = desk.cursor
    bump_epoch(desk.device)
    told = desk.entry(cursor)
    del told["counted_at"]
    assert desk.api.post("/v1/count-entries", told).json()["counted_at"] is None


def test_the_same_count_again_is_the_same_whatever_became_of_its_base() -> None:
    desk = Counter()
    id, entry = uuid4(), desk.entry(desk.cursor)
    assert ops.push_one(desk.api, "create", "count_entries", entry, id=id)["status"] == "applied"
    bump_epoch(desk.device)
    head = desk.head
    assert ops.push_one(desk.api, "create", "count_entries", entry, id=id)["status"] == "duplicate"
    assert ops.push_one(desk.api, "create", "count_entries", {**entry, "quantity": "9"}, id=id)["status"] == "conflict"
    assert (CountEntry.objects.get().quantity, desk.head) == (45, head)


def test_watermelons_timestamp_is_a_base_too() -> None:
    for lost in (False, True):
        desk = Counter()
        last = melon.pull(desk.api)["timestamp"]
        row = melon.raw(**{**desk.entry(last), "quantity": 45, "counted_at": int(after().timestamp() * 1000)})
        if lost:
            bump_epoch(desk.device)
        melon.push(desk.api, last if not lost else None, melon.created("count_entries", row))
        entry = CountEntry.objects.get(sheet=desk.paper)
        assert entry.base_revision == (0 if lost else last % 10**12)
        assert judged(desk) == ((40, ["ambiguous"]) if lost else (45, []))


@pytest.mark.parametrize("base", ["soon", "", "1.1", "1.1.2.3.4", "٣", "-1", -1, 2**62 + 1, True, 2.5, [], "9" * 19])
def test_what_is_no_base_is_refused(base: Any) -> None:
    desk = Counter()
    head = Feed.objects.get(pk=desk.device.pk).head
    answer = desk.api.post("/v1/count-entries", desk.entry(base))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "base_revision")
    assert (CountEntry.objects.count(), desk.head) == (0, head)
