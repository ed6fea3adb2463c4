"""Pages: limit with offset (alias skip), or a cursor; out of range is refused, never cut silently."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from rest_framework.pagination import BasePagination, LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response

from config.core.cursors import CursorPages
from config.core.errors import BadPage

DEFAULT_LIMIT = 20
MAX_LIMIT = 500
MAX_OFFSET = 10_000_000


def page_number(request: Request, name: str, *, default: int, least: int, most: int) -> int:
    """A whole number from the query. Raises BadPage where it is not one or out of range."""
    raw = request.query_params.get(name)
    if raw is None:
        return default
    if not (raw.isascii() and raw.isdigit() and len(raw) <= len(str(most))) or not least <= int(raw) <= most:
        raise BadPage(f"`{name}` takes a whole number from {least} to {most}.")
    return int(raw)


def page_limit(request: Request) -> int:
    """Rows per page."""
    return page_number(request, "limit", default=DEFAULT_LIMIT, least=1, most=MAX_LIMIT)


class OffsetPages(LimitOffsetPagination):
    """`limit` and `offset` (or `skip`)."""

    def get_limit(self, request: Request) -> int:
        return page_limit(request)

    def get_offset(self, request: Request) -> int:
        if "skip" in request.query_params:
            self.offset_query_param = "skip"  # so that the links move on with the caller's own word
        return page_number(request, self.offset_query_param, default=0, least=0, most=MAX_OFFSET)


class Pagination(BasePagination):
    """Chooses between the two by the presence of `cursor`."""

    pages: OffsetPages | CursorPages

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        places = [name for name in ("cursor", "offset", "skip") if name in request.query_params]
        if len(places) > 1:
            raise BadPage(f"`{places[0]}` and `{places[1]}` exclude each other.")
        if places == ["cursor"]:
            self.pages = CursorPages()
            return self.pages.paginate(queryset, request, page_limit(request))
        self.pages = OffsetPages()
        return self.pages.paginate_queryset(queryset, request, view)

    def get_paginated_response(self, data: Any) -> Response:
        count = self.pages.count if isinstance(self.pages, OffsetPages) else None
        return Response(
            OrderedDict(
                count=count, next=self.pages.get_next_link(), previous=self.pages.get_previous_link(), results=data
            )
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["count", "next", "previous", "results"],
            "properties": {
                "count": {"type": "integer", "nullable": True, "description": "null on cursor pages"},
                "next": link,
                "previous": link,
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        def parameter(name: str, description: str, **schema: Any) -> dict[str, Any]:
            return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}

        return [
            parameter("limit", "Rows per page", type="integer", minimum=1, maximum=MAX_LIMIT, default=DEFAULT_LIMIT),
            parameter("offset", "Rows to skip", type="integer", minimum=0, maximum=MAX_OFFSET),
            parameter("skip", "Alias of offset", type="integer", minimum=0, maximum=MAX_OFFSET),
            parameter("cursor", "Keyset page: start empty, then follow `next`", type="string"),
        ]
