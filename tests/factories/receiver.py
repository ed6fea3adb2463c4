"""A real HTTP server on loopback that answers as a test says and keeps what it was sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOOPBACK = ["127.0.0.0/8", "::1/128"]  # for settings.OUTBOUND_NETWORKS


class Receiver(ThreadingHTTPServer):
    """Answers as `script` says and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.heard: list[tuple[str, str, dict[str, str], bytes]] = []
        self.script: Callable[[Handler], None] = lambda handler: handler.reply(200, b"fine")

    def url(self, host: str = "127.0.0.1", path: str = "/hook?a=1") -> str:
        return f"http://{host}:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.heard.append(
            (self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        )
        self.server.script(self)

    do_GET = handle_any  # noqa: N815  # their names
    do_POST = handle_any  # noqa: N815

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@contextmanager
def listening() -> Iterator[Receiver]:
    """A receiver while the block runs."""
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
