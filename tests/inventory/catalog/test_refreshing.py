"""The catalogue is refreshed from real files and from a server that misbehaves; what was read stays right."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError
from django.utils import timezone

from config.core.errors import ReferenceNotFound
from inventory.errors import JobParameters, OutboundRefused
from inventory.jobs import runner
from inventory.models import CatalogProduct, CatalogSource, Job, Upload
from inventory.services.catalog import refreshing
from inventory.services.jobs import request_job
from inventory.services.uploads import save_upload
from tests.conftest import shared_data
from tests.factories import TESTER
from tests.inventory.services.outside import Heard, Outside, Said, outside

pytestmark = pytest.mark.django_db
CSV = "code,product_name,brands,quantity,categories\n3017620422003,Nutella,Ferrero,400 g,Spreads\n"
KIND = "sync_external_data"


@pytest.fixture
def site(settings: Any) -> Iterator[Outside]:
    settings.OUTBOUND_NETWORKS = ["127.0.0.1"]
    with outside() as found:
        yield found


def ask(**parameters: str) -> Job:
    return request_job(kind=KIND, actor=TESTER, parameters=parameters)


def upload(content: bytes) -> str:
    return str(save_upload(device=None, name="c", media_type="", file=BytesIO(content), is_bounded=False).uuid)


def ring(job: Job) -> Job:
    runner.run(str(job.uuid))
    job.refresh_from_db()
    return job


def read(content: str | bytes, **parameters: str) -> Job:
    data = content.encode() if isinstance(content, str) else content
    return ring(ask(upload=upload(data), **parameters))


def figures(job: Job) -> dict[str, Any]:
    return {key: job.result[key] for key in ("rows", "created", "updated", "unchanged", "skipped")}


REAL = [
    ("off_fr_2018_utf16le_semicolon.csv", 3000, 2996, {"no_code": 4}, ("00000000018999", "Porridge de Riz", "")),
    ("off_it_2021_full_export.tsv", 600, 589, {"no_code": 6, "no_name": 5}, ("08001040089736", "Plasmon", "160 g")),
    ("off_lifyzer_2019_5000.csv", 4847, 4844, {"no_code": 3}, ("00030034083595", "Pudding Snacks", "")),
]


@pytest.mark.parametrize(("name", "rows", "taken", "skipped", "known"), REAL, ids=lambda value: str(value)[:12])
def test_real_files_are_read_whole_and_read_again_change_nothing(
    name: str, rows: int, taken: int, skipped: dict[str, int], known: tuple[str, str, str]
) -> None:
    content = shared_data("products_off", name).read_bytes()
    job = read(content)
    assert job.status == Job.Status.SUCCEEDED, job.message
    assert (job.result["rows"], job.result["skipped"], job.result["bytes"]) == (rows, skipped, len(content))
    assert sum(figures(job)[name] for name in ("created", "updated", "unchanged")) == taken
    assert CatalogProduct.objects.count() == job.result["created"]
    assert (job.done, job.total) == (rows, rows)
    gtin, begins, quantity = known
    product = CatalogProduct.objects.get(gtin=gtin)
    assert (product.name[: len(begins)], product.quantity, str(product)) == (begins, quantity, product.name)
    before = list(CatalogProduct.objects.order_by("gtin").values("gtin", "name", "brand", "attributes", "created_at"))
    again = read(content)
    assert again.result["created"] == 0
    after = list(CatalogProduct.objects.order_by("gtin").values("gtin", "name", "brand", "attributes", "created_at"))
    assert after == before


def test_a_product_is_added_changed_and_left() -> None:
    first = read(CSV)
    assert figures(first) == {"rows": 1, "created": 1, "updated": 0, "unchanged": 0, "skipped": {}}
    lines = (
        '{"code": "3017620422003", "product_name": "Nutella\\n  Duo", "labels": "x"}',
        '{"code": "8.41E+12", "product_name": "Excel was here"}',
        '{"code": 4006381333931, "product_name": "Stabilo", "brands": "' + "b" * 300 + '"}',
        '{"code": "96385074", "product_name": "  "}',
    )
    second = read("\n".join(lines), source="Ours")
    assert figures(second) == {
        "rows": 4, "created": 1, "updated": 1, "unchanged": 0, "skipped": {"no_code": 1, "no_name": 1},
    }  # fmt: skip
    nutella = CatalogProduct.objects.get(gtin="03017620422003")
    assert (nutella.name, nutella.brand, nutella.attributes, str(nutella.source)) == (
        "Nutella Duo", "", {"labels": "x"}, "Ours",
    )  # fmt: skip
    assert len(CatalogProduct.objects.get(gtin="04006381333931").brand) == 200
    assert CatalogSource.objects.count() == 2


def test_a_url_is_asked_for_what_is_new(site: Outside) -> None:
    def answer(heard: Heard) -> Said:
        if heard.headers.get("if-none-match") == '"1"':
            return Said(304)
        return Said(200, gzip.compress(CSV.encode()), {"ETag": '"1"', "Last-Modified": "Wed, 21 Oct 2026 07:28:00 GMT"})

    site.answer = answer
    url = f"{site.url}/products.csv.gz"
    first = ring(ask(url=url))
    assert (first.status, first.result["status"], first.result["created"]) == (Job.Status.SUCCEEDED, "refreshed", 1)
    source = CatalogSource.objects.get()
    assert (source.url, source.etag, source.refreshed_at is None) == (url, '"1"', False)
    again = ring(ask(url=url))
    assert (again.status, again.result) == (
        Job.Status.SUCCEEDED, {"status": "unchanged", "source": "open food facts"},
    )  # fmt: skip
    assert site.heard[-1].headers["if-modified-since"] == "Wed, 21 Oct 2026 07:28:00 GMT"
    elsewhere = ring(ask(url=f"{site.url}/other.csv"))  # another file: what is known of this one does not count
    assert elsewhere.result["status"] == "refreshed"


def test_the_same_bytes_are_not_read_again(site: Outside) -> None:
    site.answer = lambda heard: Said(200, CSV.encode())
    assert [ring(ask(url=site.url)).result["status"] for _ in range(2)] == ["refreshed", "unchanged"]


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_in_trouble_is_asked_three_times_more_a_minute_apart(site: Outside, status: int) -> None:
    site.answer = lambda heard: Said(status, b"<html>")
    job = ask(url=site.url)
    waits = []
    for _ in range(3):
        ring(job)
        assert job.status == Job.Status.QUEUED
        waits.append(round((job.run_at - timezone.now()).total_seconds()))
        Job.objects.update(run_at=timezone.now())
    assert waits == [60, 60, 60]
    ring(job)
    assert (job.status, job.internal_code, len(site.heard)) == (Job.Status.FAILED, "outbound_failed", 4)
    assert not CatalogProduct.objects.exists()


def test_it_goes_on_when_the_server_is_well_again(site: Outside) -> None:
    site.answer = lambda heard: Said(503) if len(site.heard) == 1 else Said(200, CSV.encode())
    job = ring(ask(url=site.url))
    Job.objects.update(run_at=timezone.now())
    assert (ring(job).status, job.result["created"], job.attempts) == (Job.Status.SUCCEEDED, 1, 2)


BROKEN = gzip.compress(CSV.encode() * 100)[:-20]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (Said(404), "catalog_unreadable"),
        (Said(200, b""), "catalog_unreadable"),
        (Said(200, b"<html><body>Moved</body></html>"), "catalog_unreadable"),
        (Said(200, b"product_name,brands\nNutella,Ferrero\n"), "catalog_unreadable"),
        (Said(200, b'code,product_name\n3017620422003,"never closed\n' + b"x" * 2000), "catalog_unreadable"),
        (Said(200, BROKEN), "catalog_unreadable"),
        (Said(200, b"\x1f\x8b not gzip"), "catalog_unreadable"),
        (Said(200, b"x" * 5000), "download_too_large"),
        (Said(200, gzip.compress(b"x" * 5000)), "download_too_large"),
        (Said(302, headers={"Location": "http://169.254.169.254/"}), "outbound_refused"),
    ],
)
def test_what_cannot_be_read_fails_at_once_and_changes_nothing(
    site: Outside, settings: Any, said: Said, code: str
) -> None:
    settings.CATALOG_MAX_BYTES = 4000
    site.answer = lambda heard: said
    job = ring(ask(url=site.url))
    assert (job.status, job.internal_code) == (Job.Status.FAILED, code)
    assert (CatalogProduct.objects.count(), CatalogSource.objects.get().refreshed_at) == (0, None)


def test_who_asks_to_stop_is_heard_while_bytes_come(site: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory.services.job_runs.FLUSH_SECONDS", 0.0)
    job = ask(url=site.url)
    monkeypatch.setattr("inventory.services.catalog.sources.download", _cancelling)
    assert (ring(job).status, CatalogProduct.objects.count()) == (Job.Status.CANCELLED, 0)


def _cancelling(url: str, *, into: Any, heard: Any, **kwargs: Any) -> Any:
    """A download in the middle of which somebody asks to stop."""
    heard(1)
    Job.objects.update(cancel_requested=True)
    heard(2)
    raise AssertionError("the second block is too much")


def rows(first: int, count: int) -> str:
    return "".join(f"{number:013},Product {number}\n" for number in range(first, first + count))


@pytest.fixture
def halfway(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The worker dies after the second chunk: its third effect never comes."""
    monkeypatch.setattr(refreshing, "CHUNK", 10)
    real, calls = refreshing.upsert_products, []

    def upsert(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 3:
            raise DatabaseError
        return real(*args)

    monkeypatch.setattr(refreshing, "upsert_products", upsert)
    return


@pytest.mark.parametrize("changed", [False, True])
def test_a_later_attempt_goes_on_unless_the_file_is_another(site: Outside, halfway: None, changed: bool) -> None:
    site.answer = lambda heard: Said(200, ("code,name\n" + rows(1, 35)).encode())
    job = ring(ask(url=site.url))
    assert (job.status, job.done, CatalogProduct.objects.count()) == (Job.Status.FAILED, 20, 20)
    Job.objects.update(status=Job.Status.QUEUED)
    if changed:
        site.answer = lambda heard: Said(200, ("code,name\n" + rows(6, 35)).encode())
    assert ring(job).status == Job.Status.SUCCEEDED
    assert figures(job) == {
        "rows": 35, "created": 20 if changed else 35, "updated": 0, "unchanged": 15 if changed else 0, "skipped": {},
    }  # fmt: skip
    assert (job.done, CatalogProduct.objects.count()) == (35, 40 if changed else 35)


@pytest.mark.parametrize(
    ("parameters", "refusal"),
    [
        ({}, JobParameters),
        ({"url": "https://example.org/", "upload": str(uuid4())}, JobParameters),
        ({"url": "http://127.0.0.1/"}, OutboundRefused),
        ({"url": "file:///etc/passwd"}, OutboundRefused),
        ({"upload": str(uuid4())}, ReferenceNotFound),
        ({"upload": "x"}, JobParameters),
        ({"url": "https://example.org/", "source": ""}, JobParameters),
    ],
)
def test_what_is_no_request_is_refused(parameters: Any, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        ask(**parameters)
    assert not Job.objects.exists()


def test_an_upload_that_is_gone_by_then(tmp_path: Path) -> None:
    job = ask(upload=upload(CSV.encode()))
    Upload.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert ring(job).internal_code == "reference_not_found"
