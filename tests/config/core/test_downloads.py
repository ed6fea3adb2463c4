"""Ranges of a file, as RFC 9110 has them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from django.test import RequestFactory

from config.core.downloads import Download, send_file
from config.core.errors import RangeNotSatisfiable

CONTENT = b"0123456789"


class Watched(BytesIO):
    """Remembers the last one that was opened."""

    last: Watched

    def __init__(self) -> None:
        super().__init__(CONTENT)
        Watched.last = self


FILE = Download('Zähl\u00adung "1".pdf', "application/pdf", len(CONTENT), '"abc"', Watched)


def get(method: str = "GET", **headers: str) -> Any:
    given = {key.replace("_", "-"): value for key, value in headers.items()}
    return send_file(getattr(RequestFactory(), method.lower())("/", headers=given), FILE)


def test_the_whole_file() -> None:
    answer = get()
    assert (answer.status_code, answer.getvalue()) == (200, CONTENT)
    assert {key: answer.headers[key] for key in ("Content-Length", "ETag", "Accept-Ranges", "Content-Type")} == {
        "Content-Length": "10", "ETag": '"abc"', "Accept-Ranges": "bytes", "Content-Type": "application/pdf",
    }  # fmt: skip
    assert (answer.headers["Cache-Control"], answer.headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert answer.headers["Content-Disposition"] == ("attachment; filename*=utf-8''Z%C3%A4hl%C2%ADung%20%221%22.pdf")


@pytest.mark.parametrize(
    ("asked", "content", "said"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes= 4-", b"456789", "bytes 4-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=-99", CONTENT, "bytes 0-9/10"),
        ("bytes=0-", CONTENT, "bytes 0-9/10"),
    ],
)
def test_a_part(asked: str, content: bytes, said: str) -> None:
    for headers in ({"Range": asked}, {"Range": asked, "If_Range": '"abc"'}):
        answer = get(**headers)
        assert (answer.status_code, answer.getvalue(), answer.headers["Content-Range"]) == (206, content, said)
        assert answer.headers["Content-Length"] == str(len(content))


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=-"},
        {"Range": "bytes=5-3"},
        {"Range": "bytes=0-1,4-5"},
        {"Range": "bytes=a-b"},
        {"Range": "bytes=" + "9" * 40 + "-"},
        {"Range": "lines=0-3"},
        {"Range": "bytes=0-3", "If_Range": '"another"'},
        {"Range": "bytes=0-3", "If_Range": 'W/"abc"'},
        {"Range": "bytes=0-3", "If_Range": "Wed, 21 Oct 2026 07:28:00 GMT"},
    ],
)
def test_what_is_no_range_of_this_file_gets_all_of_it(headers: dict[str, str]) -> None:
    answer = get(**headers)
    assert (answer.status_code, answer.getvalue()) == (200, CONTENT)
    assert "Content-Range" not in answer.headers


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_range_beyond_the_end(asked: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as refused:
        get(Range=asked)
    assert refused.value.headers == {"Content-Range": "bytes */10"}


def test_a_range_of_an_empty_file() -> None:
    empty = Download("a", "text/csv", 0, '"0"', BytesIO)
    assert send_file(RequestFactory().get("/"), empty).headers["Content-Length"] == "0"
    with pytest.raises(RangeNotSatisfiable):
        send_file(RequestFactory().get("/", headers={"Range": "bytes=0-"}), empty)


@pytest.mark.parametrize("known", ['"abc"', 'W/"abc"', '"x", "abc"', "*"])
def test_who_has_it_gets_it_not_again(known: str) -> None:
    answer = get(If_None_Match=known, Range="bytes=0-1")
    assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", '"abc"')


@pytest.mark.django_db  # the end of an answer closes old connections
def test_a_head_has_no_range_and_the_file_is_closed() -> None:
    answer = get("HEAD", Range="bytes=0-1")
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, "10")
    assert not Watched.last.closed
    answer.close()
    assert Watched.last.closed
