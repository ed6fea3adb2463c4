"""Errors for people and programs.

AppError
├── BadRequest 400        malformed_request · malformed_json · bad_text · unknown_filter · invalid_filter ·
│                         unknown_ordering · unknown_field_wanted · bad_page · bad_precondition · host_not_allowed
├── Unauthenticated 401   not_authenticated
├── Forbidden 403         forbidden · csrf_failed
├── NotFound 404          not_found · reference_not_found
├── MethodNotAllowed 405  method_not_allowed
├── NotAcceptable 406     not_acceptable
├── Conflict 409          conflict
├── Gone 410              gone
├── PreconditionFailed 412 precondition_failed
├── PayloadTooLarge 413   payload_too_large
├── UnsupportedMediaType 415 unsupported_media_type
├── RangeNotSatisfiable 416 range_not_satisfiable
├── Invalid 422           validation_failed · quantity_out_of_range
├── TooManyRequests 429   too_many_requests
└── Unavailable 503       temporarily_unavailable
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field: its path in the body or query, a code, a sentence."""

    field: str
    code: str
    detail: str


class AppError(Exception):
    """A refusal with a status, a unique internal_code and a title; `advice` tells the client what to do."""

    status: ClassVar[int] = 500
    internal_code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong on our side"
    advice: ClassVar[str] = "Try again; if it stays, tell the operator the request_id."

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.detail = detail or self.title
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
        super().__init__(self.detail)


class BadRequest(AppError):
    status = 400
    internal_code = "malformed_request"
    title = "The request cannot be read"
    advice = "Correct the request as the detail says; sending it again unchanged gives the same answer."


class Unauthenticated(AppError):
    status = 401
    internal_code = "not_authenticated"
    title = "Who are you?"
    advice = "Send `Authorization: Bearer <device token or access token>`; register or sign in to get one."


class Forbidden(AppError):
    status = 403
    internal_code = "forbidden"
    title = "Not allowed"
    advice = "Ask the staff of this server."


class NotFound(AppError):
    status = 404
    internal_code = "not_found"
    title = "Not found"
    advice = "It does not exist here, or it is not yours: the two are told apart by nobody."


class Conflict(AppError):
    status = 409
    internal_code = "conflict"
    title = "In conflict with what is stored"
    advice = "Read the current state, decide, and send again."


class Gone(AppError):
    status = 410
    internal_code = "gone"
    title = "No longer available"
    advice = "Start again from a full read."


class PreconditionFailed(AppError):
    status = 412
    internal_code = "precondition_failed"
    title = "Changed meanwhile"
    advice = "Read it again and repeat the change on the current revision."


class PayloadTooLarge(AppError):
    status = 413
    internal_code = "payload_too_large"
    title = "Too large"
    advice = "Send less at a time."


class UnsupportedMediaType(AppError):
    status = 415
    internal_code = "unsupported_media_type"
    title = "Unsupported content type"
    advice = "Send JSON with `Content-Type: application/json`."


class RangeNotSatisfiable(AppError):
    status = 416
    internal_code = "range_not_satisfiable"
    title = "The file is shorter than that"
    advice = "Ask for bytes below the length in `Content-Range`, or for the whole file."


class Invalid(AppError):
    status = 422
    internal_code = "validation_failed"
    title = "Some values are not valid"
    advice = "Correct the fields listed in `errors`."


class TooManyRequests(AppError):
    status = 429
    internal_code = "too_many_requests"
    title = "Too many requests"
    advice = "Wait for the seconds in `Retry-After`, then send again."


class Unavailable(AppError):
    status = 503
    internal_code = "temporarily_unavailable"
    title = "Busy or not reachable for a moment"
    advice = "Wait for the seconds in `Retry-After`, then send the same request again."


class MethodNotAllowed(AppError):
    status = 405
    internal_code = "method_not_allowed"
    title = "This method is not allowed here"
    advice = "Use one of the methods in the `Allow` header."


class NotAcceptable(AppError):
    status = 406
    internal_code = "not_acceptable"
    title = "Only JSON is served here"
    advice = "Accept `application/json`."


class MalformedJSON(BadRequest):
    internal_code = "malformed_json"
    title = "The body is not valid JSON"


class BadText(BadRequest):
    internal_code = "bad_text"
    title = "Text with NUL or broken Unicode"
    advice = "Remove NUL characters and send valid UTF-8."


class UnknownFilter(BadRequest):
    internal_code = "unknown_filter"
    title = "Unknown filter"


class InvalidFilter(BadRequest):
    internal_code = "invalid_filter"
    title = "A filter has a value it cannot take"


class UnknownOrdering(BadRequest):
    internal_code = "unknown_ordering"
    title = "Unknown ordering"


class UnknownFieldWanted(BadRequest):
    internal_code = "unknown_field_wanted"
    title = "`fields=` names an unknown field"


class BadPage(BadRequest):
    internal_code = "bad_page"
    title = "limit, offset, skip or cursor is out of range"


class BadPrecondition(BadRequest):
    internal_code = "bad_precondition"
    title = "If-Match or If-None-Match cannot be read"
    advice = 'Send the ETag as it was given, e.g. `If-Match: "412"`.'


class HostNotAllowed(BadRequest):
    internal_code = "host_not_allowed"
    title = "This host name is not served"
    advice = "Use the server's own name; operators list it in ALLOWED_HOSTS."


class CsrfFailed(Forbidden):
    internal_code = "csrf_failed"
    title = "The form has expired or comes from elsewhere"
    advice = "Reload the page and try again."


class ReferenceNotFound(NotFound):
    """A body or filter names a row that is missing, deleted or another device's: all the same."""

    internal_code = "reference_not_found"
    title = "A row that is referred to does not exist"
    advice = "Create it first, or correct the id."


class QuantityOutOfRange(Invalid):
    internal_code = "quantity_out_of_range"
    title = "The stock of one bucket would leave the range that can be stored"
    advice = "Check the quantity; a bucket holds at most 9,000,000,000,000 units."
