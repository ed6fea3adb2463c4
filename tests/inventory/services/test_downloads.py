"""Downloads: redirects are checked like the first address, and nobody fills our disk."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest

from inventory.errors import DownloadTooLarge, OutboundRefused
from inventory.services import downloads
from inventory.services.downloads import MOST_REDIRECTS, download
from inventory.services.outbound import Reply
from tests.inventory.services.outside import Heard, Outside, Said, outside


@pytest.fixture
def site(settings: Any) -> Iterator[Outside]:
    """A server that may be called although it is inside; 127.0.0.2 may not."""
    settings.OUTBOUND_NETWORKS = ["127.0.0.1"]
    with outside() as found:
        yield found


def get(url: str, most_bytes: int = 100, **headers: str) -> tuple[Reply, bytes]:
    file = BytesIO(b"what was there before")
    return download(url, into=file, headers=headers, seconds=30, most_bytes=most_bytes), file.getvalue()


def hop(heard: Heard) -> Said:
    """/3 → /2 → /1 → /0, which is there."""
    left = int(heard.path[1:])
    return Said(302, b"a longer body", {"Location": f"/{left - 1}"}) if left else Said(200, b"there", {"ETag": '"1"'})


def test_a_file_is_fetched(site: Outside) -> None:
    site.answer = lambda heard: Said(200, b"x" * 100, {"Last-Modified": "then"})
    reply, content = get(f"{site.url}/a.csv?b=1", accept="text/csv")
    assert (reply.status, reply.headers["last-modified"], reply.body, content) == (200, "then", b"", b"x" * 100)
    (heard,) = site.heard
    assert (heard.method, heard.path, heard.headers["accept"]) == ("GET", "/a.csv?b=1", "text/csv")
    assert (heard.headers["user-agent"], heard.headers["accept-encoding"]) == ("CountOnMe", "identity")


def test_what_is_too_large_is_refused(site: Outside) -> None:
    site.answer = lambda heard: Said(200, b"x" * 101)
    with pytest.raises(DownloadTooLarge):
        get(site.url)


def test_redirects_are_followed_up_to_a_limit(site: Outside) -> None:
    site.answer = hop
    reply, content = get(f"{site.url}/{MOST_REDIRECTS}", **{"if-none-match": '"0"'})
    assert (reply.status, reply.headers["etag"], content) == (200, '"1"', b"there")
    assert [heard.headers["if-none-match"] for heard in site.heard] == ['"0"'] * (MOST_REDIRECTS + 1)
    assert get(f"{site.url}/{MOST_REDIRECTS + 1}")[0].status == 302


def test_a_redirect_to_nowhere_is_a_reply(site: Outside) -> None:
    site.answer = lambda heard: Said(302)
    assert get(site.url)[0].status == 302
    assert len(site.heard) == 1


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2:1/latest/meta-data",
        "http://[::1]:1/",
        "http://2130706434/",
        "//10.0.0.1/",
        "file:///etc/passwd",
    ],
)
def test_a_redirect_to_the_inside_is_refused(site: Outside, target: str) -> None:
    site.answer = lambda heard: Said(302, headers={"Location": target})
    with pytest.raises(OutboundRefused):
        get(site.url)
    assert len(site.heard) == 1


def test_another_origin_learns_nothing(site: Outside) -> None:
    with outside() as other:
        site.answer = lambda heard: Said(301, headers={"Location": f"{other.url}/x"})
        get(site.url, Authorization="secret", Accept="text/csv")
        assert site.heard[0].headers["authorization"] == "secret"
        assert set(other.heard[0].headers) == {"host", "accept", "user-agent", "accept-encoding"}


def test_no_way_down_from_https(site: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this server spoke TLS."""
    real = downloads.calling

    def as_https(method: str, url: str, **kwargs: Any) -> Any:
        return real(method, url.replace("https:", "http:"), **kwargs)

    monkeypatch.setattr(downloads, "calling", as_https)
    site.answer = lambda heard: Said(302, headers={"Location": site.url})
    with pytest.raises(OutboundRefused, match="https"):
        get(site.url.replace("http:", "https:"))
    assert len(site.heard) == 1
