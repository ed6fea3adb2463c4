"""Reports are asked for by name; what does not fit is refused, and foreign ids are missing ones."""

from __future__ import annotations

import csv
import io
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from python_calamine import CalamineWorkbook
from rest_framework.test import APIClient

from devices.models import Device
from inventory.errors import JobParameters
from inventory.models import Job
from inventory.reports.registry import REPORTS
from inventory.services.jobs import request_job
from tests import factories
from tests.factories import TESTER, make_category, make_location, make_movement, make_product
from tests.inventory.reports.asking import Reports, reports

__all__ = ["reports"]


def test_which_reports_there_are(api: APIClient) -> None:
    found = api.get("/v1/reports").json()
    assert [report["name"] for report in found["reports"]] == list(REPORTS)
    assert found["formats"] == ["pdf", "xlsx", "csv", "json"]
    assert found["papers"] == ["a4", "letter"]
    movements = next(report for report in found["reports"] if report["name"] == "movements")
    assert {parameter["name"]: parameter["type"] for parameter in movements["parameters"]} == {
        "period": "choice", "from_day": "day", "to_day": "day", "kind": "choice", "category_id": "id",
        "location_id": "id", "product_id": "id",
    }  # fmt: skip
    assert "receipt" in next(one["choices"] for one in movements["parameters"] if one["name"] == "kind")
    assert api.get("/v1/reports?x=1").status_code == 400


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_comes_in_every_format(reports: Reports, device: Device, name: str) -> None:
    lot = factories.make_lot(device, expires_on="2026-01-01")
    make_movement(device, product_id=lot.product.uuid, lot_id=lot.uuid)
    pdf = reports.file(name)
    assert pdf.headers["Content-Type"] == "application/pdf"
    assert REPORTS[name].title in pdf.headers["Content-Disposition"]
    assert b"".join(pdf.streaming_content).startswith(b"%PDF")
    rows = reports.json(name)["rows"]
    lines = list(csv.reader(io.StringIO(reports.bytes(name, format="csv").decode("utf-8-sig"))))
    book = CalamineWorkbook.from_filelike(io.BytesIO(reports.bytes(name, format="xlsx")))
    assert lines[0] == [column["name"] for column in reports.json(name)["columns"]]
    assert len(lines) == len(rows) + 1
    assert book.sheet_names[-1] == "About"


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_of_nothing(reports: Reports, name: str) -> None:
    assert REPORTS[name].title in reports.text(name, paper="letter")


@pytest.mark.parametrize(
    ("asked", "code", "field"),
    [
        ({}, "validation_failed", "report"),
        ({"report": "secrets"}, "validation_failed", "report"),
        ({"report": "movements", "format": "exe"}, "validation_failed", "format"),
        ({"report": "movements", "colour": "red"}, "validation_failed", "colour"),
        ({"report": "movements", "from_day": "yesterday"}, "validation_failed", "from_day"),
        ({"report": "movements", "at": "2026-01-01T00:00:00Z"}, "job_parameters", "at"),
        ({"report": "ledger_proof", "days": 3, "usage_days": 3}, "job_parameters", "days"),
        ({"report": "stock_on_hand", "at": "2026-01-01T00:00:00Z", "revision": 3}, "job_parameters", "revision"),
    ],
)
def test_what_does_not_fit_is_refused(api: APIClient, asked: dict[str, Any], code: str, field: str) -> None:
    answer = api.post("/v1/reports", asked)
    assert (answer.status_code, answer.json()["internal_code"]) == (422, code)
    assert field in {problem["field"] for problem in answer.json()["errors"]}
    assert Job.objects.count() == 0


@pytest.mark.parametrize(
    ("name", "make"), [("category_id", make_category), ("location_id", make_location), ("product_id", make_product)]
)
def test_a_foreign_id_is_a_missing_one(api: APIClient, other: Device, name: str, make: Any) -> None:
    answers = [api.post("/v1/reports", {"report": "movements", name: str(id)}) for id in (make(other).uuid, uuid4())]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert len({answer.json()["internal_code"] for answer in answers}) == 1
    assert Job.objects.count() == 0


def test_ids_are_of_one_device(db: None, device: Device) -> None:
    wanted = {"report": "movements", "product_id": str(make_product(device).uuid)}
    with pytest.raises(JobParameters, match="one device"):
        request_job(kind="report", actor=TESTER, parameters=wanted)
    assert Job.objects.count() == 0


def test_a_repeated_request_with_a_key_is_one_job(api: APIClient) -> None:
    first = api.post("/v1/reports", {"report": "movements"}, HTTP_IDEMPOTENCY_KEY="once")
    again = api.post("/v1/reports", {"report": "movements"}, HTTP_IDEMPOTENCY_KEY="once")
    assert (first.status_code, again.status_code, first.content) == (202, 202, again.content)
    assert Job.objects.count() == 1


def test_the_result_says_how_many_rows_as_of_which_revision(reports: Reports, device: Device) -> None:
    make_movement(device)
    reports.bytes("stock_on_hand")
    device.feed.refresh_from_db()
    job = Job.objects.get()
    assert job.result == {"rows": 1, "revision": device.feed.head}
    assert job.parameters == {"report": "stock_on_hand", "format": "pdf", "detail": "product"}
    assert job.done == job.total == 1


def test_times_are_shown_where_the_people_are(reports: Reports, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    timezone.get_default_timezone.cache_clear()
    try:
        found = reports.json("movements")
    finally:
        timezone.get_default_timezone.cache_clear()
    assert found["facts"]["Generated"].endswith(" UTC")
    assert found["facts"]["In Asia/Tokyo"][:10] >= found["facts"]["Generated"][:10]


def test_all_devices_have_their_name_in_front(reports: Reports, device: Device, other: Device) -> None:
    for each in (device, other):
        make_movement(each, product_id=make_product(each, name="Tea").uuid)
    found = reports.everyone("stock_on_hand")
    assert [(row["device"], row["product"]) for row in found["rows"]] == [("Scanner", "Tea"), ("Stranger", "Tea")]
    assert found["subtitle"] == "All devices"
    assert "the newest revision of 2 devices" in found["facts"]["As of"]
    assert Job.objects.get().result == {"rows": 2, "revision": None}
    assert [row["product"] for row in reports.json("stock_on_hand")["rows"]] == ["Tea"]  # a device sees its own
