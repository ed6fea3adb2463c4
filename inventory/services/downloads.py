"""Downloads: a file from an address that people typed; redirects are followed, and checked like the first address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

from inventory.errors import DownloadTooLarge, OutboundRefused
from inventory.services.outbound import Reply, calling, check_url, names_of

REDIRECTS = {301, 302, 303, 307, 308}
MOST_REDIRECTS = 5
TOLD_ELSEWHERE = {"accept", "accept-encoding", "user-agent"}  # what a redirect to another origin may know


def download(
    url: str,
    *,
    into: BinaryIO,
    headers: Mapping[str, str],
    seconds: float,
    most_bytes: int,
    heard: Callable[[int], None] = lambda size: None,
) -> Reply:
    """GET into a file; any status is a reply, its body is in the file alone.

    `heard` is told how many bytes have come, again and again, and may raise to stop.
    Raises OutboundRefused, DownloadTooLarge for good, OutboundFailed for trouble that may pass.
    """
    start = monotonic()
    sent = {"user-agent": "CountOnMe", "accept-encoding": "identity", **headers}
    left = MOST_REDIRECTS
    while True:
        into.seek(0)
        into.truncate()
        with calling("GET", check_url(url), headers=sent, until=start + seconds) as answer:
            size = 0
            for chunk in answer.iter_stream():
                size += len(chunk)
                if size > most_bytes:
                    raise DownloadTooLarge(f"It has more than {most_bytes:,} bytes.")
                into.write(chunk)
                heard(size)
        found = names_of(answer)
        target = found.get("location", "") if answer.status in REDIRECTS else ""
        if not target or not left:
            return Reply(answer.status, found, b"", False, round((monotonic() - start) * 1000))
        left -= 1
        url, before = urljoin(url, target), url
        if _origin(before) != _origin(url):
            sent = {name: value for name, value in sent.items() if name.lower() in TOLD_ELSEWHERE}
        if before.startswith("https:") and not url.startswith("https:"):
            raise OutboundRefused("A redirect away from https is not followed.")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
