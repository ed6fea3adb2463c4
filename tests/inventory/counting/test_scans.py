"""Scans on a sheet: kept as they came, and what they name is counted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from devices.errors import IdAlreadyUsed
from inventory.formats.labels import LabelKind, encode_label
from inventory.models import CountEntry, CountSheet, Lot, ScanEvent, StocktakeLine
from inventory.services.counting import sheets
from inventory.services.counting.scans import Heard, RawScan, record_scans
from tests import factories
from tests.inventory.counting.desk import BOSS, Desk, after, operation

pytestmark = pytest.mark.django_db
GTIN = "09506000134352"


class Scanner(Desk):
    """A desk whose product has a barcode, with a sheet."""

    def __init__(self, **policy: Any) -> None:
        super().__init__(recount="optional", **policy)
        factories.make_barcode(self.device, product_id=self.product.uuid, value=GTIN[1:])
        self.stock(4, occurred_at=after(days=-1))
        self.open()
        self.paper = self.sheet(name="top")

    def scan(self, *codes: str | RawScan, sheet: CountSheet | None = None, who: int = 0) -> list[Heard]:
        return record_scans(
            sheet or self.paper,
            actor=self.actors[who],
            scans=[code if isinstance(code, RawScan) else RawScan(code) for code in codes],
            installation=self.installations[who],
        )

    def queued(self, code: str, sheet: CountSheet | None = None, **members: Any) -> Any:
        data = {"sheet_id": str((sheet or self.paper).uuid), "code": code, "counted_at": after().isoformat()}
        return operation("scan_events", {**data, "base_revision": self.head}, **members)


def test_the_same_code_again_adds_one() -> None:
    desk = Scanner()
    heard = desk.scan(*[GTIN[1:]] * 3)
    assert [(one.event.outcome, one.entry.quantity, one.total) for one in heard if one.entry] == [("counted", 1, 3)] * 3
    assert desk.scan(RawScan(GTIN[1:], quantity=Decimal(2)))[0].total == 5
    desk.close()
    assert desk.line.counted == 5
    entry = CountEntry.objects.first()
    assert (str(entry.scan), entry.scan.match) == (GTIN[1:], "barcode")


def test_a_barcode_counts_its_quantity() -> None:
    desk = Scanner()
    factories.make_barcode(desk.device, product_id=desk.product.uuid, value="BOX", quantity=Decimal(12))
    assert desk.scan("BOX", RawScan("BOX", quantity=Decimal(2)))[1].total == 36


def test_a_total_on_the_same_sheet_starts_anew() -> None:
    desk = Scanner()
    desk.scan(GTIN[1:])
    desk.count(CountSheet.objects.get(), 7)
    assert desk.scan(GTIN[1:])[0].total == 8


def test_a_place_that_is_scanned_is_where_the_next_codes_lie() -> None:
    desk = Scanner()
    bay = factories.make_location(desk.device)
    label = encode_label(LabelKind.LOCATION, bay.uuid)
    other = factories.make_location(desk.device)
    heard = desk.scan(GTIN[1:], label, GTIN[1:], RawScan(GTIN[1:], location_id=other.uuid))
    assert [one.event.location for one in heard] == [desk.place, bay, bay, other]
    assert [one.event.outcome for one in heard] == ["counted", "place", "counted", "counted"]
    assert [one.flags for one in heard] == [[], [], ["misplaced"], ["misplaced"]]
    assert desk.scan(GTIN[1:])[0].event.location == bay  # and it is remembered
    assert desk.scan(GTIN[1:], who=1)[0].event.location == desk.place  # by the one that scanned it


def test_on_two_sheets_of_a_pass_it_is_told() -> None:
    desk = Scanner()
    other = desk.sheet(name="ground")
    desk.scan(GTIN[1:])
    assert desk.scan(GTIN[1:], sheet=other)[0].flags == ["already_counted"]


def test_an_unknown_code_is_kept_as_a_case() -> None:
    desk = Scanner()
    (heard,) = desk.scan("nobody knows")
    assert (heard.event.outcome, heard.entry, heard.total) == ("unknown", None, None)
    assert ScanEvent.objects.get().code == "nobody knows"
    assert len(desk.cases("unknown_barcode")) == 1
    assert CountEntry.objects.count() == 0


def test_a_serial_counts_once_per_pass() -> None:
    desk = Scanner()
    code = f"01{GTIN}21S-1"
    heard = desk.scan(code, code)
    lot = Lot.objects.get(code="S-1")
    assert (lot.kind, lot.product) == (Lot.Kind.SERIAL, desk.product)
    assert [one.event.outcome for one in heard] == ["counted", "serial_again"]
    assert desk.scan(code, sheet=desk.sheet(name="ground"))[0].event.outcome == "serial_again"
    desk.close()
    line = StocktakeLine.objects.get(lot=lot)
    assert (line.counted, line.flags) == (1, [])


def test_a_lot_of_a_gs1_code_is_made_once_with_its_expiry() -> None:
    desk = Scanner()
    for _ in range(2):
        desk.scan(f"01{GTIN}1727022810L-7")
    lot = Lot.objects.get(code="L-7")
    assert (lot.kind, str(lot.expires_on)) == ("lot", "2027-02-28")
    assert StocktakeLine.objects.get(lot=lot).state == "counted"


def test_late_scans_are_kept_and_count_for_nothing() -> None:
    desk = Scanner()
    sheets.submit_sheet(desk.paper, actor=BOSS)
    heard = desk.scan(GTIN[1:], "nobody knows", sheet=CountSheet.objects.get())
    assert all(one.event.is_late for one in heard)
    assert (desk.line.state, desk.line.counted) == ("to_count", None)
    assert {tuple(case.evidence["ids"]) for case in desk.cases("late_count")} == {
        (str(CountEntry.objects.get().uuid),), (str(heard[1].event.uuid),),
    }  # fmt: skip


def test_an_id_is_used_once() -> None:
    desk = Scanner()
    id = uuid4()
    desk.scan(RawScan(GTIN[1:], id=id))
    with pytest.raises(IdAlreadyUsed):
        desk.scan(RawScan(GTIN[1:], id=id))
    assert (ScanEvent.objects.count(), CountEntry.objects.count()) == (1, 1)


def test_queued_scans_of_several_sheets_come_in_one_push() -> None:
    desk = Scanner()
    other = desk.sheet(name="ground")
    ops = [desk.queued(GTIN[1:], sequence=1), desk.queued(GTIN[1:], other, sequence=2), desk.queued("?", sequence=3)]
    rows = [result.row for result in desk.push(*ops).results]
    assert [(row.sheet_id, row.sequence, row.outcome) for row in rows] == [
        (desk.paper.pk, 1, "counted"), (other.pk, 2, "counted"), (desk.paper.pk, 3, "unknown"),
    ]  # fmt: skip
    assert {result.status for result in desk.push(*ops).results} == {"duplicate"}
    one = desk.push(desk.queued(GTIN[1:], sequence=4)).results[0].row
    assert (one.outcome, one.entry.sequence, one.entry.base_revision) == ("counted", 4, one.base_revision)
    desk.close()
    assert (desk.line.counted, ScanEvent.objects.count()) == (3, 4)


def test_a_serial_among_other_codes_is_told_from_them() -> None:
    desk = Scanner()
    heard = desk.scan(GTIN[1:], f"01{GTIN}21S-1", f"01{GTIN}10L-1", GTIN[1:])
    assert [one.event.outcome for one in heard] == ["counted"] * 4
