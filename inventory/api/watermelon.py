"""Sync for unmodified WatermelonDB clients: one pull, one push."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.core.filters import refuse_unknown
from config.core.quantities import plain
from config.core.wire import MendingJSONParser, parse_json, to_json
from devices.api.owned import OnceMixin
from devices.api.scope import acting_device
from devices.models import Installation, Standing
from inventory.api.callers import calling_installation
from inventory.api.tables import TABLES
from inventory.errors import SyncConflict
from inventory.services.sync.tables import Table
from inventory.services.sync.watermelon.changes import Changes, read_changes
from inventory.services.sync.watermelon.columns import Layout
from inventory.services.sync.watermelon.draining import quarantine_changes
from inventory.services.sync.watermelon.reading import Pulled, pull_tables, tables_added
from inventory.services.sync.watermelon.timestamps import read_timestamp
from inventory.services.sync.watermelon.writing import push_changes, show_tombstones

OTHERS_ONLY = frozenset({"id", "device", "revision", "deleted_at"})  # of the wire's fields, not columns here
NO_MIGRATION = ("", "null", "undefined")
PARAMETERS = {"last_pulled_at", "schema_version", "migration"}
LAST = OpenApiParameter(
    "last_pulled_at",
    {"type": "string", "pattern": "^(null|undefined|[0-9]{1,16})?$"},
    description="the last pull's `timestamp`; null: never pulled",
)
PULL_PARAMETERS = [
    LAST,
    OpenApiParameter("schema_version", str, description="as the library gives it; not used"),
    OpenApiParameter("migration", str, description="JSON, as the library gives it, or null"),
]


def layout_of(table: Table) -> Layout:
    """A synced table as WatermelonDB has it, from the serializer that is its shape."""
    shape: Any = table.shape
    fields = shape.serializer_class().fields
    names = tuple(name for name in fields if name not in OTHERS_ONLY)
    return Layout(table, names, frozenset(name for name in names if not fields[name].read_only))


LAYOUTS = {name: layout_of(table) for name, table in TABLES.items()}


class WatermelonPullSerializer(serializers.Serializer[Any]):
    """`changes`: per table `created` (always empty), `updated` (raw records) and `deleted` (ids)."""

    changes = serializers.DictField(child=serializers.DictField())
    timestamp = serializers.IntegerField()
    experimentalStrategy = serializers.ChoiceField(["replacement"], required=False)  # noqa: N815  # the library's name


class WatermelonPushedSerializer(serializers.Serializer[Any]):
    """The library needs nothing of it; `head` is the feed's."""

    head = serializers.IntegerField()


class WatermelonView(OnceMixin, APIView):
    """`pullChanges` and `pushChanges` of WatermelonDB's synchronize(), see docs/watermelon.md."""

    parser_classes = [MendingJSONParser]
    # The library pulls before it pushes, so a draining installation gets an (empty) answer to both.
    open_while_draining = True
    changes: Changes | None = None

    @extend_schema(parameters=PULL_PARAMETERS, responses=WatermelonPullSerializer)
    def get(self, request: Request) -> Response:
        """Everything that changed since `last_pulled_at`, in one answer."""
        refuse_unknown(request.query_params, PARAMETERS)
        last = read_timestamp(request.query_params.get("last_pulled_at"))
        added = tables_added(_migration(request), LAYOUTS)
        device = acting_device(request)
        if _draining(request):
            return Response(_empty(last))
        layouts = _seen_by(calling_installation(request))
        pulled = pull_tables(device=device, layouts=layouts, last=last, added=added, pack=_pack)
        return Response(_body(pulled))

    @extend_schema(parameters=[LAST], request=OpenApiTypes.OBJECT, responses=WatermelonPushedSerializer)
    def post(self, request: Request) -> Response:
        """Carries out the client's changes, all or none; 409 sync_conflict: pull, then push again."""
        refuse_unknown(request.query_params, PARAMETERS)
        last = read_timestamp(request.query_params.get("last_pulled_at"))
        device = acting_device(request)
        self.changes = read_changes(request.data, LAYOUTS)
        actor: Any = request.auth
        caller: Any = request.user
        who: dict[str, Any] = {
            "device": device,
            "actor": actor,
            "layouts": LAYOUTS,
            "changes": self.changes,
            "last": last,
        }
        if _draining(request):
            return Response({"head": quarantine_changes(**who, installation=caller)})
        installation = caller if isinstance(caller, Installation) else None
        return Response({"head": push_changes(**who, installation=installation)})

    def handle_exception(self, exc: Exception) -> Response:
        """After a conflict everything is rolled back; what the client must learn is written then."""
        if isinstance(exc, SyncConflict) and self.changes is not None:
            request: Any = self.request
            show_tombstones(device=acting_device(request), actor=request.auth, layouts=LAYOUTS, changes=self.changes)
        return super().handle_exception(exc)


def _seen_by(installation: Installation | None) -> dict[str, Layout]:
    seen = {name: (layout, layout.table.seen_by(installation)) for name, layout in LAYOUTS.items()}
    return {
        name: layout if table is layout.table else replace(layout, table=table)
        for name, (layout, table) in seen.items()
    }


def _draining(request: Request) -> bool:
    caller: Any = request.user
    return isinstance(caller, Installation) and caller.effective_standing() == Standing.DRAINING


def _migration(request: Request) -> Any:
    text = request.query_params.get("migration", "")
    return None if text in NO_MIGRATION else parse_json(text.encode())


def _pack(raw: dict[str, Any]) -> orjson.Fragment:
    """A raw record as bytes at once: a first pull has many. Decimals are written as numbers, digit by digit."""
    exact = {name: orjson.Fragment(plain(value)) for name, value in raw.items() if isinstance(value, Decimal)}
    return orjson.Fragment(to_json(raw | exact))


def _body(pulled: Pulled) -> dict[str, Any]:
    changes = {
        name: {"created": [], "updated": updated, "deleted": pulled.deleted[name]}
        for name, updated in pulled.updated.items()
    }
    strategy = {"experimentalStrategy": "replacement"} if pulled.replacement else {}
    return {"changes": changes, "timestamp": pulled.timestamp, **strategy}


def _empty(last: int | None) -> dict[str, Any]:
    """Nothing: the client stands where it stood (the library wants a number above 0)."""
    return _body(Pulled({name: [] for name in LAYOUTS}, {name: [] for name in LAYOUTS}, last or 1, replacement=False))
