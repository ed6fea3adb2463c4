"""Counts: a sheet of paper becomes entries on one sheet of one stocktake, once; nothing moves until it is posted."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from devices.models import Device, Feed
from inventory.jobs import runner
from inventory.models import (
    Case,
    CountEntry,
    CountSheet,
    ImportRow,
    ImportSession,
    Location,
    Lot,
    Product,
    StockMovement,
    Stocktake,
)
from inventory.services.counting.decisions import decide_lines
from inventory.services.counting.stocktakes import (
    approve_stocktake,
    cancel_stocktake,
    close_stocktake,
    post_stocktake,
    reverse_stocktake,
)
from inventory.services.imports import runs
from tests import factories

SHEET = (
    "code,name,lot,serial,expiry,bin,counted,note\n"
    "A,Cup,L1,,27-02,B1,2,dusty\n"
    "A,Cup,L1,,27-02,B1,3,\n"
    "B,Pot,,S1,2028-02-29,,1,\n"
    "C,Jar,,,,,0,\n"
    "D,Lid,,,,,,\n"
    ",,,,,,6,\n"
    ",Tin,,,,,7,\n"
)
SAID = [
    ("created", ""), ("created", ""), ("created", ""), ("created", ""), ("skipped", "import_no_quantity"),
    ("skipped", "import_no_code"), ("error", "import_no_code"),
]  # fmt: skip


def make(device: Device, content: str = SHEET, **more: Any) -> ImportSession:
    upload = factories.make_upload(device, content.encode())
    return factories.make_import(device, **{"kind": "counts", "upload": upload, **more})


def do(api: APIClient, session: ImportSession, what: str) -> dict[str, Any]:
    answer = api.post(f"/v1/imports/{session.uuid}/{what}")
    assert answer.status_code == 202, answer.json()
    runner.run(answer.json()["id"])
    job: dict[str, Any] = api.get(f"/v1/jobs/{answer.json()['id']}").json()
    return job


def bring(api: APIClient, session: ImportSession) -> dict[str, Any]:
    for what in ("dry-run", "apply"):
        job = do(api, session, what)
        assert job["status"] == "succeeded", job
    result: dict[str, Any] = job["result"]
    return result


def outcomes(session: ImportSession) -> list[tuple[str, str]]:
    return list(ImportRow.objects.filter(session=session).order_by("number").values_list("outcome", "internal_code"))


def head(device: Device) -> int:
    found: int = Feed.objects.get(device=device).head
    return found


def test_a_dry_run_writes_nothing_and_says_what_apply_will_do(device: Device, api: APIClient) -> None:
    session = make(device)
    before = head(device)
    assert do(api, session, "dry-run")["status"] == "succeeded"
    assert outcomes(session) == SAID
    assert head(device) == before
    assert not Stocktake.all_objects.exists()
    assert not Product.all_objects.exists()
    assert do(api, session, "apply")["status"] == "succeeded"
    assert outcomes(session) == SAID


def test_a_file_is_a_sealed_sheet_of_a_stocktake_of_its_own(device: Device, api: APIClient) -> None:
    result = bring(api, make(device))
    assert result["made"] == {"products": 3, "lots": 2, "locations": 1}
    stocktake, sheet = Stocktake.objects.get(), CountSheet.objects.get()
    assert (stocktake.kind, stocktake.state, stocktake.location.is_default) == ("spot", "counting", True)
    assert (sheet.stocktake, sheet.state, sheet.location) == (stocktake, "sealed", stocktake.location)
    assert stocktake.policy == factories.make_stocktake(device).policy  # a device has no say in it
    entries = list(CountEntry.objects.select_related("product", "lot", "location").order_by("revision"))
    assert [(entry.product.sku, entry.mode, entry.quantity, entry.note, entry.is_late) for entry in entries] == [
        ("A", "add", Decimal(2), "dusty", False), ("A", "add", Decimal(3), "", False),
        ("B", "add", Decimal(1), "", False), ("C", "add", Decimal(0), "", False),
    ]  # fmt: skip
    assert entries[0].location.parent == stocktake.location
    assert entries[3].location == stocktake.location
    assert {lot.code: (lot.kind, lot.expires_on) for lot in Lot.objects.all()} == {
        "L1": ("lot", date(2027, 2, 28)), "S1": ("serial", date(2028, 2, 29)),
    }  # fmt: skip
    assert not StockMovement.objects.exists()
    lines = {line.product.sku: line.counted for line in stocktake.lines.select_related("product")}
    assert set(lines) == {"A", "B", "C"}


def test_again_it_changes_nothing_and_other_content_is_an_error(device: Device, api: APIClient) -> None:
    bring(api, make(device))
    before = head(device)
    again = make(device)
    assert bring(api, again)["unchanged"] == 4
    assert head(device) == before
    other = make(device, SHEET.replace("2,dusty", "2,clean").replace("B,Pot,,S1", "B,Pot,,S2") + "E,Mug,,,,,1,\n")
    bring(api, other)
    assert [code for _, code in outcomes(other)] == [
        "import_other_content", "", "import_other_content", "", "import_no_quantity", "import_no_code",
        "import_no_code", "import_sheet_closed",
    ]  # fmt: skip
    assert head(device) == before
    assert not Case.objects.exists()


def test_what_was_renamed_since_says_nothing(device: Device, api: APIClient) -> None:
    bring(api, make(device))
    Product.objects.filter(sku="A").update(sku="A-2")
    Location.objects.filter(name="B1").update(name="B-1")
    before = head(device)
    assert bring(api, make(device))["unchanged"] == 4
    assert head(device) == before


@pytest.mark.parametrize("breaks_at", [1, 2, 3])
def test_it_goes_on_after_a_kill(
    device: Device, api: APIClient, monkeypatch: pytest.MonkeyPatch, breaks_at: int
) -> None:
    """Also where it was killed between the last chunk and the submission of the sheet."""
    session = make(device)
    monkeypatch.setattr(runs, "CHUNK", 2)
    assert do(api, session, "dry-run")["status"] == "succeeded"
    work, calls = runs.ImportRun.work, []

    def dying(self: runs.ImportRun, rows: Any) -> Any:
        calls.append(rows)
        results = work(self, rows)
        if len(calls) == breaks_at:
            raise RuntimeError("the machine is gone")
        return results

    monkeypatch.setattr(runs.ImportRun, "work", dying)
    assert do(api, session, "apply")["status"] == "failed"
    assert CountEntry.objects.count() == min(4, 2 * (breaks_at - 1))
    assert not CountSheet.objects.filter(state="sealed").exists()
    monkeypatch.setattr(runs.ImportRun, "work", work)
    assert do(api, session, "apply")["status"] == "succeeded"
    assert (Stocktake.objects.count(), CountEntry.objects.count()) == (1, 4)
    assert CountSheet.objects.get().state == "sealed"


def test_bins_are_found_where_they_are(device: Device, api: APIClient) -> None:
    hall = factories.make_location(device, name="Hall", code="H")
    shelf = factories.make_location(device, name="Shelf", parent_id=hall.uuid)
    cellar = factories.make_location(device, name="Cellar")
    rack = factories.make_location(device, name="Rack", parent_id=cellar.uuid)
    content = "code,bin,counted\nA,Shelf,1\nB,H,1\nC,Rack,1\nD,New/Box,1\nE,,1\n"
    bring(api, make(device, content, options={"location": "Hall"}))
    places = {entry.product.sku: entry.location for entry in CountEntry.objects.select_related("product", "location")}
    assert (places["A"], places["B"], places["E"]) == (shelf, hall, hall)
    assert (places["C"].name, places["C"].parent) == ("Rack", hall)  # a name elsewhere is another place
    assert (places["D"].name, places["D"].parent.name, places["D"].parent.parent) == ("Box", "New", hall)
    bring(api, make(device, "code,bin,counted\nF,Cellar/Rack,1\n", options={"source": "other"}))
    assert CountEntry.objects.get(product__sku="F").location == rack


@pytest.mark.parametrize(
    ("content", "options", "codes"),
    [
        ("code,counted\nA,1\n", {"location": "Nowhere"}, ["import_unknown_reference"]),
        ("code,counted\nA,1\n", {"sheet": str(uuid4())}, ["import_unknown_reference"]),
        ("code,counted\nA,-1\nB,many\n", {}, ["import_below_zero", "import_not_a_quantity"]),
        ("code,counted,expiry\nA,1,27-13\n", {}, ["import_not_a_date"]),
        (
            "code,counted,bin,lot\nA,1,B1,\nA,1,,L1\nX,1,,\n",
            {"create_missing": False},
            ["import_unknown_reference", "import_unknown_reference", "import_unknown_product"],
        ),
    ],
)
def test_what_does_not_fit_is_told_and_nothing_is_made(
    device: Device, api: APIClient, content: str, options: dict[str, Any], codes: list[str]
) -> None:
    factories.make_product(device, sku="A")
    before = head(device)
    session = make(device, content, options=options)
    bring(api, session)
    assert outcomes(session) == [("error", code) for code in codes]
    assert head(device) == before
    assert not Stocktake.objects.exists()


def test_movements_make_no_lot_either_where_none_may_be_made(device: Device, api: APIClient) -> None:
    factories.make_product(device, sku="A")
    before = head(device)
    session = make(device, "sku,quantity,lot\nA,1,L1\n", kind="stock", options={"create_missing": False})
    bring(api, session)
    assert outcomes(session) == [("error", "import_unknown_reference")]
    assert head(device) == before


def test_an_option_that_is_no_id_is_refused(device: Device, api: APIClient) -> None:
    session = make(device)
    answer = api.patch(f"/v1/imports/{session.uuid}", {"options": {"sheet": "first"}})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "options.sheet")
    session.refresh_from_db()
    assert session.options == {}


# --- On a sheet that is named -------------------------------------------------------------------
def test_a_named_sheet_takes_the_counts_and_is_submitted(device: Device, api: APIClient) -> None:
    room = factories.make_location(device, name="Room")
    sheet = factories.make_sheet(device, location_id=room.uuid)
    session = make(device, "code,bin,counted\nA,,2\nB,Box,1\n", options={"sheet": str(sheet.uuid)})
    bring(api, session)
    entries = {entry.product.sku: entry for entry in CountEntry.objects.select_related("product", "location")}
    assert {entry.sheet_id for entry in entries.values()} == {sheet.pk}
    assert (entries["A"].location, entries["B"].location.parent) == (room, room)
    sheet.refresh_from_db()
    assert (sheet.state, Stocktake.objects.count()) == ("sealed", 1)
    job = do(api, session, "revert")
    assert [(table, id) for table, id, _ in job["result"]["conflicts"] if table == "count_sheets"] == [
        ("count_sheets", str(sheet.uuid))
    ]
    assert Product.objects.filter(sku__in="AB").count() == 2  # the counts stand, and so does what they are of
    assert Location.objects.filter(name="Box").exists()


def test_a_sheet_that_an_installation_holds_is_submitted_by_that_one(device: Device, api: APIClient) -> None:
    sheet = factories.make_sheet(device)
    CountSheet.objects.update(held_by=uuid4(), state="in_progress")
    session = make(device, "code,counted\nA,2\n", options={"sheet": str(sheet.uuid)})
    bring(api, session)
    sheet.refresh_from_db()
    assert (sheet.state, CountEntry.objects.get().sheet) == ("in_progress", sheet)
    assert do(api, session, "revert")["result"]["left"] == 0
    sheet.refresh_from_db()
    assert (sheet.state, CountEntry.objects.count(), Product.objects.count()) == ("abandoned", 1, 0)


def test_a_sheet_that_takes_no_counts_or_is_another_devices_is_refused(device: Device, api: APIClient) -> None:
    sheet = factories.make_sheet(device)
    cancel_stocktake(sheet.stocktake, actor=factories.TESTER)
    foreign = factories.make_sheet(factories.make_device())
    before = head(device)
    for id, code in ((sheet.uuid, "import_sheet_closed"), (foreign.uuid, "import_unknown_reference")):
        session = make(device, "code,counted\nA,2\n", options={"sheet": str(id)})
        bring(api, session)
        assert outcomes(session) == [("error", code)]
    assert head(device) == before
    assert not CountEntry.objects.exists()


# --- Reverting ----------------------------------------------------------------------------------
def test_a_revert_cancels_the_stocktake_and_keeps_the_entries(device: Device, api: APIClient) -> None:
    session = make(device)
    bring(api, session)
    job = do(api, session, "revert")
    assert (job["status"], job["result"]["left"], job["result"]["conflicts"]) == ("succeeded", 0, [])
    assert Stocktake.objects.get().state == "cancelled"
    assert CountEntry.objects.count() == 4
    assert not Product.objects.exists()
    assert not Location.objects.filter(is_default=False).exists()
    again = make(device)
    before = head(device)
    bring(api, again)
    assert [code for _, code in outcomes(again)][:4] == ["import_sheet_closed"] * 4
    assert head(device) == before
    assert bring(api, make(device, options={"source": "the second sheet"}))["created"] == 4
    assert sorted(Stocktake.objects.values_list("state", flat=True)) == ["cancelled", "counting"]


def test_a_stocktake_that_was_cancelled_by_hand_is_no_conflict(device: Device, api: APIClient) -> None:
    session = make(device)
    bring(api, session)
    cancel_stocktake(Stocktake.objects.get(), actor=factories.TESTER)
    assert do(api, session, "revert")["result"]["left"] == 0
    assert not Product.objects.exists()


def test_what_others_have_counted_too_stays(device: Device, api: APIClient) -> None:
    session = make(device, "code,counted\nA,2\n")
    bring(api, session)
    sheet = factories.make_sheet(device, stocktake_id=Stocktake.objects.get().uuid, name="Upstairs")
    factories.make_entry(device, sheet_id=sheet.uuid)
    job = do(api, session, "revert")
    assert [table for table, _, _ in job["result"]["conflicts"]] == ["count_sheets", "products"]
    assert Stocktake.objects.get().state == "counting"
    assert Product.objects.filter(sku="A").exists()


def test_what_is_posted_stands_until_it_is_reversed(device: Device, api: APIClient) -> None:
    session = make(device, "code,counted\nA,2\n")
    bring(api, session)
    stocktake = Stocktake.objects.get()
    Stocktake.objects.update(policy={**stocktake.policy, "recount": "optional"})
    for step in (close_stocktake, approve_stocktake, post_stocktake):
        stocktake.refresh_from_db()
        if step is approve_stocktake:
            lines = list(stocktake.lines.filter(state="variance"))
            decide_lines(stocktake, lines, action="accept", actor=factories.TESTER, reason="found")
        step(stocktake, actor=factories.TESTER)
    before = StockMovement.objects.count()
    job = do(api, session, "revert")
    assert [table for table, _, _ in job["result"]["conflicts"]] == ["count_sheets", "products"]
    stocktake.refresh_from_db()
    assert (stocktake.state, StockMovement.objects.count()) == ("posted", before)
    reverse_stocktake(stocktake, actor=factories.TESTER)
    assert Product.objects.filter(sku="A").exists()
