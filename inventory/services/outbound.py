"""The one way out to addresses that people typed: checked, pinned, bounded in time and size, never redirected."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from time import monotonic
from typing import Any

import httpcore2
import httpx2
from django.conf import settings

from inventory.errors import OutboundFailed, OutboundRefused

LONGEST_URL = 2000
SECONDS = 10.0  # for all of it: name, connection, TLS, request and answer
IDLE_SECONDS = 20.0  # nothing at all for so long, however much time there is
MOST_BYTES = 65_536  # of an answer; what follows is not read
WRAPPED = (ip_network("64:ff9b::/96"), ip_network("::/96"))  # NAT64 and the old IPv4-compatible form
Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: header names in lower case; `is_cut` where the body went on beyond the limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool
    milliseconds: int


def check_url(url: str) -> str:
    """The URL, if its shape is one that can be called: http(s), a host, no user name, no literal private address.

    Names are looked up when they are called. Raises OutboundRefused.
    """
    parsed = _parsed(url)
    try:
        literal = ip_address(parsed.host)
    except ValueError:
        return url
    refuse_private([literal])
    return url


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    seconds: float = SECONDS,
    most_bytes: int = MOST_BYTES,
) -> Reply:
    """One request, one reply, whatever its status; a redirect is a reply like any other.

    Raises OutboundRefused where the address is not allowed, OutboundFailed where there is no reply in time.
    """
    start = monotonic()
    with calling(method, url, headers=headers or {}, body=body, until=start + seconds) as answer:
        text, is_cut = _read(answer.iter_stream(), most_bytes)
    return Reply(answer.status, names_of(answer), text, is_cut, round((monotonic() - start) * 1000))


@contextmanager
def calling(
    method: str, url: str, *, headers: Mapping[str, str], until: float, body: bytes = b""
) -> Iterator[httpcore2.Response]:
    """A reply whose body is read inside the block. Raises OutboundRefused, OutboundFailed, there too."""
    parsed = _parsed(url)
    timeout = dict.fromkeys(("connect", "read", "write", "pool"), min(IDLE_SECONDS, max(0.001, until - monotonic())))
    pool = httpcore2.ConnectionPool(ssl_context=_tls(), network_backend=CheckedNetwork(until))
    try:
        with (
            pool,
            pool.stream(
                method,
                _target(parsed),
                headers=list(headers.items()),
                content=None if method == "GET" else body,
                extensions={"timeout": timeout},
            ) as answer,
        ):
            yield answer
    except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise OutboundFailed(_reason(error)) from None


def names_of(answer: httpcore2.Response) -> dict[str, str]:
    """The headers of a reply, their names in lower case."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}


def refuse_private(addresses: Iterable[Address]) -> None:
    """Raises OutboundRefused for an address that is not on the public internet, nor in OUTBOUND_NETWORKS."""
    networks = [ip_network(text, strict=False) for text in settings.OUTBOUND_NETWORKS]
    for address in addresses:
        real = _real(address)
        if not (real.is_global and not real.is_multicast) and not any(real in network for network in networks):
            raise OutboundRefused(f"{address} is a private address.")


class CheckedNetwork(httpcore2.SyncBackend):
    """Looks a name up once, checks every address it has, and connects to what was checked: no rebinding.

    `until`: the moment (monotonic) at which everything must be over, however slowly bytes trickle.
    """

    def __init__(self, until: float) -> None:
        super().__init__()
        self.until = until

    def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> httpcore2.NetworkStream:
        addresses = look_up(host, port)
        refuse_private(addresses)
        trouble: Exception = OutboundFailed(f"{host} has no address.")
        for address in addresses:
            kwargs["timeout"] = _left(self.until)
            try:
                return TimedStream(super().connect_tcp(str(address), port, *args, **kwargs), self.until)
            except httpcore2.ConnectError as error:
                trouble = error
        raise trouble


class TimedStream(httpcore2.NetworkStream):
    """A connection that ends at a moment: each step gets what is left."""

    def __init__(self, stream: httpcore2.NetworkStream, until: float) -> None:
        self.stream, self.until = stream, until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, min(_left(self.until), timeout or IDLE_SECONDS))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, _left(self.until))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return TimedStream(self.stream.start_tls(ssl_context, server_hostname, _left(self.until)), self.until)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


def look_up(host: str, port: int) -> list[Address]:
    """Every address of a name. Raises OutboundFailed."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise OutboundFailed(f"The name {host} cannot be resolved.") from None
    return [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]


def _parsed(url: str) -> httpx2.URL:
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, UnicodeError):
        raise OutboundRefused("This is not a URL.") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise OutboundRefused("Only http:// and https:// addresses are called.")
    if parsed.userinfo:
        raise OutboundRefused("A user name or password does not belong into the URL.")
    if len(url) > LONGEST_URL:
        raise OutboundRefused(f"A URL may have at most {LONGEST_URL} characters.")
    return parsed


def _target(url: httpx2.URL) -> httpcore2.URL:
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def _real(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for (mapped, 6to4, NAT64), or itself."""
    if isinstance(address, IPv4Address):
        return address
    if any(address in network for network in WRAPPED):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _left(until: float) -> float:
    seconds = until - monotonic()
    if seconds <= 0:
        raise httpcore2.ReadTimeout
    return seconds


def _read(chunks: Iterable[bytes], most: int) -> tuple[bytes, bool]:
    found = b""
    for chunk in chunks:
        found += chunk
        if len(found) > most:
            return found[:most], True
    return found, False


def _reason(error: Exception) -> str:
    if isinstance(error, httpcore2.TimeoutException):
        return "No answer in time."
    return f"No answer: {str(error)[:200] or type(error).__name__}."


@cache
def _tls() -> ssl.SSLContext:
    return httpx2.create_ssl_context()
