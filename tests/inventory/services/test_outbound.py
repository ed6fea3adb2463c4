"""The way out: private addresses are never called, redirects not followed, slow and large answers cut off."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import httpcore2
import pytest

from inventory.errors import OutboundFailed, OutboundRefused
from inventory.services import outbound
from inventory.services.outbound import check_url, send
from tests.factories.receiver import LOOPBACK, Handler, Receiver


@pytest.fixture
def allowed(settings: Any) -> None:
    settings.OUTBOUND_NETWORKS = LOOPBACK


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let every name have these addresses."""

    def pretend(*addresses: str) -> None:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in addresses]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)

    return pretend


def test_a_request_arrives_and_its_reply_comes_back(receiver: Receiver, allowed: None) -> None:
    receiver.script = lambda handler: handler.reply(201, b"made", X_Word="yes")
    reply = send("POST", receiver.url(), headers={"webhook-id": "m1"}, body=b"{}")
    assert (reply.status, reply.body, reply.is_cut, reply.headers["x-word"]) == (201, b"made", False, "yes")
    assert reply.milliseconds >= 0
    [(method, path, headers, body)] = receiver.heard
    assert (method, path, headers["webhook-id"], body) == ("POST", "/hook?a=1", "m1", b"{}")
    assert headers["host"] == f"127.0.0.1:{receiver.server_port}"


def test_a_redirect_is_a_reply_and_not_followed(receiver: Receiver, allowed: None) -> None:
    receiver.script = lambda handler: handler.reply(302, Location=receiver.url(path="/elsewhere"))
    assert send("GET", receiver.url()).status == 302
    assert len(receiver.heard) == 1


def test_a_large_reply_is_cut(receiver: Receiver, allowed: None) -> None:
    receiver.script = lambda handler: handler.reply(200, b"x" * 100)
    reply = send("GET", receiver.url(), most_bytes=10)
    assert (reply.body, reply.is_cut) == (b"x" * 10, True)


def test_a_receiver_that_trickles_is_left(receiver: Receiver, allowed: None) -> None:
    """Each byte comes in time, all of them do not."""
    left = threading.Event()

    def trickle(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not left.wait(0.01):
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    receiver.script = trickle
    with pytest.raises(OutboundFailed, match="in time"):
        send("GET", receiver.url(), seconds=0.2)
    left.set()


def test_nobody_listens(receiver: Receiver, allowed: None) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(OutboundFailed, match="No answer"):
        send("GET", f"http://127.0.0.1:{port}/")


def test_no_http(receiver: Receiver, allowed: None) -> None:
    def babble(handler: Handler) -> None:
        handler.wfile.write(b"220 smtp ready\r\n")

    receiver.script = babble
    with pytest.raises(OutboundFailed):
        send("GET", receiver.url())


PRIVATE = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1"),
    *("::1", "::", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1"),
    *("255.255.255.255", "192.0.2.1", "0.1.2.3", "198.18.0.1", "ff02::1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused_literal_and_by_name(
    address: str, receiver: Receiver, resolve: Callable[..., None]
) -> None:
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(OutboundRefused):
        check_url(f"http://{host}/")
    resolve(address)
    with pytest.raises(OutboundRefused):
        send("GET", receiver.url("innocent.example"))
    assert receiver.heard == []


@pytest.mark.parametrize("spelling", ["localhost", "2130706433", "0x7f.1", "127.1"])
def test_other_spellings_of_loopback_are_refused(spelling: str, receiver: Receiver) -> None:
    assert check_url(receiver.url(spelling)) == receiver.url(spelling)  # a name like any other until it is called
    with pytest.raises(OutboundRefused):
        send("GET", receiver.url(spelling))
    assert receiver.heard == []


def test_one_private_address_among_public_ones_refuses_the_name(
    receiver: Receiver, resolve: Callable[..., None]
) -> None:
    resolve("8.8.8.8", "127.0.0.1")
    with pytest.raises(OutboundRefused):
        send("GET", receiver.url("innocent.example"))
    assert receiver.heard == []


def test_the_checked_address_is_the_one_that_is_called(
    receiver: Receiver, allowed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers differently the second time is asked once."""
    asked: list[str] = []

    def once(host: str, *args: Any, **kwargs: Any) -> Any:
        assert host == "rebind.example", "a second look-up"
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))]

    monkeypatch.setattr(outbound.socket, "getaddrinfo", once)
    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", _connect)
    assert send("GET", receiver.url("rebind.example")).status == 200
    assert asked == ["rebind.example"]
    assert receiver.heard[0][2]["host"] == f"rebind.example:{receiver.server_port}"


def _connect(self: Any, host: str, port: int, timeout: float | None = None, *args: Any, **kwargs: Any) -> Any:
    """As the original for an address; socket.create_connection would ask for names."""
    raw = socket.socket()
    raw.settimeout(timeout)
    raw.connect((host, port))
    from httpcore2._backends.sync import SyncStream

    return SyncStream(raw)


def test_the_next_address_is_tried(receiver: Receiver, allowed: None, resolve: Any) -> None:
    real = socket.getaddrinfo
    resolve("127.0.0.2", "127.0.0.1")  # nobody listens on the first
    found = socket.getaddrinfo("x", 80)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            socket, "getaddrinfo", lambda host, *a, **k: found if host == "two.example" else real(host, *a, **k)
        )
        patched.setattr(httpcore2.SyncBackend, "connect_tcp", _refusing_first)
        assert send("GET", receiver.url("two.example")).status == 200
    assert len(receiver.heard) == 1


def _refusing_first(self: Any, host: str, *args: Any, **kwargs: Any) -> Any:
    if host == "127.0.0.2":
        raise httpcore2.ConnectError("refused")
    return _connect(self, host, *args, **kwargs)


def test_a_name_without_an_address(resolve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve()
    with pytest.raises(OutboundFailed, match="no address"):
        send("GET", "http://empty.example/")

    def unknown(*args: Any, **kwargs: Any) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(OutboundFailed, match="cannot be resolved"):
        send("GET", "http://unknown.example/")


def test_what_takes_no_time_left(receiver: Receiver, allowed: None) -> None:
    with pytest.raises(OutboundFailed, match="in time"):
        send("GET", receiver.url(), seconds=0)
    assert receiver.heard == []


def test_https_wants_a_certificate_of_the_name(receiver: Receiver, allowed: None) -> None:
    with pytest.raises(OutboundFailed):
        send("GET", receiver.url().replace("http:", "https:"))
    assert receiver.heard == []


@pytest.mark.parametrize(
    "url",
    ["", "ftp://a.example/", "file:///etc/passwd", "http://", "a.example", "http://u:p@a.example/", "http://[::1", "http://a\x00b/",
     "http://a.example/" + "x" * 2000],
)  # fmt: skip
def test_what_is_no_address(url: str) -> None:
    for call in (check_url, lambda url: send("GET", url)):
        with pytest.raises(OutboundRefused):
            call(url)


def test_a_public_address_is_fine() -> None:
    assert check_url("https://8.8.8.8/x") == "https://8.8.8.8/x"
    assert check_url("https://hooks.example/x") == "https://hooks.example/x"
    outbound.refuse_private([outbound.ip_address("2606:4700::1"), outbound.ip_address("8.8.8.8")])


def test_a_connection_tells_about_itself() -> None:
    stream = outbound.TimedStream(httpcore2.MockStream([b"x"]), until=float("inf"))
    assert stream.get_extra_info("socket") is None
