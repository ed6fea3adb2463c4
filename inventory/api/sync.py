"""Sync over HTTP: pull the feed, push the queue."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.core.errors import FieldProblem, ReferenceNotFound
from config.core.fields import ExactTime
from config.core.filters import refuse_unknown
from config.core.pagination import MAX_LIMIT, page_number
from config.core.wire import QueueJSONParser, wire_time
from devices.api.owned import OnceMixin
from devices.api.records import StrictSerializer
from devices.api.scope import acting_device
from devices.models import Device, Installation, Standing
from inventory.api.callers import calling_installation
from inventory.api.tables import TABLES
from inventory.errors import SyncAtomicFailed, SyncTooManyOperations, SyncUnknownTable
from inventory.services.positions import Position
from inventory.services.sync.clocks import measure_clock
from inventory.services.sync.cursors import CURSOR, read_base
from inventory.services.sync.ops import Op, Pushed, Result, read_op
from inventory.services.sync.pull import Page, pull_changes
from inventory.services.sync.push import push
from inventory.services.sync.quarantine import quarantine
from inventory.services.sync.tables import Table, Tables

PULL_PARAMETERS = [
    OpenApiParameter(
        "cursor",
        {"type": "string", "pattern": rf"^({CURSOR.pattern})?$"},
        description="the cursor of the last answer; none: everything",
    ),
    OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}, description="default 200"),
    OpenApiParameter(
        "tables",
        {"type": "string", "pattern": f"^({'|'.join(TABLES)})(,({'|'.join(TABLES)}))*$"},
        description="only these, comma-separated",
    ),
]
DEFAULT_LIMIT = 200


class ChangeSerializer(serializers.Serializer[Any]):
    """One row at its latest revision; `data` is null for a tombstone."""

    table = serializers.CharField()
    id = serializers.UUIDField()
    revision = serializers.IntegerField()
    deleted = serializers.BooleanField()
    data = serializers.DictField(allow_null=True)  # type: ignore[assignment]  # a field named as the wire names it


class ChangesSerializer(serializers.Serializer[Any]):
    """A page of the feed; `counts` of live rows per table come with the last page."""

    changes = ChangeSerializer(many=True)
    cursor = serializers.CharField()
    has_more = serializers.BooleanField()
    head = serializers.IntegerField()
    server_time = serializers.DateTimeField()
    counts = serializers.DictField(child=serializers.IntegerField(), required=False)


class SinceSerializer(serializers.Serializer[Any]):
    """The same page grouped per table: beside these, one list of changes for each table."""

    cursor = serializers.CharField()
    has_more = serializers.BooleanField()
    head = serializers.IntegerField()
    server_time = serializers.DateTimeField()


class PullView(APIView):
    """Everything that changed since a cursor, in commit order."""

    reads_feed = True

    @extend_schema(parameters=PULL_PARAMETERS, responses=ChangesSerializer)
    def get(self, request: Request) -> Response:
        page, device = _pull(request)
        return Response({"changes": [_change(table, row, device) for table, row in page.rows], **_position(page)})


class SinceView(APIView):
    """The same page, grouped per table."""

    reads_feed = True

    @extend_schema(parameters=PULL_PARAMETERS, responses=SinceSerializer)
    def get(self, request: Request) -> Response:
        page, device = _pull(request)
        grouped: dict[str, list[Any]] = defaultdict(list)
        for table, row in page.rows:
            grouped[table.name].append(_change(table, row, device))
        names = [table.name for table in _wanted_tables(request)]
        return Response({**{name: grouped[name] for name in names}, **_position(page)})


def _pull(request: Request) -> tuple[Page, Device]:
    refuse_unknown(request.query_params, {"cursor", "limit", "tables"})
    limit = page_number(request, "limit", default=DEFAULT_LIMIT, least=1, most=MAX_LIMIT)
    device = acting_device(request)
    cursor = request.query_params.get("cursor")
    tables = [table.seen_by(calling_installation(request)) for table in _wanted_tables(request)]
    return pull_changes(device=device, cursor=cursor, limit=limit, tables=tables), device


def _wanted_tables(request: Request) -> list[Table]:
    asked = request.query_params.get("tables")
    if asked is None:
        return list(TABLES.values())
    names = {name.strip() for name in asked.split(",")}
    unknown = sorted(names - set(TABLES))
    if unknown:
        raise SyncUnknownTable(f"`{unknown[0][:80]}` is no table. Known: {', '.join(TABLES)}.")
    return [table for name, table in TABLES.items() if name in names]


def _change(table: Table, row: Any, device: Device) -> dict[str, Any]:
    return {
        "table": table.name,
        "id": row.uuid,
        "revision": row.revision,
        "deleted": row.is_deleted,
        "data": None if row.is_deleted else table.shape.show(row, device=device),
    }


def _position(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = {
        "cursor": str(page.cursor),
        "has_more": page.has_more,
        "head": page.head,
        "server_time": wire_time(timezone.now()),
    }
    return found if page.counts is None else {**found, "counts": page.counts}


class AsParsed(serializers.JSONField):
    """What the parser read, decimals included; each operation is judged by itself."""

    def to_internal_value(self, data: Any) -> Any:
        return data


class PushSerializer(StrictSerializer):
    """A queue of operations, at most 500, in the order they were made."""

    replica_id = serializers.UUIDField(required=False, allow_null=True)
    client_time = ExactTime(required=False, allow_null=True)
    base = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=64)
    atomic = serializers.BooleanField(required=False, default=False)
    ops = serializers.ListField(child=AsParsed())


class VerdictSerializer(serializers.Serializer[Any]):
    """applied, duplicate (with the first `verdict`), conflict (with `fields`), rejected (with `errors`)."""

    op_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=["applied", "duplicate", "conflict", "rejected"])
    row = serializers.DictField(allow_null=True, required=False)
    verdict = serializers.CharField(required=False)
    internal_code = serializers.CharField(required=False)
    detail = serializers.CharField(required=False)
    retryable = serializers.BooleanField(required=False)

    def get_fields(self) -> dict[str, Any]:
        """`fields` and `errors` mean something else to a serializer."""
        fields = serializers.ListField(child=serializers.CharField(), required=False)
        errors = serializers.ListField(child=serializers.DictField(child=serializers.CharField()), required=False)
        return {**super().get_fields(), "fields": fields, "errors": errors}


class PushedSerializer(serializers.Serializer[Any]):
    """A verdict per operation, in order."""

    results = VerdictSerializer(many=True)
    head = serializers.IntegerField()
    next_sequence = serializers.IntegerField(allow_null=True)
    server_time = serializers.DateTimeField()


class PushView(OnceMixin, APIView):
    """Carries out a client's queue, each operation once."""

    parser_classes = [QueueJSONParser]
    open_while_draining = True

    @extend_schema(request=PushSerializer, responses=PushedSerializer)
    def post(self, request: Request) -> Response:
        received_at = timezone.now()
        device = acting_device(request)
        if isinstance(request.data, dict) and isinstance(request.data.get("ops"), list):
            _refuse_too_many(request.data["ops"])
        serializer = PushSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        installation = _replica(request, device, serializer.validated_data.get("replica_id"))
        client_time = serializer.validated_data.get("client_time")
        position = Position(
            base_revision=read_base(serializer.validated_data.get("base"), device, device.feed),
            clock_offset_ms=_clock_offset(request, installation, client_time, received_at),
        )
        who: dict[str, Any] = {"device": device, "actor": request.auth, "position": position}
        raw: list[Any] = serializer.initial_data["ops"]
        ops = [read_op(body, index) for index, body in enumerate(raw)]
        try:
            atomic = serializer.validated_data["atomic"]
            pushed = _carry_out(installation, ops, raw, tables=_seen_tables(request), atomic=atomic, **who)
        except SyncAtomicFailed as failed:
            failed.extra["results"] = [_result(result, device) for result in failed.results]
            raise
        return Response(
            {
                "results": [_result(result, device) for result in pushed.results],
                "head": pushed.head,
                "next_sequence": pushed.next_sequence,
                "server_time": wire_time(timezone.now()),
            }
        )


def _clock_offset(
    request: Request, installation: Installation | None, client_time: datetime | None, received_at: datetime
) -> int:
    """In ms: as this push shows it, else as it was last measured. Nobody measures another one's clock."""
    if installation is None:
        return 0
    caller: Any = request.user
    if client_time is None or caller != installation:
        return installation.presence.clock_offset_ms
    actor: Any = request.auth
    return measure_clock(installation=installation, actor=actor, client_time=client_time, received_at=received_at)


def _seen_tables(request: Request) -> dict[str, Table]:
    """The tables as the caller may see them: what is hidden from it, it cannot write either."""
    caller = calling_installation(request)
    return {name: table.seen_by(caller) for name, table in TABLES.items()}


def _carry_out(
    installation: Installation | None, ops: list[Op], raw: list[Any], *, tables: Tables, atomic: bool, **who: Any
) -> Pushed:
    if installation is not None and installation.effective_standing() == Standing.DRAINING:
        return quarantine(**who, installation=installation, ops=ops, raw=raw)
    return push(**who, installation=installation, tables=tables, ops=ops, atomic=atomic)


def _refuse_too_many(ops: list[Any]) -> None:
    if len(ops) > MAX_LIMIT:
        raise SyncTooManyOperations(f"{len(ops)} operations; {MAX_LIMIT} is the most.")


def _replica(request: Request, device: Device, replica_id: UUID | None) -> Installation | None:
    """Whose order the sequences are in: the calling installation's; a user may name one of the device."""
    caller: Any = request.user
    if isinstance(caller, Installation) and replica_id in (None, caller.uuid):
        return caller
    if replica_id is None:
        return None
    found = None if isinstance(caller, Installation) else device.installations.filter(uuid=replica_id).first()
    if found is None:
        problem = FieldProblem("replica_id", "reference_not_found", "This is not your installation.")
        raise ReferenceNotFound("`replica_id` refers to an installation that does not exist here.", errors=[problem])
    return found


def _result(result: Result, device: Device) -> dict[str, Any]:
    found: dict[str, Any] = {"op_id": result.op_id, "status": result.status}
    if result.error is not None:
        found["internal_code"] = result.error.internal_code
    if result.status == "conflict":
        found["fields"] = list(result.fields)
    if result.status == "duplicate" and result.verdict:
        found |= {"verdict": result.verdict} | ({"internal_code": result.code} if result.code else {})
    if result.status == "rejected" and result.error is not None:
        found |= {"detail": result.error.detail, "retryable": result.retryable}
        found["errors"] = [{"field": e.field, "code": e.code, "detail": e.detail} for e in result.error.errors]
    if result.status != "rejected":
        found["row"] = result.table.shape.show(result.row, device=device) if result.table and result.row else None
    return found
