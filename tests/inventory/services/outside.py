"""A small HTTP server on loopback, for what our server calls: it says what it is told and remembers what it heard."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Heard:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Said:
    """One answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Outside:
    """`answer` decides what a request gets; `heard` is what came."""

    url: str
    answer: Callable[[Heard], Said]
    heard: list[Heard] = field(default_factory=list)


@contextmanager
def outside(answer: Callable[[Heard], Said] = lambda heard: Said()) -> Iterator[Outside]:
    """Serve until the block ends."""
    site = Outside("", answer)

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            headers = {key.lower(): value for key, value in self.headers.items()}
            heard = Heard(self.command, self.path, headers, self.rfile.read(size))
            site.heard.append(heard)
            said = site.answer(heard)
            self.send_response(said.status)
            for key, value in said.headers.items():
                self.send_header(key, value)
            if "Transfer-Encoding" not in said.headers:
                self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(said.body)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any  # noqa: N815  # the base class names them

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
