"""A request with many different codes costs no more queries than one with a few."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from devices.models import Device, Event
from inventory.formats.gtin import has_valid_check_digit
from inventory.formats.labels import LabelKind, encode_label
from inventory.models import (
    Case,
    CatalogProduct,
    CatalogSource,
    CountEntry,
    CountSheet,
    Lot,
    Product,
    ScanEvent,
    StocktakeLine,
)
from tests import factories
from tests.inventory.sync.ops import op, push
from tests.rules.test_query_counts import exactly, queries

pytestmark = pytest.mark.django_db
KINDS = ("label", "barcode", "gtin", "lot", "serial", "known lot", "instore", "unknown", "catalogued")


def gtin(number: int) -> str:
    """A GTIN-14 of its own."""
    start = f"0{4_000_000_000_00 + number:012d}"
    return next(found for digit in range(10) if has_valid_check_digit(found := f"{start}{digit}"))


def code_of(device: Device, kind: str, number: int) -> str:
    """A code of this kind that stands for a product of its own, if for any."""
    code = gtin(number)
    if kind in ("unknown", "catalogued"):
        if kind == "catalogued":
            source = CatalogSource.objects.get_or_create(name="Catalogue")[0]
            CatalogProduct.objects.create(gtin=code, name=code, source=source)
        return code if kind == "catalogued" else f"nobody knows {number}"
    product: Product = factories.make_product(device)
    if kind == "label":
        return encode_label(LabelKind.PRODUCT, product.uuid)
    prefix = f"2{number:06d}"
    value = {"barcode": f"code {number}", "instore": prefix}.get(kind, code[1:])
    factories.make_barcode(device, product_id=product.uuid, value=value)
    if kind == "known lot":
        factories.make_lot(device, product_id=product.uuid, code=f"K{number}")
    said = {"lot": f"01{code}10L{number}", "serial": f"01{code}21S{number}", "known lot": f"01{code}10K{number}"}
    return {**said, "barcode": value, "gtin": code, "instore": f"{prefix}012340"}[kind]


def codes(device: Device, each: int) -> list[str]:
    """So many different codes of every kind, mixed."""
    start = ScanEvent.objects.count()
    numbers = iter(range(1 + 10 * start, 1 + 10 * start + each * len(KINDS)))
    return [code_of(device, kind, next(numbers)) for _ in range(each) for kind in KINDS]


def cost(ask: Any) -> tuple[int, Any]:
    with CaptureQueriesContext(connection) as seen:
        answer = ask()
    return len(seen), answer


@pytest.fixture
def sheet(device: Device) -> CountSheet:
    return factories.make_sheet(device)


def test_fifty_codes_cost_what_one_of_each_kind_does(api: APIClient, device: Device, sheet: CountSheet) -> None:
    url, shelf = f"/v1/sheets/{sheet.uuid}/scans", [str(factories.make_location(device).uuid) for _ in range(2)]
    costs = []
    for each in (6, 6, 12):  # the first ones start the sheet
        rows = [{"code": code, "location_id": shelf[n % 2]} for n, code in enumerate(codes(device, each))]
        number, answer = cost(lambda rows=rows: api.post(url, rows))
        assert answer.status_code == 201, answer.content
        heard = answer.json()["results"]
        assert [row["outcome"] for row in heard] == (["counted"] * 7 + ["unknown"] * 2) * each
        assert {row["location"]["id"] for row in heard} == set(shelf)
        assert len({row["product"]["id"] for row in heard if row["product"]}) == 7 * each
        assert len({row["case_id"] for row in heard}) == 2 * each + 1
        costs.append(number)
    assert costs[2] == costs[1], costs
    assert Lot.objects.for_device(device).count() == 3 * 24


@pytest.mark.parametrize(("kind", "most"), [("barcode", 25), ("unknown", 15)])
def test_one_code_and_fifty(api: APIClient, device: Device, sheet: CountSheet, kind: str, most: int) -> None:
    """Beyond ten rows of a table they are written otherwise, which asks for their keys: one query a table."""
    url = f"/v1/sheets/{sheet.uuid}/scans"
    some = [code_of(device, kind, number) for number in range(1, 53)]
    api.post(url, {"code": some.pop()})
    exactly(most, lambda: api.post(url, [{"code": some.pop()}]))
    few, _ = queries(lambda: api.post(url, [{"code": code} for code in some[:12]]))
    tables = {"barcode": (ScanEvent, CountEntry, StocktakeLine), "unknown": (ScanEvent, Case)}[kind]
    assert few <= most + len(tables)
    exactly(few, lambda: api.post(url, [{"code": f"{code}"} for code in some[12:]]))


def test_queued_ones_too_and_each_fact_names_its_operation(api: APIClient, device: Device, sheet: CountSheet) -> None:
    costs = []
    for each in (6, 6, 12):
        ops = [op("create", "scan_events", {"sheet_id": str(sheet.uuid), "code": code}) for code in codes(device, each)]
        number, answer = cost(lambda ops=ops: push(api, *ops))
        assert {result["status"] for result in answer["results"]} == {"applied"}
        costs.append(number)
    assert costs[2] <= costs[1] + (1 if connection.vendor == "sqlite" else 0), costs  # it bounds a statement's values
    assert CountEntry.objects.count() == 7 * 24
    made = {str(op["op_id"]) for op in ops}
    for model, number in ((Case, 2), (Lot, 2)):
        events = Event.objects.filter(device=device, table=model._meta.db_table, operation_id__in=made)
        assert events.values("operation_id").distinct().count() == number * 12, model


def test_one_code_with_and_without_what_the_scanner_adds_is_one_trouble(
    api: APIClient, device: Device, sheet: CountSheet
) -> None:
    url = f"/v1/sheets/{sheet.uuid}/scans"
    heard = api.post(url, [{"code": code} for code in ("]C0odd", "odd", "odd\r\n", "even")]).json()["results"]
    ids = [row["case_id"] for row in heard]
    assert (ids[0], len(set(ids))) == (ids[1], 2)
    assert ids[1] == ids[2]
    (odd, even) = Case.objects.for_device(device).order_by("pk")
    assert ((odd.key, odd.times, odd.evidence["code"]), even.key) == (("odd", 1, "]C0odd"), "even")
    api.post(url, {"code": "odd"})
    odd.refresh_from_db()
    assert (odd.times, Case.objects.for_device(device).count()) == (2, 2)


def test_a_lot_that_many_codes_name_is_made_once(api: APIClient, device: Device, sheet: CountSheet) -> None:
    product = factories.make_product(device)
    factories.make_barcode(device, product_id=product.uuid, value=gtin(1)[1:])
    url = f"/v1/sheets/{sheet.uuid}/scans"
    rows = [{"code": f"01{gtin(1)}10A"}, {"code": f"(01){gtin(1)}(10)A"}, {"code": f"01{gtin(1)}10B"}]
    heard = api.post(url, rows).json()["results"]
    assert [row["total"] for row in heard] == ["2", "2", "1"]
    assert heard[0]["lot"]["id"] == heard[1]["lot"]["id"] != heard[2]["lot"]["id"]
    assert set(Lot.objects.for_device(device).values_list("code", flat=True)) == {"A", "B"}
