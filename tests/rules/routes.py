"""Every /v1 route, and what the scoping matrix needs to know of each: one table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from devices.models import Device
from inventory.models import CountSheet
from tests import factories

Body = dict[str, Any]


@dataclass(frozen=True)
class Route:
    """One route: `name` as in urls.py, `key` = its basename (all routes of a viewset) or its name."""

    name: str
    key: str
    path: str  # /v1/products/{id}
    methods: tuple[str, ...]
    view: Any
    actions: dict[str, str] = field(default_factory=dict)

    @property
    def has_id(self) -> bool:
        return "{id}" in self.path

    def url(self, id: Any = "") -> str:
        return self.path.replace("{id}", str(id)).replace("{code}", "4006381333931") + QUERIES.get(self.name, "")


@dataclass(frozen=True)
class Rows:
    """How to make a row of a device, and bodies that are valid there.

    `new` is a create (None: cannot be created over HTTP, or only from a file), `change` a PATCH.
    """

    make: Callable[..., Any]
    new: Callable[[Device], Body] | None = None
    change: Body = field(default_factory=dict)


def _of_product(**values: Any) -> Callable[[Device], Body]:
    return lambda device: {"product_id": str(factories.make_product(device).uuid), **values}


def _on(row: Any) -> Body:
    return {f"{'sheet' if isinstance(row, CountSheet) else 'stocktake'}_id": str(row.uuid)}


def _seven(device: Device) -> Body:
    return _of_product(quantity="7")(device)


# Every viewset by its basename. A new resource: add its factory here, and the whole matrix runs over it.
ROWS: dict[str, Rows] = {
    "category": Rows(factories.make_category, lambda _: {"name": "Paint"}, {"name": "Taken over"}),
    "product": Rows(factories.make_product, lambda _: {"name": "Bolt"}, {"name": "Taken over"}),
    "barcode": Rows(factories.make_barcode, _of_product(value="4006381333931"), {"value": "taken-over"}),
    "location": Rows(factories.make_location, lambda _: {"name": "Aisle"}, {"name": "Taken over"}),
    "lot": Rows(factories.make_lot, _of_product(code="L1"), {"code": "taken-over"}),
    "stock-movement": Rows(factories.make_movement, _of_product(kind="receipt", quantity="2")),
    "stock-level": Rows(factories.make_level),
    "task": Rows(factories.make_task, lambda _: {"title": "Sweep"}, {"title": "Taken over"}),
    "label-template": Rows(
        factories.make_labeltemplate,
        lambda _: {"name": "Shelf", "width": "50", "height": "25"},
        {"name": "Taken over"},
    ),
    "stocktake": Rows(factories.make_draft, lambda _: {"name": "November"}, {"name": "Taken over"}),
    "sheet": Rows(factories.make_sheet, lambda device: _on(factories.make_stocktake(device)), {"name": "Taken over"}),
    "count-entry": Rows(factories.make_entry, lambda device: {**_on(factories.make_sheet(device)), **_seven(device)}),
    "scan-event": Rows(factories.make_scan_event),
    "stocktake-line": Rows(factories.make_line),
    "campaign": Rows(factories.make_campaign, lambda _: {"name": "Everywhere"}, {"name": "Taken over"}),
    "job": Rows(factories.make_job),
    "import": Rows(factories.make_import, change={"options": {"existing": "skip"}}),
    "webhook": Rows(
        factories.make_webhook, lambda _: {"url": "https://hooks.example/", "events": ["*"]}, {"description": "Taken"}
    ),
    "webhook-delivery": Rows(factories.make_delivery),
    "alert-rule": Rows(factories.make_rule, lambda _: {"kind": "below_minimum"}, {"name": "Taken over"}),
    "alert": Rows(factories.make_alert),
    "case": Rows(factories.make_case),
    "device": Rows(lambda device: device),
}
# field of a body → the factory of what it refers to. "parent_id" means a row of the same kind.
REFERENCES: dict[str, Callable[[Device], Any]] = {
    "product_id": factories.make_product,
    "category_id": factories.make_category,
    "location_id": factories.make_location,
    "from_location_id": factories.make_location,
    "to_location_id": factories.make_location,
    "lot_id": factories.make_lot,
    "stocktake_id": factories.make_stocktake,
    "sheet_id": factories.make_sheet,
}
# What people have and devices have not; their own tests are named here.
PEOPLES = {"campaign": "tests/inventory/api/test_campaigns.py"}
QUERIES = {"product-check-name": "?name=Bolt"}  # what a route cannot do without
# Routes without an id of a row in their path, by name, with the reason.
OPEN = {
    "auth-token": "one signs in here",
    "auth-refresh": "the refresh token in the body is the credential",
    "auth-logout": "likewise",
    "device-register": "open to anyone, guarded by secrets and codes",
}
OWN = {
    "auth-me": "the caller, a person",
    "alert-mail": "the caller, a person",
    "device-me": "the caller's device",
    "device-heartbeat": "the calling installation",
    "device-roll": "the calling installation",
    "device-revoke": "the calling installation",
    "export-list": "a job for the acting device; foreign rows are looked for by name",
    "upload-list": "a file for the acting device; foreign ones are tested by name",
    "labels": "the acting device's; foreign ids in parameters are tested by name",
    "reports": "the acting device's; foreign ids in parameters are tested by name",
    "catalog-list": "the catalogue is everybody's",
    "catalog-detail": "likewise",
    "scan": "a code; foreign codes are tested by name",
    "count-accuracy": "lines of the acting device; by device of a person's own",
    "last-counted": "levels of the acting device",
    "count-suggestions": "likewise",
    "sync-changes": "the acting device's feed; cursors of another device are tested by name",
    "sync-since": "likewise",
    "sync-push": "the acting device's queue; foreign ids in operations are tested by name",
    "sync-watermelon": "likewise",
}
IGNORE_DEVICE_HEADER = {
    "auth-me": "a person is the same in every device",
    "alert-mail": "likewise",
    "device-list": "all of one's own devices",
    "catalog-list": "the catalogue is everybody's",
    "catalog-detail": "likewise",
    "campaign": "a person's own, in no device",
}
HOW_TO_ADD = (
    "has no entry in tests/rules/routes.py: add the viewset's basename to ROWS with a factory "
    "(make(device) -> row), or a route without an id to OWN (or OPEN) with the reason"
)


def routes() -> list[Route]:
    """Every route under /v1 but the catch-all for unknown paths."""
    return [route for route in _walk(get_resolver().url_patterns, "/") if route.path.startswith("/v1/")]


def _walk(patterns: list[Any], prefix: str) -> Iterator[Route]:
    for pattern in patterns:
        path = prefix + _plain(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) and (view := _view(pattern)) is not None:
            actions = getattr(pattern.callback, "actions", None) or {}
            methods = actions or [name for name in view.http_method_names if hasattr(view, name)]
            key = getattr(pattern.callback, "initkwargs", {}).get("basename") or pattern.name
            verbs = tuple(verb.upper() for verb in methods if verb != "options")
            yield Route(str(pattern.name), str(key), path, verbs, view, dict(actions))


def _plain(pattern: str) -> str:
    """`^products/(?P<id>[^/.]+)$` or `scan/<path:code>` → `products/{id}`, `scan/{code}`."""
    text = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", pattern)
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", text).removeprefix("^").removesuffix("$").removesuffix("\\Z")


def _view(pattern: URLPattern) -> Any:
    return getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)
