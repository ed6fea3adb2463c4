"""Bytes on the wire: strict JSON in, orjson out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn
from uuid import UUID

import orjson
from django.conf import settings
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from config.core.errors import BadText, MalformedJSON, PayloadTooLarge, UnsupportedMediaType
from config.core.quantities import plain

# JSON escapes that may decode to NUL or to a lone surrogate; without one of them no walk is needed.
SUSPICIOUS = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
BAD_TEXT = "Text may not hold NUL characters or lone surrogates."
MAX_DEPTH = 100
ANY_TYPE = "*/*"
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # NUL and lone surrogates: no database column takes them
NOT_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))
UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")


def to_json(value: Any) -> bytes:
    """JSON as every answer of ours is written: UTC times with Z, decimals as plain strings."""
    return orjson.dumps(value, default=_plain_types, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def canonical_json(value: Any) -> bytes:
    """One spelling per value, for fingerprints: sorted keys, integers of any size (orjson ends at 64 bits)."""
    return json.dumps(value, default=_plain_types, sort_keys=True, separators=(",", ":")).encode()


def _plain_types(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)  # lazy translations, ErrorDetail


def wire_time(value: datetime) -> str:
    """ISO 8601 in UTC with Z, as in every answer."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def uuid_of(text: str) -> UUID | None:
    """The id that a text spells, in any case, with or without dashes; None for anything else.

    Python alone also reads braces, underscores and the digits of other scripts.
    """
    return UUID(text) if UUID_TEXT.fullmatch(text) else None


class JSONRenderer(BaseRenderer):
    """JSON only: there is no browsable API, /docs serves people."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return b"" if data is None else to_json(data)


class JSONOnly(BaseContentNegotiation):
    """Answers are JSON whatever Accept says, so that an error is readable for everybody."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        content_type = (request.content_type or "").partition(";")[0].strip().lower()
        wanted = content_type or "application/json"
        return next((parser for parser in parsers if parser.media_type in (wanted, ANY_TYPE)), None)

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class StrictJSONParser(BaseParser):
    """RFC 8259 and no more: no NaN, no duplicate keys, no NUL, no lone surrogates; numbers stay exact."""

    media_type = "application/json"
    times = 1  # of DATA_UPLOAD_MAX_MEMORY_SIZE

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        request = (parser_context or {}).get("request")
        coding = request.headers.get("Content-Encoding", "identity") if request else "identity"
        if coding.strip().lower() != "identity":
            raise UnsupportedMediaType("Send the body as it is, without Content-Encoding.")
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE * self.times
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise PayloadTooLarge(f"A body may have at most {limit} bytes.")
        return self.decode(raw)

    def decode(self, raw: bytes) -> Any:
        return parse_json(raw)


class MendingJSONParser(StrictJSONParser):
    """JSON whatever the content type says, for clients that can neither split a body nor mend their text.

    NUL and lone surrogates (an emoji cut in half) become U+FFFD; a body may have four times the usual size.
    """

    media_type = ANY_TYPE
    times = 4

    def decode(self, raw: bytes) -> Any:
        return mend_text(decode_json(raw))


class Mended(dict[str, Any]):
    """An object of JSON whose text held what cannot be stored, with U+FFFD in its place."""


class QueueJSONParser(StrictJSONParser):
    """As strict, but text that cannot be stored is the fault of that one of `ops` which holds it: it comes Mended."""

    def decode(self, raw: bytes) -> Any:
        value = decode_json(raw)
        if SUSPICIOUS.search(raw) or _may_be_deep(raw):
            if isinstance(value, dict) and isinstance(value.get("ops"), list):
                value["ops"] = [_mended(op) for op in value["ops"]]
            refuse_unstorable(value)
        return value


def _mended(value: Any) -> Any:
    try:
        refuse_unstorable(value)
    except BadText:
        return Mended(mend_text(value)) if isinstance(value, dict) else value
    return value


def parse_json(raw: bytes) -> Any:
    """Decode one JSON document. Raises MalformedJSON or BadText, never anything else."""
    value = decode_json(raw)
    if SUSPICIOUS.search(raw) or _may_be_deep(raw):
        refuse_unstorable(value)
    return value


def decode_json(raw: bytes) -> Any:
    """As parse_json(), but text may still hold what cannot be stored. Raises MalformedJSON."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedJSON(f"The body is not valid UTF-8 (byte {error.start}).") from None
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_unique_pairs)
    except RecursionError:
        raise MalformedJSON("The body is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise MalformedJSON(f"{error.msg} (line {error.lineno}, column {error.colno}).") from None
    except ValueError as error:  # an integer of thousands of digits
        raise MalformedJSON(str(error).partition(";")[0]) from None


def mend_text(value: Any, depth: int = 0) -> Any:
    """The same value with U+FFFD in place of what cannot be stored. Raises MalformedJSON when it is too deep."""
    if depth > MAX_DEPTH:
        raise MalformedJSON("The body is nested too deeply.")
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {UNSTORABLE.sub("\ufffd", key): mend_text(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [mend_text(inner, depth + 1) for inner in value]
    return value


def _may_be_deep(raw: bytes) -> bool:
    """False where the brackets alone show that nothing is nested beyond MAX_DEPTH: a few passes at C speed."""
    brackets = raw.translate(None, NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        fewer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(fewer) == len(brackets):
            break
        brackets = fewer
    return bool(brackets)


def refuse_unstorable(value: Any, depth: int = 0) -> None:
    """Raise MalformedJSON for what is too deep to walk, BadText for NUL or a lone surrogate in any string."""
    if depth > MAX_DEPTH:
        raise MalformedJSON("The body is nested too deeply.")
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise BadText(BAD_TEXT)
    elif isinstance(value, dict):
        for key, inner in value.items():
            refuse_unstorable(key, depth + 1)
            refuse_unstorable(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            refuse_unstorable(inner, depth + 1)


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedJSON(f"{name} is not a JSON value.")


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add() is None on purpose
        raise MalformedJSON(f"The key {twice!r} occurs twice in one object.")
    return found
