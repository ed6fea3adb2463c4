"""Refusals: every one a complete problem document, whatever went wrong and wherever."""

from __future__ import annotations

import re
import sqlite3
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import InterfaceError, OperationalError, connection
from rest_framework.test import APIClient

from config.core import problems
from devices.models import Device
from tests import factories
from tests.conftest import client_with

pytestmark = pytest.mark.django_db
KEYS = {"type", "title", "status", "detail", "instance", "internal_code", "request_id", "errors"}


def assert_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert set(body) >= KEYS
    assert (body["status"], body["internal_code"]) == (status, code)
    assert body["type"].endswith(f"#{code}")
    assert body["instance"] == answer.wsgi_request.path
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert len(body["request_id"]) >= 8
    assert body["title"]
    assert body["detail"]
    assert re.search(r"Traceback|File \"|SELECT |\.py|django|sqlite|psycopg", answer.content.decode()) is None
    return body


def test_every_status_has_its_problem(api: APIClient, device: Device) -> None:
    product = factories.make_product(device, sku="A")
    url = f"/v1/products/{product.uuid}"
    assert_problem(api.get("/v1/products?x=1"), 400, "unknown_filter")
    assert_problem(client_with().get("/v1/products"), 401, "not_authenticated")
    assert_problem(api.get(f"/v1/products/{uuid4()}"), 404, "not_found")
    allowed = api.post(url, {})
    assert_problem(allowed, 405, "method_not_allowed")
    assert {"GET", "PUT", "PATCH", "DELETE"} <= set(allowed.headers["Allow"].split(", "))
    assert_problem(api.post("/v1/products", {"name": "x", "sku": "A"}), 409, "product_sku_taken")
    assert_problem(api.patch(url, {"name": "x"}, headers={"If-Match": '"1"'}), 412, "revision_mismatch")
    assert_problem(api.post("/v1/products", [{}] * 501), 413, "payload_too_large")
    assert_problem(api.post("/v1/products", "a=1", content_type="text/plain"), 415, "unsupported_media_type")
    body = assert_problem(api.post("/v1/products", {"name": "", "x": 1}), 422, "validation_failed")
    assert body["errors"] == [{"field": "x", "code": "unknown_field", "detail": "This field is not known."}]


@pytest.mark.parametrize(
    "path", ["/v1/nothing", "/v1/", "/v1/products/", "/v1/products/x/y", "/nothing", "/v1/devices/me/", "/v1//"]
)
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_paths_that_are_none(path: str, method: str) -> None:
    """Also for a form from elsewhere: a misspelt path is not about CSRF."""
    client = APIClient(enforce_csrf_checks=True)
    answer = getattr(client, method)(path, {"name": "x"})
    assert_problem(answer, 404, "not_found")


def test_the_bare_address_of_the_api_leads_to_its_documentation() -> None:
    """What `bin/start` prints as the API's address is what people open first."""
    answer = APIClient().get("/v1")
    assert (answer.status_code, answer["Location"]) == (302, "/docs")


@pytest.mark.parametrize(
    "path",
    ["/v1/products/%00", "/v1/products/%ff", "/v1/products/..%2f..", "/v1/../v1/x", "/v1/products/" + "x" * 3000],
)
def test_odd_paths_are_not_found(api: APIClient, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code in (400, 404)
    assert set(answer.json()) == KEYS


@pytest.mark.parametrize("path", ["/v1/devices/me", "/", "/docs", "/v1/products"])
def test_other_hosts_are_refused(api: APIClient, path: str) -> None:
    for host in ("evil.example", "localhost:80@evil", "a b", "x" * 300):
        answer = api.get(path, headers={"Host": host})
        assert_problem(answer, 400, "host_not_allowed")
    assert api.get("/v1/devices/me", headers={"Host": "localhost:1234"}).status_code == 200


def test_a_mistake_of_ours_shows_nothing(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret=hunter2 at /srv/app/models.py: SELECT * FROM users")

    monkeypatch.setattr("devices.api.owned.DeviceScopedViewSet.list", crash)
    body = assert_problem(api.get("/v1/products"), 500, "internal_error")
    assert "hunter2" not in str(body)
    assert "hunter2" in caplog.text  # the operator sees it


def test_a_mistake_outside_of_views_shows_nothing(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr("config.core.middleware.refuse_bad_address", crash)
    assert_problem(api.get("/v1/products"), 500, "internal_error")


@pytest.mark.parametrize("error", [OperationalError("database is locked"), InterfaceError("connection is closed")])
def test_a_busy_database_is_a_503(
    api: APIClient, device: Device, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def busy(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("devices.services.owned.record_event", busy)
    answer = api.post("/v1/products", {"name": "Tea"})
    assert_problem(answer, 503, "temporarily_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    several = api.post("/v1/products", [{"name": "Tea"}, {"name": "Tea"}])
    assert_problem(several, 503, "temporarily_unavailable")  # no verdict on a row
    assert factories.Product.objects.count() == 0


def told_by(cause: Exception, theirs: type[Exception] = OperationalError, **told: Any) -> Exception:
    """As Django raises what a driver says."""
    for name, value in told.items():
        setattr(cause, name, value)
    error = theirs(str(cause))
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (told_by(sqlite3.OperationalError("database is locked"), sqlite_errorcode=5), 503),
        (told_by(sqlite3.OperationalError("database is locked"), sqlite_errorcode=261), 503),  # BUSY_RECOVERY
        (told_by(sqlite3.OperationalError("database table is locked"), sqlite_errorcode=6), 503),
        (told_by(sqlite3.OperationalError("database or disk is full"), sqlite_errorcode=13), 503),
        (told_by(sqlite3.OperationalError("no such column: colour"), sqlite_errorcode=1), 500),
        (told_by(sqlite3.InterfaceError("bad parameter"), InterfaceError, sqlite_errorcode=21), 500),
        (told_by(psycopg.OperationalError("server closed the connection unexpectedly")), 503),
        (told_by(psycopg.InterfaceError("the connection is closed"), InterfaceError), 503),
        (told_by(psycopg.errors.LockNotAvailable()), 503),
        (told_by(psycopg.errors.DeadlockDetected()), 503),
        (told_by(psycopg.errors.QueryCanceled()), 503),
        (told_by(psycopg.errors.TooManyConnections()), 503),
        (told_by(psycopg.errors.StatementTooComplex()), 500),
        (told_by(psycopg.errors.ObjectNotInPrerequisiteState()), 500),
    ],
    ids=lambda value: repr(value.__cause__) if isinstance(value, Exception) else str(value),
)
def test_what_may_pass_is_told_from_what_stays_wrong(
    api: APIClient, device: Device, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("devices.services.owned.record_event", refuse)
    code = "temporarily_unavailable" if status == 503 else "internal_error"
    assert_problem(api.post("/v1/products", {"name": "Tea"}), status, code)
    assert factories.Product.objects.count() == 0


def test_wrong_sql_is_our_mistake(
    api: APIClient, device: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """On both engines, really."""

    def mistake(*_: Any, **__: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT colour FROM products")

    monkeypatch.setattr("devices.services.owned.record_event", mistake)
    answer = api.post("/v1/products", {"name": "Tea"})
    assert_problem(answer, 500, "internal_error")
    assert "Retry-After" not in answer.headers
    assert "unhandled error" in caplog.text
    assert factories.Product.objects.count() == 0


def test_a_problem_stays_small_however_large_the_request(api: APIClient) -> None:
    for body in ({"x" * 100_000: 1}, {f"x{number}": 1 for number in range(5000)}, {"name": "n" * 1_000_000}):
        answer = api.post("/v1/products", body)
        assert answer.status_code == 422
        assert len(answer.content) < 20_000
    answer = api.post("/v1/stock-movements", {"product_id": str(uuid4()), "kind": "k" * 1_000_000, "quantity": "1"})
    assert answer.status_code == 422
    assert len(answer.content) < 5_000
    answer = api.get("/v1/products", {"y" * 5000: "1"})
    assert answer.status_code == 400
    assert len(answer.content) < 5_000


@pytest.mark.parametrize("given", ["abc", "a b c d e f g h", "x" * 65, "ok-request_1.2\n", "<script>alert</script>"])
def test_a_request_id_is_ours_unless_it_is_harmless(given: str) -> None:
    answer = APIClient().get("/health/live", headers={"X-Request-ID": given})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])


def test_a_harmless_request_id_is_kept() -> None:
    answer = APIClient().get("/v1/products", headers={"X-Request-ID": "ok-request_1.2"})
    assert answer.headers["X-Request-ID"] == answer.json()["request_id"] == "ok-request_1.2"


def test_accept_is_no_reason_to_be_unreadable(api: APIClient) -> None:
    for accept in ("text/html", "application/xml", "nonsense", "*/*;q=0"):
        answer = api.get("/v1/products", headers={"Accept": accept})
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")


def test_method_override_is_ignored(api: APIClient, device: Device) -> None:
    product = factories.make_product(device)
    headers = {"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE"}
    assert api.get(f"/v1/products/{product.uuid}", headers=headers).status_code == 200
    assert api.post(f"/v1/products/{product.uuid}?_method=DELETE", {}, headers=headers).status_code == 405
    assert factories.Product.objects.count() == 1


def test_options_and_head(api: APIClient, device: Device) -> None:
    assert api.options("/v1/products").status_code == 200
    head = api.head("/v1/products")
    assert (head.status_code, head.headers["ETag"]) == (200, api.get("/v1/products").headers["ETag"])


def test_handlers_of_django_speak_problem_too(rf: Any) -> None:
    request = rf.get("/v1/nothing")
    for answer, status, code in (
        (problems.permission_denied(request, Exception()), 403, "forbidden"),
        (problems.csrf_failure(request), 403, "csrf_failed"),
        (problems.server_error(request), 500, "internal_error"),
        (problems.page_not_found(request, Exception()), 404, "not_found"),
    ):
        assert answer.status_code == status
        assert code.encode() in answer.content
