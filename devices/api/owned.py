"""The base of every door to rows that a device owns: scoped by construction, written through services."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, cast
from uuid import UUID

from django.http import HttpResponse
from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError
from rest_framework.viewsets import GenericViewSet

from config.core.errors import AppError, BadPrecondition, InvalidFilter, NotFound, PayloadTooLarge
from config.core.filters import known_parameters, refuse_unknown
from config.core.pagination import MAX_LIMIT
from config.core.problems import as_app_error, body
from config.core.schema import IF_MATCH
from config.core.uploads import content_of
from config.core.wire import to_json, uuid_of
from devices.actors import Actor
from devices.api.records import RecordSerializer, wanted_fields
from devices.api.scope import acting_device, scope_name
from devices.errors import RevisionMismatch
from devices.models import Device
from devices.services.bulk import do_each
from devices.services.operations import Answer, answer_once, fingerprint

ETAG = re.compile(r'(?:W/)?"([0-9]{1,18})"')
ACCEPTED = 202
Service = Callable[..., Any]


def wire_id(text: str) -> UUID:
    """An id from a path. Raises NotFound for what is none: it names nothing."""
    found = uuid_of(text)
    if found is None:
        raise NotFound
    return found


def is_unchanged(request: Request, etag: str) -> bool:
    """Whether If-None-Match names this ETag; weak and strong compare alike for reads (RFC 9110)."""
    asked = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
    return "*" in asked or etag.removeprefix("W/") in asked


def read_if_match(request: Request) -> int | None:
    """The revision that If-Match asks for; None without the header or for `*`. Raises BadPrecondition."""
    given = request.headers.get("If-Match", "*").strip()
    if given == "*":
        return None
    match = ETAG.fullmatch(given)
    if not match:
        raise BadPrecondition
    return int(match[1])


class OnceMixin:
    """`Idempotency-Key` on any POST of a view: its answer is stored with its effect, a repetition gets it again."""

    answers_once: ClassVar[bool] = True  # for the API description

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]  # mixed into APIView
        if request.method == "POST" and "Idempotency-Key" in request.headers:
            handler: Any = getattr(self, "post", self.http_method_not_allowed)  # type: ignore[attr-defined]  # mixed into APIView
            setattr(self, "post", partial(self._once, handler))  # noqa: B010  # APIView.dispatch looks it up next

    def _once(self, handler: Callable[..., Response], request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        def run() -> Answer:
            response = handler(request, *args, **kwargs)
            etag, location = response.headers.get("ETag", ""), response.headers.get("Location", "")
            body = b"" if response.data is None else to_json(response.data)
            return Answer(response.status_code, body, etag, location)

        actor: Any = request.auth
        print_ = fingerprint("POST", request.get_full_path(), content_of(request))
        key, scope = request.headers["Idempotency-Key"], scope_name(request)
        answer = answer_once(actor=actor, scope=scope, key=key, print_=print_, run=run)
        http = HttpResponse(answer.body, status=answer.status, content_type="application/json")
        if answer.etag:
            http.headers["ETag"] = answer.etag
        if answer.location:
            http.headers["Location"] = answer.location
        if answer.status == ACCEPTED:
            http.headers["Retry-After"] = "1"
        if answer.replayed:
            http.headers["Idempotency-Replayed"] = "true"
        return http


class DeviceScopedViewSet(OnceMixin, GenericViewSet[Any]):
    """list, retrieve and what the named services offer, inside one device.

    A subclass names `serializer_class`, `filterset_class`, `search_fields`, `ordering_fields`, its
    services, and `rows()` where reads need more than the model's own columns.
    """

    serializer_class: type[RecordSerializer]
    has_revisions: ClassVar[bool] = True  # for the API description, as takes_lists below
    lookup_field = "uuid"
    lookup_url_kwarg = "id"
    own_parameters: ClassVar[tuple[str, ...]] = ("deleted",)
    references: ClassVar[tuple[str, ...]] = ()  # foreign keys that the serializer shows
    create_service: ClassVar[Service]
    update_service: ClassVar[Service]
    delete_service: ClassVar[Service]
    restore_service: ClassVar[Service]

    @cached_property
    def device(self) -> Device:
        return acting_device(self.request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        _ = self.device  # a foreign or missing device is refused before anything else is looked at

    @property
    def actor(self) -> Actor:
        return cast(Actor, self.request.auth)  # HasActor let nobody else in

    def get_queryset(self) -> Any:
        model: Any = self.serializer_class.Meta.model
        if getattr(self, "swagger_fake_view", False):
            return model.objects.none()
        manager = model.all_objects if self._wants_deleted() else model.objects
        rows = self.rows(manager.for_device(self.device)).select_related(*self.references)
        return rows.deleted() if self._wants_deleted() else rows

    def rows(self, queryset: Any) -> Any:
        """What reads start from; the queryset is scoped already."""
        return queryset

    def _wants_deleted(self) -> bool:
        asked = self.request.query_params.get("deleted", "false") if self.action == "list" else "false"
        if asked not in ("true", "false"):
            raise InvalidFilter("`deleted` takes true or false.")
        return asked == "true"

    def get_object(self) -> Any:
        return self._row(self.get_queryset())

    def _row(self, queryset: Any) -> Any:
        row = queryset.filter(uuid=wire_id(self.kwargs["id"])).first()
        if row is None:
            raise NotFound
        row.device = self.device  # known already: services need not fetch it
        return row

    def get_serializer_context(self) -> dict[str, Any]:
        context = dict(super().get_serializer_context())
        return context if getattr(self, "swagger_fake_view", False) else {**context, "device": self.device}

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, RevisionMismatch):
            exc.extra["current"] = self.represent(exc.row)
        return super().handle_exception(exc)

    # --- reads ---
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        etag = f'W/"{self.device.feed.epoch}.{self.device.feed.head}"'
        wanted = wanted_fields(self.get_serializer(), request.query_params.get("fields"))
        refuse_unknown(request.query_params, known_parameters(self))
        if is_unchanged(request, etag):
            return Response(status=304, headers={"ETag": etag})
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        response = self.get_paginated_response(only(self.get_serializer(page, many=True).data, wanted))
        response.headers["ETag"] = etag
        return response

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        refuse_unknown(request.query_params, {"fields"})
        wanted = wanted_fields(self.get_serializer(), request.query_params.get("fields"))
        row = self.get_object()
        etag = f'"{row.revision}"'
        if is_unchanged(request, etag):
            return Response(status=304, headers={"ETag": etag})
        return Response(only([self.represent(row)], wanted)[0], headers={"ETag": etag})

    def represent(self, row: Any) -> dict[str, Any]:
        """One row as on the wire."""
        return dict(self.get_serializer(row).data)

    def answer(self, row: Any, *, status: int = 200) -> Response:
        """A written row, read afresh, with its ETag."""
        fresh = self.rows(type(row).all_objects.for_device(self.device)).select_related(*self.references).get(pk=row.pk)
        return Response(self.represent(fresh), status=status, headers={"ETag": f'"{fresh.revision}"'})

    def expected_revision(self) -> int | None:
        return read_if_match(self.request)


class CreateMixin:
    """POST: one row, or a list with a result per row."""

    takes_lists: ClassVar[tuple[str, ...]] = ("create",)  # the actions that do

    def create(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.take(request)  # type: ignore[no-any-return]

    def take(self: Any, request: Request) -> Response:
        """One row or a list, through `create_service`."""
        if isinstance(request.data, list):
            return self._create_many(request.data)  # type: ignore[no-any-return]
        return self.answer(self._create(request.data), status=201)  # type: ignore[no-any-return]

    def _create(self: Any, data: Any) -> Any:
        serializer = self.get_serializer(data=data)
        serializer.is_valid(raise_exception=True)
        return self.create_service(device=self.device, actor=self.actor, **serializer.values())

    def _create_many(self: Any, rows: list[Any]) -> Response:
        if len(rows) > MAX_LIMIT:
            raise PayloadTooLarge(f"A list may have at most {MAX_LIMIT} rows.")
        writes = [partial(self._create_checked, row) for row in rows]
        results = do_each(device=self.device, writes=writes)
        return Response({"results": [self._result(result) for result in results]})

    def _create_checked(self: Any, data: Any) -> Any:
        try:
            return self._create(data)
        except ValidationError as error:
            raise as_app_error(error) from None

    def _result(self: Any, result: Any) -> dict[str, Any]:
        if isinstance(result, AppError):
            return {"status": result.status, "problem": body(result, self.request)}
        return {"status": 201, "row": self.represent(result)}


class UpdateMixin:
    """PATCH changes what is sent, PUT the whole row; If-Match makes either conditional."""

    def update(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._write(request, partial_update=False)  # type: ignore[no-any-return]

    def partial_update(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._write(request, partial_update=True)  # type: ignore[no-any-return]

    def _write(self: Any, request: Request, *, partial_update: bool) -> Response:
        row, expected = self.get_object(), self.expected_revision()
        if expected is not None and row.revision != expected:
            raise RevisionMismatch(row)  # before the body: an old row sent back whole is late, not malformed
        serializer = self.get_serializer(row, data=request.data, partial=partial_update)
        serializer.is_valid(raise_exception=True)
        changes = serializer.values() if partial_update else serializer.whole_values()
        changes.pop("id", None)
        written = self.update_service(row, actor=self.actor, expected_revision=expected, changes=changes)
        return self.answer(written)  # type: ignore[no-any-return]


class DeleteMixin:
    """DELETE makes a tombstone; POST …/restore brings it back."""

    def destroy(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.delete_service(self.get_object(), actor=self.actor, expected_revision=self.expected_revision())
        return Response(status=204)

    @extend_schema(request=None, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def restore(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        model = self.serializer_class.Meta.model
        row = self._row(model.all_objects.for_device(self.device))
        restored = self.restore_service(row, actor=self.actor, expected_revision=self.expected_revision())
        return self.answer(restored)  # type: ignore[no-any-return]


class OwnedViewSet(CreateMixin, UpdateMixin, DeleteMixin, DeviceScopedViewSet):
    """All of it: what most resources are."""


def only(rows: Any, wanted: set[str] | None) -> Any:
    """Rows with the wanted fields alone; None means all."""
    return rows if wanted is None else [{key: row[key] for key in row if key in wanted} for row in rows]
