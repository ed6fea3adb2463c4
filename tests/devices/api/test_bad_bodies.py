"""Bodies that no client should send: each a quick 4xx with its code, and nothing is written."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from devices.models import Device, Event, Feed
from inventory.models import Product, StockMovement
from tests import factories

pytestmark = pytest.mark.django_db
URL = "/v1/products"


def send(api: APIClient, raw: bytes | str, url: str = URL, **extra: Any) -> Any:
    body = raw.encode() if isinstance(raw, str) else raw
    return api.generic("POST", url, body, content_type=extra.pop("content_type", "application/json"), **extra)


def refused(api: APIClient, raw: bytes | str, status: int, code: str, **extra: Any) -> dict[str, Any]:
    before = (Product.all_objects.count(), Event.objects.count(), list(Feed.objects.values_list("head")))
    answer = send(api, raw, **extra)
    assert (answer.status_code, answer.json()["internal_code"]) == (status, code), answer.content[:500]
    assert before == (Product.all_objects.count(), Event.objects.count(), list(Feed.objects.values_list("head")))
    return answer.json()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", "malformed_json"),
        (b'{"name": }', "malformed_json"),
        (b"{'name': 'x'}", "malformed_json"),
        (b'{"name": "x",}', "malformed_json"),
        (b'{"name": "x"} {}', "malformed_json"),
        (b'{"name": "x" /* y */}', "malformed_json"),
        (b'{"name": "x", "reorder_level": NaN}', "malformed_json"),
        (b'{"name": "x", "reorder_level": Infinity}', "malformed_json"),
        (b'{"name": "x", "reorder_level": -Infinity}', "malformed_json"),
        (b'{"name": "x", "reorder_level": 1_000}', "malformed_json"),
        (b'{"name": "x", "reorder_level": 0x10}', "malformed_json"),
        (b'{"name": "x", "reorder_level": 01}', "malformed_json"),
        (b'{"name": "x", "reorder_level": \xef\xbc\x91}', "malformed_json"),
        (b'{"name": "x", "name": "y"}', "malformed_json"),
        (b'{"name": "x", "attributes": {"a": 1, "a": 1}}', "malformed_json"),
        (b'{"name": "x\x00"}', "malformed_json"),
        (b'{"name": "x\x1f"}', "malformed_json"),
        (b'{"name": "\xff"}', "malformed_json"),
        (b'{"name": "\xed\xa0\x80"}', "malformed_json"),
        (b"\xff\xfe{\x00}\x00", "malformed_json"),
        (b'{"name": "x", "reorder_level": ' + b"9" * 4301 + b"}", "malformed_json"),
        (b'{"name": "x", "attributes": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "malformed_json"),
        (b'{"name": "x", "attributes": ' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}", "malformed_json"),
        (b"[" * 200_000, "malformed_json"),
        (b'{"name": "\\u0000"}', "bad_text"),
        (b'{"\\u0000": "x"}', "bad_text"),
        (b'{"name": "\\ud800"}', "bad_text"),
        (b'{"name": "\\udfff\\ud800"}', "bad_text"),
        (b'{"name": "x", "attributes": {"\\ud83d": 1}}', "bad_text"),
        (b'{"name": "x", "attributes": {"a": ["\\u0000"]}}', "bad_text"),
    ],
)
def test_what_is_no_json_of_ours(api: APIClient, raw: bytes, code: str) -> None:
    body = refused(api, raw, 400, code)
    assert len(json.dumps(body)) < 1000


@pytest.mark.parametrize("raw", [b"null", b"5", b'"x"', b"true", b"1e400", b"-0.0"])
def test_json_that_is_no_object(api: APIClient, raw: bytes) -> None:
    refused(api, raw, 422, "validation_failed")


def test_an_empty_body_is_an_empty_object(api: APIClient) -> None:
    assert refused(api, b"", 422, "validation_failed")["errors"][0]["field"] == "name"


def test_a_byte_order_mark_and_real_surrogate_pairs_are_fine(api: APIClient) -> None:
    answer = send(api, b'\xef\xbb\xbf{"name": "\\ud83d\\ude00 \\u00e9 \\u202e\\ufeff"}')
    assert (answer.status_code, answer.json()["name"]) == (201, "😀 é \u202e\ufeff")
    assert api.get(f"{URL}/{answer.json()['id']}").json() == answer.json()


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "nonsense", "a/b/c"]
)
def test_other_content_types(api: APIClient, kind: str) -> None:
    refused(api, b'{"name": "x"}', 415, "unsupported_media_type", content_type=kind)


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", ""])
def test_json_by_any_name(api: APIClient, kind: str) -> None:
    assert send(api, b'{"name": "x"}', content_type=kind).status_code == 201


def test_compressed_bodies_are_not_unpacked(api: APIClient) -> None:
    bomb = gzip.compress(b'{"name": "' + b"x" * 10_000_000 + b'"}')
    refused(api, bomb, 415, "unsupported_media_type", HTTP_CONTENT_ENCODING="gzip")
    refused(api, bomb, 400, "malformed_json")
    assert send(api, b'{"name": "x"}', HTTP_CONTENT_ENCODING="identity").status_code == 201


def test_large_bodies(api: APIClient, settings: Settings) -> None:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    refused(api, b'{"name": "' + b"x" * limit + b'"}', 413, "payload_too_large")
    refused(api, b'{"name": "' + b"x" * 1_000_000 + b'"}', 422, "validation_failed")
    refused(api, b" " * (limit + 1), 413, "payload_too_large", HTTP_IDEMPOTENCY_KEY="k")
    padded = b'{"name": "x"}' + b" " * (limit - 13)
    assert send(api, padded).status_code == 201


class Endless(BytesIO):
    """A body that never ends; counts what was taken of it."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert size >= 0, "read without a bound"
        self.taken += size
        return b"x" * size


def test_a_body_without_a_length_is_read_up_to_the_limit(api: APIClient, settings: Settings) -> None:
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    raw = BytesIO(b'{"name": "chunked"}')
    answer = send(api, b"", **chunked, **{"wsgi.input": raw, "wsgi.input_terminated": True})
    assert (answer.status_code, answer.json()["name"]) == (201, "chunked")
    once = {"HTTP_IDEMPOTENCY_KEY": "k"}
    for body in (b'{"name": "once"}', b'{"name": "once"}'):
        extra = {"wsgi.input": BytesIO(body), "wsgi.input_terminated": True}
        answer = send(api, b"", **chunked, **once, **extra)
        assert (answer.status_code, answer.json()["name"]) == (201, "once")
    endless = Endless()
    refused(api, b"", 413, "payload_too_large", **chunked, **{"wsgi.input": endless, "wsgi.input_terminated": True})
    assert endless.taken <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1
    refused(api, b"", 400, "malformed_request", **chunked)  # a server that does not mark the end


def test_numbers_are_exact_or_refused(api: APIClient, device: Device) -> None:
    product = factories.make_product(device)
    for text, kept in (
        ("0.1", "0.1"),
        ("1e3", "1000"),
        ("1E-6", "0.000001"),
        ("999999999.999999", "999999999.999999"),
        ("12345678.123456", "12345678.123456"),
        ("0.30000000000000000000", "0.3"),
        ('"0.3"', "0.3"),
        ("7", "7"),
    ):
        raw = f'{{"product_id": "{product.uuid}", "kind": "receipt", "quantity": {text}}}'
        answer = send(api, raw, url="/v1/stock-movements")
        assert (answer.status_code, answer.json()["quantity"]) == (201, kept)
    total = sum((movement.quantity for movement in StockMovement.objects.all()), Decimal(0))
    assert api.get(f"{URL}/{product.uuid}/stock").json()["on_hand"] == f"{total:f}"


@pytest.mark.parametrize(
    "text",
    [
        "0.1234567",
        "0.30000000000000004",
        "1.0000000000000000000000000000001",
        "1e400",
        "-1e400",
        "1e-400",
        "1e999999999",
        "0e999999999",
        "-1",
        "0",
        "1000000000",
        "9" * 4300,
        "0." + "0" * 5000 + "1",
        "true",
        "null",
        "[]",
        "{}",
        '""',
        '" 1"',
        '"1 "',
        '"1_000"',
        '"1,5"',
        '"１２"',
        '"NaN"',
        '"sNaN"',
        '"Infinity"',
        '"0x10"',
        '"1e999999999"',
        '"--1"',
        '"' + "1" * 41 + '"',
        '"abc"',
    ],
)
def test_quantities_that_are_none(api: APIClient, device: Device, text: str) -> None:
    product = factories.make_product(device)
    raw = f'{{"product_id": "{product.uuid}", "kind": "receipt", "quantity": {text}}}'
    body = refused(api, raw, 422, "validation_failed", url="/v1/stock-movements")
    assert [problem["field"] for problem in body["errors"]] == ["quantity"]
    assert StockMovement.objects.count() == 0


def test_attributes_are_kept_to_the_digit(api: APIClient) -> None:
    sent = (
        b'{"name": "x", "attributes": {"float": 0.1234567890123456789012345678901234567, "int": 9223372036854775807,'
        b' "e": 1e3, "huge": 1e999999999, "deep": [[1, {"a": null}], true], "text": "\\u00e9", "minus": -0.0}}'
    )
    answer = send(api, sent)
    assert answer.status_code == 201
    assert answer.json()["attributes"] == {
        "float": "0.1234567890123456789012345678901234567",
        "int": 9223372036854775807,
        "e": "1000",
        "huge": "1E+999999999",
        "deep": [[1, {"a": None}], True],
        "text": "é",
        "minus": "0",
    }
    assert api.get(f"{URL}/{answer.json()['id']}").json() == answer.json()
    assert api.get(URL).json()["results"] == [answer.json()]


@pytest.mark.parametrize(
    "attributes",
    [
        "[]",
        "5",
        "null",
        '"x"',
        '{"a": 9223372036854775808}',
        '{"a": [-9223372036854775808]}',
        '{"a": ' + "1" * 4000 + "}",
        '{"a": [[[[[[1]]]]]]}',
        "{" + ",".join(f'"k{number}": 1' for number in range(101)) + "}",
        '{"a": "' + "x" * 70_000 + '"}',
        '{"a": [' + "1," * 40_000 + "1]}",
    ],
)
def test_attributes_have_their_limits(api: APIClient, attributes: str) -> None:
    body = refused(api, f'{{"name": "x", "attributes": {attributes}}}', 422, "validation_failed")
    assert [problem["field"] for problem in body["errors"]] == ["attributes"]


@pytest.mark.parametrize("header", ["Idempotency-Key", "X-Request-ID", "X-Device-ID", "If-Match", "Accept", "Origin"])
def test_headers_do_not_run_on(api: APIClient, header: str) -> None:
    injected = "x\r\nSet-Cookie: a=b"
    for answer in (
        api.get(URL, headers={header: injected}),
        api.post(URL, {"name": "Tea"}, headers={header: injected}),
    ):
        assert answer.status_code < 500
        assert not any("\n" in value or "\r" in value for value in answer.headers.values())
        assert "Set-Cookie" not in answer.headers
