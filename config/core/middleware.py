"""What surrounds every request: its id, its address, the headers of API answers and of pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from uuid import uuid4

import structlog
from csp.constants import UNSAFE_EVAL
from csp.middleware import CSPMiddleware
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from config.core.errors import AppError, BadRequest, BadText, PayloadTooLarge
from config.core.problems import problem

API = "/v1/"
ACCEPTED_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
Address = IPv4Address | IPv6Address
Answer = Callable[[HttpRequest], HttpResponseBase]


class RequestIdMiddleware:
    """Gives each request an id (the caller's X-Request-ID where it is harmless) for logs, errors and events."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if ACCEPTED_REQUEST_ID.fullmatch(given) else uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]  # read by problems and the actor's door
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
        response.headers["X-Request-ID"] = request_id
        return response


class ContentPolicyMiddleware(CSPMiddleware):
    """Content-Security-Policy; the admin's bundled Alpine.js alone may use eval."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.path.startswith("/admin/"):
            response._csp_update = {"script-src": ["'self'", UNSAFE_EVAL]}  # type: ignore[attr-defined]  # django-csp's hook
        answer: HttpResponseBase = super().process_response(request, response)
        return answer


class ApiAnswerMiddleware:
    """API answers are private and never stored by anyone on the way; what Django would misread is refused early."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith(API):
            return self.get_response(request)
        refusal = refuse_bad_address(request) or measure_body(request)
        response = self.get_response(request) if refusal is None else problem(refusal, request)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["Vary"] = "Authorization, X-Device-ID"
        return response


class RefusalMiddleware:
    """What a page refuses is a problem page, not a server error; the API's views have a handler of their own."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        return problem(exception, request) if isinstance(exception, AppError) else None


def refuse_bad_address(request: HttpRequest) -> AppError | None:
    """The refusal of a path or query that holds NUL."""
    if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
        return BadText("Paths and queries may not hold NUL.")
    return None


def measure_body(request: HttpRequest) -> AppError | None:
    """Read a body that comes without Content-Length (chunked, HTTP/2); Django would take it for an empty one."""
    environ = request.META
    if environ.get("CONTENT_LENGTH") or request.method in ("GET", "HEAD", "OPTIONS"):
        return None
    source = environ.get("wsgi.input", request)
    if source is not request and not environ.get("wsgi.input_terminated"):
        return BadRequest("Send Content-Length.") if "Transfer-Encoding" in request.headers else None
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    body = source.read(limit + 1)
    if len(body) > limit:
        return PayloadTooLarge(f"A body may have at most {limit} bytes.")
    request._stream = BytesIO(body)  # where both of Django's handlers read from
    environ["CONTENT_LENGTH"] = str(len(body))
    return None


def client_address(request: HttpRequest) -> str:
    """The caller's address. X-Forwarded-For counts only from TRUSTED_PROXIES, read from the right.

    A hop that is no address ends the reading: the proxy before it is the last that is known.
    """
    address = _parsed(str(request.META.get("REMOTE_ADDR", "")))
    hops = request.headers.get("X-Forwarded-For", "").split(",")
    while hops and address is not None and _is_trusted(address):
        further = _parsed(hops.pop())
        if further is None:
            break
        address = further
    return "" if address is None else str(address)


def _parsed(text: str) -> Address | None:
    """An address as text, an IPv4 one wrapped in IPv6 as itself; None for anything else."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_trusted(address: Address) -> bool:
    return any(address in ip_network(proxy, strict=False) for proxy in settings.TRUSTED_PROXIES)
