"""Scans that nobody could read: listed until they are counted, counted once their code is known."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from inventory.formats.labels import LabelKind, encode_label
from inventory.models import Case, CountEntry, CountSheet, Lot, ScanEvent
from inventory.services.counting import decisions, sheets, stocktakes
from tests import factories
from tests.conftest import client_with
from tests.inventory.counting.desk import BOSS, Desk, after
from tests.rules.test_query_counts import exactly, queries

pytestmark = pytest.mark.django_db
CODE = "NEW-1"


class Floor(Desk):
    """A shop that holds 5 of a product; two packs of a code that nobody knows were scanned at noon."""

    def __init__(self, code: str = CODE) -> None:
        super().__init__(recount="optional")
        self.api: APIClient = client_with(self.tokens[0])
        self.stock(5, occurred_at=after(days=-1))
        self.open()
        self.paper = self.sheet()
        body = {"code": code, "quantity": "2", "counted_at": after().isoformat(), "base_revision": self.head}
        heard = self.api.post(f"/v1/sheets/{self.paper.uuid}/scans", body).json()
        assert (heard["outcome"], heard["quantity"], heard["entry_id"]) == ("unknown", "2", None)
        self.scan = ScanEvent.objects.get(uuid=heard["scan_id"])

    def learn(self, **values: Any) -> None:
        given = {"product_id": self.product.uuid, "value": CODE, "quantity": Decimal(3), **values}
        factories.make_barcode(self.device, **given)

    def unread(self) -> list[tuple[str, Any]]:
        """What waits in the list, and what it would be read as."""
        found = self.api.get(f"/v1/stocktakes/{self.stocktake_id}/lines", {"list": "unknown"}).json()["results"]
        progress = self.api.get(f"/v1/stocktakes/{self.stocktake_id}/progress").json()
        assert progress["unknown_scans"] == len(found)
        return [(scan["code"], scan["reads_as"] and scan["reads_as"]["product_name"]) for scan in found]

    def count_scan(self, status: int = 201) -> Any:
        answer = self.api.post(f"/v1/scan-events/{self.scan.uuid}/count")
        assert answer.status_code == status, answer.content
        return answer.json()

    def refused(self, code: str) -> None:
        before = self.head, CountEntry.objects.count(), self.stocktake.state
        assert self.count_scan(409)["internal_code"] == code
        assert (self.head, CountEntry.objects.count(), self.stocktake.state) == before


def test_it_waits_until_its_code_is_known_and_is_counted_in_one_action() -> None:
    desk = Floor()
    assert desk.unread() == [(CODE, None)]
    desk.refused("scan_still_unknown")
    desk.learn()
    assert desk.unread() == [(CODE, "Oat milk")]
    entry = desk.count_scan()
    assert (entry["quantity"], entry["mode"], entry["scan_id"]) == ("6", "add", str(desk.scan.uuid))
    assert (entry["product_id"], entry["counter_name"]) == (str(desk.product.uuid), desk.scan.counter_name)
    stored, scan = CountEntry.objects.get(), ScanEvent.objects.get()
    same = ("counted_at", "received_at", "base_revision", "sequence", "clock_offset_ms", "installation", "counter")
    assert {name: getattr(stored, name) for name in same} == {name: getattr(scan, name) for name in same}
    assert (scan.outcome, scan.product, scan.revision) == ("unknown", None, desk.scan.revision)  # kept as it came
    assert (desk.unread(), desk.line.state, desk.stocktake.state) == ([], "counted", "counting")
    desk.refused("scan_already_counted")
    desk.close()
    assert (desk.line.counted, desk.line.variance) == (6, 1)


def test_what_is_no_unknown_scan_is_refused() -> None:
    desk = Floor()
    desk.learn()
    desk.api.post(f"/v1/sheets/{desk.paper.uuid}/scans", {"code": CODE})
    desk.scan = ScanEvent.objects.get(outcome="counted")
    desk.refused("scan_already_counted")
    assert desk.api.post(f"/v1/scan-events/{uuid4()}/count").status_code == 404
    stranger = client_with(factories.enrol().token)
    assert stranger.post(f"/v1/scan-events/{desk.scan.uuid}/count").status_code == 404


def test_a_code_that_became_a_place_names_nothing_to_count() -> None:
    id = uuid4()
    desk = Floor(encode_label(LabelKind.LOCATION, id))
    factories.make_location(desk.device, id=id)
    assert desk.unread() == [(desk.scan.code, None)]
    desk.refused("scan_still_unknown")


def test_a_serial_that_it_names_is_made() -> None:
    desk = Floor("0109506000134352" + "21S-1")
    desk.learn(value="9506000134352")
    desk.count_scan()
    lot = Lot.objects.get()
    assert (lot.code, lot.kind, CountEntry.objects.get().lot) == ("S-1", Lot.Kind.SERIAL, lot)


@pytest.mark.parametrize("counted", [False, True])
def test_in_review_its_line_is_judged_again(counted: bool) -> None:  # a parameter of the test
    desk = Floor()
    if counted:
        desk.count(CountSheet.objects.get(), 5, counted_at=after(minutes=-1), base_revision=desk.scan.base_revision)
    desk.close()
    assert (desk.stocktake.state, desk.line.state) == ("review", "matched" if counted else "to_count")
    desk.learn(quantity=Decimal("0.5") if counted else Decimal("2.5"))
    assert desk.count_scan()["is_late"] is False
    assert desk.stocktake.state == "review"
    found = (desk.line.state, desk.line.counted, desk.line.flags)
    assert found == (("variance", 6, ["changed"]) if counted else ("matched", 5, []))


def test_what_turns_up_after_the_approval_goes_back_to_review() -> None:
    desk = Floor()
    desk.close()
    stocktakes.approve_stocktake(desk.stocktake, actor=BOSS)
    other = factories.make_product(desk.device, name="Rice")
    desk.learn(product_id=other.uuid)
    desk.count_scan()
    assert desk.stocktake.state == "review"
    line = desk.stocktake.lines.get(product=other)
    assert (line.state, line.counted, line.variance) == ("variance", 6, 6)
    decisions.accept_line(line, actor=BOSS, reason="found")
    desk.post()
    assert desk.stocktake.state == "posted"


def test_what_matches_after_the_approval_leaves_it_approved() -> None:
    desk = Floor()
    desk.close()
    stocktakes.approve_stocktake(desk.stocktake, actor=BOSS)
    desk.learn(quantity=Decimal("2.5"))
    desk.count_scan()
    assert (desk.stocktake.state, desk.line.state) == ("approved", "matched")


def test_a_line_that_waits_to_be_counted_again_goes_on_waiting() -> None:
    desk = Floor()
    desk.count(CountSheet.objects.get(), 4, counted_at=after(minutes=-1), base_revision=desk.scan.base_revision)
    desk.close()
    decisions.recount_line(desk.line, actor=BOSS)
    desk.learn(quantity=Decimal("0.5"))
    desk.count_scan()
    assert (desk.line.state, desk.line.counted) == ("recount", 4)
    sheet = stocktakes.start_recount(desk.stocktake, actor=BOSS)
    desk.count(sheet, 5, who=1)
    desk.close()
    assert [one["counted"] for one in desk.line.passes] == ["5", "5"]


@pytest.mark.parametrize("how", ["late", "abandoned", "posted", "line", "cancelled"])
def test_what_can_count_no_more_is_kept_with_a_case(how: str) -> None:
    desk = Floor()
    if how == "late":
        sheets.submit_sheet(desk.paper, actor=BOSS)
        desk.api.post(f"/v1/sheets/{desk.paper.uuid}/scans", {"code": CODE})
        desk.scan = ScanEvent.objects.get(is_late=True)
    elif how == "abandoned":
        sheets.abandon_sheet(desk.paper, actor=BOSS)
    elif how == "cancelled":
        stocktakes.cancel_stocktake(desk.stocktake, actor=BOSS)
    else:
        other = factories.make_product(desk.device)
        desk.count(desk.paper, 4)
        desk.count(desk.paper, 4, product_id=other.uuid)
        desk.close()
        if how == "line":  # its line is posted, the stocktake is still in review
            desk.accept()
            stocktakes.post_stocktake(desk.stocktake, actor=BOSS)
            assert (desk.stocktake.state, desk.line.state) == ("review", "posted")
        else:
            decisions.excuse_line(desk.stocktake.lines.get(product=other), actor=BOSS)
            desk.accept()
            desk.post()
            assert desk.stocktake.state == "posted"
    line, level = desk.line, desk.level
    before = Case.objects.filter(kind="late_count").count()
    desk.learn()
    assert desk.count_scan()["is_late"] is True
    assert (desk.line.revision, desk.line.state, desk.level) == (line.revision, line.state, level)
    assert Case.objects.filter(kind="late_count").count() == before + 1
    assert len(desk.unread()) == (how == "late")  # the first one waits still


def test_the_list_reads_a_page_at_once() -> None:
    desk = Floor()
    url, lines = f"/v1/sheets/{desk.paper.uuid}/scans", f"/v1/stocktakes/{desk.stocktake_id}/lines"
    desk.api.get(lines, {"list": "unknown"})
    few, _ = queries(lambda: desk.api.get(lines, {"list": "unknown"}))
    desk.api.post(url, [{"code": f"odd {number}"} for number in range(30)])
    assert len(desk.api.get(lines, {"list": "unknown", "limit": 100}).json()["results"]) == 31
    exactly(few, lambda: desk.api.get(lines, {"list": "unknown", "limit": 100}))
