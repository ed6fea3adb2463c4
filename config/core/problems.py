"""Every refusal as application/problem+json (RFC 9457): one shape for all non-2xx answers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.core import exceptions as django_errors
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.template import loader
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions as drf_errors
from rest_framework.response import Response

from config.core import errors
from config.core.constraints import error_for
from config.core.errors import AppError, FieldProblem
from config.core.wire import to_json

logger = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"
DOCS = "/docs/errors"
ADMIN = "/admin"
MAX_DETAIL = 500  # DRF quotes what was sent; an answer shall not be a megabyte because the request was
MAX_PATH = 200
MAX_PROBLEMS = 100

BY_DRF_CLASS: tuple[tuple[type[Exception], type[AppError]], ...] = (
    (drf_errors.ParseError, errors.BadRequest),
    (drf_errors.NotAuthenticated, errors.Unauthenticated),
    (drf_errors.AuthenticationFailed, errors.Unauthenticated),
    (drf_errors.PermissionDenied, errors.Forbidden),
    (drf_errors.NotFound, errors.NotFound),
    (drf_errors.MethodNotAllowed, errors.MethodNotAllowed),
    (drf_errors.NotAcceptable, errors.NotAcceptable),
    (drf_errors.UnsupportedMediaType, errors.UnsupportedMediaType),
    (drf_errors.Throttled, errors.TooManyRequests),
    (Http404, errors.NotFound),
    (django_errors.PermissionDenied, errors.Forbidden),
    (django_errors.RequestDataTooBig, errors.PayloadTooLarge),
    (django_errors.DisallowedHost, errors.HostNotAllowed),
    (django_errors.SuspiciousOperation, errors.BadRequest),
    (django_errors.BadRequest, errors.BadRequest),
)
SQLITE_MISTAKES = {1, 21, 25}  # SQLITE_ERROR ("no such column"), SQLITE_MISUSE, SQLITE_RANGE
# Classes of SQLSTATE: connection, sign-in, rollback, resources, operator, system, configuration; and two of locks.
PASSING = ("08", "28", "40", "53", "57", "58", "F0", "55006", "55P03")
SILENT = (errors.NotFound, errors.Unauthenticated, errors.Forbidden)  # their detail says no more than the title


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response:
    """DRF's EXCEPTION_HANDLER: any exception → a problem; unknown ones are logged and say nothing."""
    request = context["request"]
    error = as_app_error(exc)
    if error.status >= AppError.status and not isinstance(error, errors.Unavailable):
        logger.error("unhandled error", exc_info=exc, extra={"path": request.path})
    response = Response(body(error, request), status=error.status, headers=headers(error))
    response.content_type = CONTENT_TYPE
    return response


def as_app_error(exc: Exception) -> AppError:
    """The AppError that stands for any exception."""
    if isinstance(exc, AppError):
        return exc
    if isinstance(exc, drf_errors.ValidationError):
        return errors.Invalid(errors=list(islice(field_problems(exc.get_full_details()), MAX_PROBLEMS)))
    if isinstance(exc, django_errors.ValidationError):
        return errors.Invalid("; ".join(exc.messages))
    if isinstance(exc, DatabaseError | InterfaceError):
        return from_database(exc)
    for theirs, ours in BY_DRF_CLASS:
        if isinstance(exc, theirs):
            return _translated(exc, ours)
    return AppError()


def _translated(exc: Exception, ours: type[AppError]) -> AppError:
    challenge = getattr(exc, "auth_header", None)
    found = {"WWW-Authenticate": str(challenge)} if challenge else {}
    if isinstance(exc, drf_errors.Throttled):
        wait = max(1, int(getattr(exc, "wait", None) or 1))
        return ours(f"Try again in {wait} seconds.", headers={"Retry-After": str(wait)})
    if issubclass(ours, SILENT) or not isinstance(exc, drf_errors.APIException):
        return ours(headers=found)
    return ours(str(exc.detail), headers=found)


def from_database(exc: DatabaseError | InterfaceError) -> AppError:
    """Map a database refusal by its constraint; busy or gone → 503; anything else, wrong SQL too → 500."""
    if isinstance(exc, IntegrityError) and (known := error_for(exc)):
        return known()
    if isinstance(exc, OperationalError | InterfaceError) and _may_pass(exc):  # InterfaceError: the connection closed
        return errors.Unavailable("The database is busy or restarting.", headers={"Retry-After": "2"})
    if isinstance(exc, DataError):
        return errors.Invalid("A value is out of the range that can be stored.")
    return AppError()


def _may_pass(exc: Exception) -> bool:
    """Busy, locked, full, restarting, gone: another try may do. A statement that is wrong stays wrong.

    SQLite says OperationalError to both, PostgreSQL to a few of the second sort.
    """
    code, state = (getattr(exc.__cause__, name, None) for name in ("sqlite_errorcode", "sqlstate"))
    if code is not None:
        return code & 0xFF not in SQLITE_MISTAKES
    return state is None or state.startswith(PASSING)


def body(error: AppError, request: Any) -> dict[str, Any]:
    """The problem document of one error for one request."""
    return {
        "type": f"{DOCS}#{error.internal_code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": request.path,
        "internal_code": error.internal_code,
        "request_id": getattr(request, "request_id", ""),
        "errors": [{"field": e.field, "code": e.code, "detail": e.detail} for e in error.errors],
        **error.extra,
    }


def headers(error: AppError) -> dict[str, str]:
    """What an error sends beside its body; a 401 always says how to authenticate."""
    found = dict(error.headers)
    if error.status == errors.Unauthenticated.status:
        found.setdefault("WWW-Authenticate", 'Bearer realm="countonme"')
    return found


def problem(error: AppError, request: HttpRequest) -> HttpResponse:
    """The same answer outside of DRF: URL misses, middleware, Django's own handlers. The admin gets a page."""
    if request.path.startswith(ADMIN):
        page = loader.render_to_string("problem.html", _page(error, request))
        return HttpResponse(page, status=error.status, headers=headers(error))
    return HttpResponse(
        to_json(body(error, request)), status=error.status, headers=headers(error), content_type=CONTENT_TYPE
    )


def _page(error: AppError, request: HttpRequest) -> dict[str, Any]:
    said = error.advice if error.detail == error.title else f"{error.detail} {error.advice}"
    return {**body(error, request), "detail": said}


def field_problems(details: Any, path: str = "") -> Iterator[FieldProblem]:
    """Flatten DRF's nested error details to `a.b.0` paths."""
    if isinstance(details, dict) and "message" in details and "code" in details:
        yield FieldProblem((path or "body")[:MAX_PATH], str(details["code"]), str(details["message"])[:MAX_DETAIL])
    elif isinstance(details, dict):
        for key, inner in details.items():
            here = path if key == "non_field_errors" else f"{path}.{key}".lstrip(".")
            yield from field_problems(inner, here)
    elif isinstance(details, list):
        single = all(isinstance(inner, dict) and "message" in inner for inner in details)
        for index, inner in enumerate(details):
            yield from field_problems(inner, path if single else f"{path}.{index}".lstrip("."))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(as_app_error(exception), request)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(errors.Forbidden(), request)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(errors.NotFound(), request)


@csrf_exempt  # else a POST to a misspelt path would be told about forms
def unknown_path(request: HttpRequest, rest: str) -> HttpResponse:
    """Anything under /v1 that is no route: a problem too, also with DEBUG on."""
    return problem(errors.NotFound(), request)


def server_error(request: HttpRequest) -> HttpResponse:
    return problem(AppError(), request)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return problem(errors.CsrfFailed(), request)
