"""A plain HTTP client of the API: JSON, one kept-alive connection, polite to 429 and 503; standard library only."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from inventory.management.fleet.specs import Row

TIMEOUT = 60
PATIENCE = 20  # tries while the server says "later"
IDLE = 1.0  # seconds after which a server may have closed a kept connection
BUSY = (429, 503)
Answer = tuple[int, Row]


class Unreachable(Exception):
    """The server did not answer at all."""


class Connection:
    """One installation's connection; `token` goes into every request."""

    def __init__(self, url: str, token: str = "") -> None:
        self.parts = urlsplit(url)
        self.token = token
        self.http: HTTPConnection | None = None
        self.used_at = 0.0

    def send(self, method: str, path: str, body: Row | None = None, headers: dict[str, str] | None = None) -> Answer:
        """(status, JSON body). Waits as told where the server is busy. Raises Unreachable."""
        for attempt in range(1, PATIENCE + 1):
            status, answer, wait = self._once(method, path, body, headers or {})
            if status not in BUSY or attempt == PATIENCE:
                return status, answer
            time.sleep(wait)
        raise AssertionError("unreachable")

    def _once(self, method: str, path: str, body: Row | None, headers: dict[str, str]) -> tuple[int, Row, float]:
        sent = {"Content-Type": "application/json", **headers}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        payload = None if body is None else json.dumps(body)
        if time.monotonic() - self.used_at > IDLE:
            self.close()
        try:
            self.http = self.http or self._open()
            self.http.request(method, self.parts.path.rstrip("/") + path, payload, sent)
            response = self.http.getresponse()
            raw = response.read()
        except (OSError, HTTPException) as error:
            self.close()
            raise Unreachable(f"{method} {path}: {error!r}") from error
        self.used_at = time.monotonic()
        found: Any = json.loads(raw) if raw else {}
        return response.status, found, float(response.headers.get("Retry-After", "0.1"))

    def _open(self) -> HTTPConnection:
        kind = HTTPSConnection if self.parts.scheme == "https" else HTTPConnection
        return kind(self.parts.hostname or "127.0.0.1", self.parts.port, timeout=TIMEOUT)

    def close(self) -> None:
        """End the connection; the next request opens another."""
        if self.http is not None:
            self.http.close()
            self.http = None

    def rows(self, route: str, **query: str) -> Iterator[Row]:
        """Every row of a REST list, page by page."""
        cursor: str | None = ""
        while cursor is not None:
            status, page = self.send("GET", f"/v1/{route}?{urlencode({'limit': '500', 'cursor': cursor, **query})}")
            if status != 200:  # noqa: PLR2004  # HTTP's own number
                raise Unreachable(f"GET /v1/{route}: {status} {page}")
            yield from page["results"]
            following = parse_qs(urlsplit(page["next"] or "").query)
            cursor = following.get("cursor", [None])[0]
