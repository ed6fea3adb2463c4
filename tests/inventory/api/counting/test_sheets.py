"""Sheets over HTTP: taken, scanned on, counted on, submitted; scans are answered at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from devices.models import Device
from devices.services.enrollment import Enrolled
from devices.services.presence import note_clock
from inventory.models import CountEntry, CountSheet, Lot, ScanEvent
from tests import factories
from tests.rules.test_query_counts import exactly, queries

pytestmark = pytest.mark.django_db
MILK = "4006381333931"


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["internal_code"]


@pytest.fixture
def sheet(device: Device) -> CountSheet:
    return factories.make_sheet(device)


@pytest.fixture
def scans(sheet: CountSheet) -> str:
    return f"/v1/sheets/{sheet.uuid}/scans"


@pytest.fixture
def milk(device: Device) -> Any:
    product = factories.make_product(device, name="Milk", sku="M", unit="l")
    factories.make_barcode(device, product_id=product.uuid, value=MILK)
    return product


def test_each_code_is_answered_at_once(api: APIClient, scans: str, device: Device, milk: Any) -> None:
    first = api.post(scans, {"code": MILK})
    assert first.status_code == 201, first.content
    heard = first.json()
    assert heard["product"] == {"id": str(milk.uuid), "name": "Milk", "sku": "M", "unit": "l"}
    assert (heard["outcome"], heard["match"], heard["quantity"], heard["total"]) == ("counted", "barcode", "1", "1")
    assert (heard["lot"], heard["flags"], heard["case_id"], heard["is_late"]) == (None, [], None, False)
    shelf = factories.make_location(device, name="Shelf 3")
    many = api.post(
        scans, [{"code": MILK, "quantity": "2.5"}, {"code": MILK, "location_id": str(shelf.uuid)}, {"code": "?"}]
    )
    results = many.json()["results"]
    assert [(row["outcome"], row["total"]) for row in results] == [
        ("counted", "3.5"),
        ("counted", "1"),
        ("unknown", None),
    ]
    assert results[1]["location"] == {"id": str(shelf.uuid), "name": "Shelf 3"}
    assert results[2]["case_id"] is not None
    stored = api.get(f"/v1/scan-events/{heard['scan_id']}").json()
    assert (stored["code"], stored["product_id"], stored["counter_name"]) == (MILK, str(milk.uuid), "Scanner")
    entry = api.get(f"/v1/count-entries/{heard['entry_id']}").json()
    assert (entry["mode"], entry["quantity"], entry["scan_id"]) == ("add", "1", heard["scan_id"])
    assert api.get("/v1/scan-events", {"outcome": "unknown"}).json()["count"] == 1
    assert api.get("/v1/count-entries", {"location": shelf.uuid, "mode": "add"}).json()["count"] == 1


def test_a_serial_counts_once_and_odd_places_are_told(
    api: APIClient, sheet: CountSheet, scans: str, device: Device, milk: Any
) -> None:
    lot = factories.make_lot(device, product_id=milk.uuid, code="S1", kind=Lot.Kind.SERIAL)
    shelf, cellar = factories.make_location(device), factories.make_location(device)
    factories.make_movement(device, product_id=milk.uuid, to_location_id=shelf.uuid)
    label = f"01{'0' + MILK}21S1"
    again = api.post(scans, [{"code": label, "location_id": str(cellar.uuid)}, {"code": label}]).json()["results"]
    assert [row["outcome"] for row in again] == ["counted", "serial_again"], again
    assert again[0]["lot"]["id"] == str(lot.uuid)
    assert (again[0]["flags"], again[0]["total"], again[1]["total"]) == (["misplaced"], "1", "1")
    other = factories.make_sheet(device, stocktake_id=sheet.stocktake.uuid, name="other")
    api.post(scans, {"code": MILK, "location_id": str(shelf.uuid)})
    elsewhere = api.post(f"/v1/sheets/{other.uuid}/scans", {"code": MILK, "location_id": str(shelf.uuid)}).json()
    assert elsewhere["flags"] == ["already_counted"]


def test_online_or_when_it_was_counted(api: APIClient, sheet: CountSheet, milk: Any, enrolled: Enrolled) -> None:
    """The clock of the installation is corrected by what was measured last."""
    note_clock(installation=enrolled.installation, offset_ms=5000)
    api.post(f"/v1/sheets/{sheet.uuid}/scans", {"code": MILK})
    online = CountEntry.objects.get()
    assert (online.counted_at, online.clock_offset_ms) == (online.received_at, 0)
    assert online.installation == enrolled.installation
    then = (timezone.now() - timedelta(hours=1)).isoformat()
    api.post(f"/v1/sheets/{sheet.uuid}/scans", {"code": MILK, "counted_at": then, "base_revision": 3})
    body = {"product_id": str(milk.uuid), "quantity": "3", "counted_at": then, "base_revision": 3}
    for url, extra in ((f"/v1/sheets/{sheet.uuid}/entries", {}), ("/v1/count-entries", {"sheet_id": str(sheet.uuid)})):
        assert api.post(url, {**body, **extra}).status_code == 201
    for entry in CountEntry.objects.exclude(pk=online.pk):
        assert entry.counted_at is not None
        assert (entry.clock_offset_ms, entry.base_revision, entry.sequence) == (5000, 3, None)
        assert entry.corrected_at - entry.counted_at == timedelta(seconds=5)
    assert CountEntry.objects.count() == 4


def test_what_a_scan_may_not_be(api: APIClient, scans: str, milk: Any, other: Device) -> None:
    foreign = str(factories.make_location(other).uuid)
    for body, status, word in (
        ({}, 422, "validation_failed"),
        ([], 422, "validation_failed"),
        ({"code": ""}, 422, "validation_failed"),
        ({"code": MILK, "quantity": "0"}, 422, "validation_failed"),
        ({"code": MILK, "qty": "2"}, 422, "validation_failed"),
        ([{"code": MILK}, {"code": 7}], 422, "validation_failed"),
        ([{"code": MILK}, {"code": MILK, "location_id": foreign}], 404, "reference_not_found"),
        ({"code": MILK, "location_id": str(uuid4())}, 404, "reference_not_found"),
        ([{"code": MILK}] * 501, 413, "payload_too_large"),
    ):
        assert code(api.post(scans, body)) == (status, word), body
    assert not ScanEvent.objects.exists()
    assert not CountEntry.objects.exists()


def test_a_scan_is_sent_twice(api: APIClient, scans: str, milk: Any) -> None:
    body = {"id": str(uuid4()), "code": MILK}
    first = api.post(scans, body, headers={"Idempotency-Key": "k"})
    again = api.post(scans, body, headers={"Idempotency-Key": "k"})
    assert (first.json(), again.headers["Idempotency-Replayed"]) == (again.json(), "true")
    assert first.json()["scan_id"] == body["id"]
    assert code(api.post(scans, body)) == (409, "id_already_used")
    assert CountEntry.objects.get().quantity == 1


def test_typed_counts_one_or_a_list(api: APIClient, sheet: CountSheet, milk: Any, device: Device) -> None:
    url = f"/v1/sheets/{sheet.uuid}/entries"
    empty = factories.make_location(device)
    rows = [
        {"product_id": str(milk.uuid), "quantity": "4"},
        {"mode": "empty", "location_id": str(empty.uuid)},
        {"quantity": "4"},
        {"product_id": str(uuid4()), "quantity": "4"},
        {"product_id": str(milk.uuid), "quantity": "4", "sheet_id": str(sheet.uuid)},
    ]
    results = api.post(url, rows).json()["results"]
    assert [row["status"] for row in results] == [201, 201, 422, 404, 422]
    assert results[2]["problem"]["internal_code"] == "count_of_nothing"
    assert results[0]["row"]["sheet_id"] == str(sheet.uuid)
    assert CountEntry.objects.count() == 2
    assert code(api.post(f"/v1/sheets/{uuid4()}/entries", [])) == (404, "not_found")


def test_a_sheet_is_taken_and_submitted(api: APIClient, sheet: CountSheet, enrolled: Enrolled) -> None:
    where = f"/v1/sheets/{sheet.uuid}"
    me = str(enrolled.installation.uuid)
    taken = api.post(f"{where}/download")
    assert (taken.json()["state"], taken.json()["held_by"]) == ("downloaded", me)
    assert code(api.post(f"{where}/download")) == (409, "sheet_transition")
    assert api.get("/v1/sheets", {"held_by": me}).json()["count"] == 1
    assert code(api.get("/v1/sheets", {"held_by": "x"})) == (400, "invalid_filter")
    assert api.patch(where, {"state": "in_progress"}).json()["state"] == "in_progress"
    submitted = api.post(f"{where}/submit", {"final_sequence": 5}).json()
    assert (submitted["state"], submitted["final_sequence"]) == ("submitted", 5)
    assert api.post(f"{where}/abandon").json()["state"] == "abandoned"
    assert code(api.post(f"{where}/submit", {})) == (409, "sheet_transition")
    assert code(api.post(f"{where}/submit", {"final": 1})) == (422, "validation_failed")


def test_a_sheet_stays_in_its_stocktake(api: APIClient, sheet: CountSheet, device: Device) -> None:
    where, elsewhere = f"/v1/sheets/{sheet.uuid}", str(factories.make_stocktake(device).uuid)
    assert api.patch(where, {"stocktake_id": str(sheet.stocktake.uuid), "name": "A"}).json()["name"] == "A"
    assert code(api.patch(where, {"stocktake_id": elsewhere})) == (422, "validation_failed")
    sheet.refresh_from_db()
    assert str(sheet.stocktake.uuid) != elsewhere


def test_only_a_device_of_the_sheets_takes_it(api: APIClient, sheet: CountSheet, other: Device) -> None:
    stranger = str(other.installations.get().uuid)
    for body in ({"assigned_to": stranger}, {"assigned_to": str(uuid4())}):
        assert code(api.patch(f"/v1/sheets/{sheet.uuid}", body)) == (404, "reference_not_found")
    draft = factories.make_draft(factories.make_device())
    assert code(api.post("/v1/sheets", {"stocktake_id": str(draft.uuid)})) == (404, "reference_not_found")


def test_queries_of_scanning(api: APIClient, scans: str, device: Device, milk: Any) -> None:
    api.post(scans, {"code": MILK})
    exactly(19, lambda: api.post(scans, {"code": MILK}))
    few, _ = queries(lambda: api.post(scans, [{"code": MILK}] * 30))
    exactly(few, lambda: api.post(scans, [{"code": MILK}] * 60))
