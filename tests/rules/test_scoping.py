"""The scoping matrix, made from the URL resolver: another's row and a missing one are the same to everybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from devices.models import Device, Event, Feed
from tests import factories
from tests.conftest import client_of, client_with
from tests.rules.routes import HOW_TO_ADD, IGNORE_DEVICE_HEADER, OPEN, OWN, PEOPLES, REFERENCES, ROWS, Route, routes

ROUTES = routes()
KNOWN = [route for route in ROUTES if route.key in ROWS]
DETAILS = [(route, method) for route in KNOWN if route.has_id for method in route.methods]
IN_DEVICES = [route for route in KNOWN if route.key not in PEOPLES]
LISTS = [route for route in IN_DEVICES if not route.has_id and route.actions.get("get") == "list"]
CHANGES = [route for route in IN_DEVICES if "partial_update" in route.actions.values()]
CREATES = [route for route in IN_DEVICES if "create" in route.actions.values() and ROWS[route.key].new]
GUARDED = [(route, method) for route in ROUTES if route.name not in OPEN for method in route.methods]


def name_of(value: Any) -> str:
    return value.name if isinstance(value, Route) else str(value)


@dataclass(frozen=True)
class Stranger:
    """Somebody with a device and an account of their own; `device` is what the requests act in."""

    device: Device
    client: APIClient


def by_token(victim: Device) -> Stranger:
    enrolled = factories.enrol()
    return Stranger(enrolled.installation.device, client_with(enrolled.token))


def by_account(victim: Device) -> Stranger:
    user, mine = factories.make_user(), factories.make_device()
    Device.objects.filter(pk=mine.pk).update(owner=user)
    return Stranger(mine, client_of(user, mine))


def by_other_device_of_the_owner(victim: Device) -> Stranger:
    stranger = by_account(victim)
    Device.objects.filter(pk=victim.pk).update(owner=Device.objects.get(pk=stranger.device.pk).owner)
    return stranger


def snapshot(*rows: Any) -> Any:
    """What a refused request may not change: these rows, every event and every feed."""
    kept = [type(row)._base_manager.filter(pk=row.pk).values().get() for row in rows]
    return kept, Event.objects.count(), sorted(Feed.objects.values_list("device_id", "head"))


def seen(response: Any) -> Any:
    """An answer without what differs between any two requests: the path, the request's id, the id asked for."""
    body = response.json()
    body.pop("instance")
    body.pop("request_id")
    headers = {key: value for key, value in response.headers.items() if key not in ("X-Request-ID", "Content-Length")}
    return response.status_code, body, headers


def victim_row(route: Route, device: Device) -> Any:
    """A row of `device` for this route; where the route restores, a deleted one."""
    row = ROWS[route.key].make(device)
    if route.actions.get("post") == "restore":
        route.view.delete_service(row, actor=factories.TESTER)
    return row


def body_for(route: Route, method: str, device: Device) -> Any:
    rows = ROWS[route.key]
    if method == "PUT" and rows.new:
        return rows.new(device)
    return rows.change if method == "PATCH" else None


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_every_route_has_an_entry(route: Route) -> None:
    assert route.key in ROWS or route.name in {**OPEN, **OWN}, f"{route.path} ({route.name}) {HOW_TO_ADD}"
    if route.has_id:
        assert route.key in ROWS, f"{route.path} names a row; it {HOW_TO_ADD}"


def test_no_entry_is_left_over() -> None:
    assert {*ROWS, *OPEN, *OWN, *IGNORE_DEVICE_HEADER} - {route.key for route in ROUTES} - {
        route.name for route in ROUTES
    } == set()


@pytest.mark.parametrize("who", [by_token, by_account, by_other_device_of_the_owner], ids=lambda who: who.__name__)
@pytest.mark.parametrize(("route", "method"), DETAILS, ids=name_of)
def test_a_foreign_row_is_a_missing_row(route: Route, method: str, who: Any, device: Device) -> None:
    if route.key in ("device", *PEOPLES) and who is by_other_device_of_the_owner:
        pytest.skip("one's own devices and campaigns are all one's own")
    row, stranger = victim_row(route, device), who(device)
    body = body_for(route, method, stranger.device)
    call = getattr(stranger.client, method.lower())
    before = snapshot(row)
    foreign, missing = call(route.url(row.uuid), body), call(route.url(uuid4()), body)
    assert seen(foreign) == seen(missing)
    assert (foreign.status_code, foreign.json()["internal_code"]) == (404, "not_found")
    assert snapshot(row) == before


@pytest.mark.parametrize(("route", "method"), GUARDED, ids=name_of)
def test_nobody_gets_in(route: Route, method: str, device: Device) -> None:
    row = victim_row(route, device) if route.has_id else device
    before = snapshot(row)
    for token, code in (("", "not_authenticated"), (f"{uuid4()}.{'x' * 43}", "token_invalid")):
        call = getattr(client_with(token), method.lower())
        refused, missing = call(route.url(row.uuid)), call(route.url(uuid4()))
        assert seen(refused) == seen(missing)
        assert (refused.status_code, refused.json()["internal_code"]) == (401, code)
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert snapshot(row) == before


@pytest.mark.parametrize(("route", "method"), GUARDED, ids=name_of)
def test_naming_a_foreign_device_is_naming_none(route: Route, method: str, device: Device) -> None:
    reason = IGNORE_DEVICE_HEADER.get(route.name) or IGNORE_DEVICE_HEADER.get(route.key)
    if reason:
        pytest.skip(reason)
    row, user = (victim_row(route, device) if route.has_id else device), factories.make_user()
    nowhere = Device(uuid=uuid4())
    rows = ROWS.get(route.key)
    body = rows.new(device) if method == "POST" and rows and rows.new and not route.has_id else None
    before = snapshot(row)
    url = route.url(row.uuid)
    foreign = getattr(client_of(user, device), method.lower())(url, body)
    missing = getattr(client_of(user, nowhere), method.lower())(url, body)
    assert seen(foreign) == seen(missing)
    assert foreign.status_code == 404
    assert snapshot(row) == before


@pytest.mark.parametrize("route", LISTS, ids=name_of)
def test_a_list_never_shows_a_foreign_row(route: Route, api: APIClient, device: Device, other: Device) -> None:
    own, foreign = ROWS[route.key].make(device), ROWS[route.key].make(other)
    shown = api.get(route.path, {"limit": 500})
    assert str(own.uuid) in {row["id"] for row in shown.json()["results"]}
    view = route.view
    queries = [{}, {"cursor": ""}, {"skip": 0}, {"search": str(foreign)}]
    queries += [{"ordering": f"{sign}{name}"} for name in view.ordering_fields for sign in ("", "-")]
    if "deleted" in getattr(view, "own_parameters", ()):
        queries.append({"deleted": "true"})
    for query in queries:
        response = api.get(route.path, {"limit": 500, **query})
        assert response.status_code == 200, (query, response.content)
        assert str(foreign.uuid) not in response.content.decode(), query


@pytest.mark.parametrize("route", LISTS, ids=name_of)
def test_a_filter_by_a_foreign_id_is_a_filter_by_a_missing_id(route: Route, api: APIClient, other: Device) -> None:
    filters = getattr(getattr(route.view, "filterset_class", None), "base_filters", {})
    names = [name for name, filter_ in filters.items() if hasattr(filter_, "target")]
    for name in names:
        make = REFERENCES.get(f"{name}_id", ROWS[route.key].make)
        foreign, missing = api.get(route.path, {name: make(other).uuid}), api.get(route.path, {name: uuid4()})
        assert seen(foreign) == seen(missing)
        assert (foreign.status_code, foreign.json()["internal_code"]) == (404, "reference_not_found")
    related = [name for name, filter_ in filters.items() if type(filter_).__name__.startswith("Model")]
    assert related == [], "filters over relations are ReferenceFilters: django-filter's own tell foreign from missing"


def references_of(route: Route) -> list[str]:
    fields = route.view.serializer_class().fields
    return [name for name, field in fields.items() if name.endswith("_id") and not field.read_only]


@pytest.mark.parametrize("route", CREATES, ids=name_of)
def test_a_body_may_not_refer_to_a_foreign_row(route: Route, api: APIClient, device: Device, other: Device) -> None:
    body = ROWS[route.key].new(device)
    for name in references_of(route):
        foreign_row = REFERENCES.get(name, ROWS[route.key].make)(other)
        before = snapshot(foreign_row)
        foreign = api.post(route.path, {**body, name: str(foreign_row.uuid)})
        missing = api.post(route.path, {**body, name: str(uuid4())})
        many = api.post(route.path, [{**body, name: str(foreign_row.uuid)}])
        assert seen(foreign) == seen(missing)
        assert (foreign.status_code, foreign.json()["internal_code"]) == (404, "reference_not_found")
        assert many.json()["results"][0]["problem"]["internal_code"] == "reference_not_found"
        assert snapshot(foreign_row) == before


@pytest.mark.parametrize(
    "route", [route for route in IN_DEVICES if "partial_update" in route.actions.values()], ids=name_of
)
def test_a_change_may_not_refer_to_a_foreign_row(route: Route, api: APIClient, device: Device, other: Device) -> None:
    row = ROWS[route.key].make(device)
    for name in references_of(route):
        foreign_row = REFERENCES.get(name, ROWS[route.key].make)(other)
        for method in (api.patch, api.put):
            full = ROWS[route.key].new(device) if method == api.put else {}
            before = snapshot(row, foreign_row)
            foreign = method(route.url(row.uuid), {**full, name: str(foreign_row.uuid)})
            missing = method(route.url(row.uuid), {**full, name: str(uuid4())})
            assert seen(foreign) == seen(missing)
            assert (foreign.status_code, foreign.json()["internal_code"]) == (404, "reference_not_found")
            assert snapshot(row, foreign_row) == before


@pytest.mark.parametrize("route", CREATES, ids=name_of)
def test_an_id_of_another_device_is_free_here(route: Route, api: APIClient, device: Device, other: Device) -> None:
    foreign = ROWS[route.key].make(other)
    before = type(foreign).all_objects.filter(pk=foreign.pk).values().get()
    created = api.post(route.path, {**ROWS[route.key].new(device), "id": str(foreign.uuid)})
    assert (created.status_code, created.json()["id"]) == (201, str(foreign.uuid))
    assert created.json()["device"] == str(device.uuid)
    assert type(foreign).all_objects.filter(pk=foreign.pk).values().get() == before


def test_a_foreign_code_is_an_unknown_code(api: APIClient, device: Device, other: Device) -> None:
    foreign = factories.make_barcode(other, value="4006381333931")
    known, unknown = api.get("/v1/scan/4006381333931").json(), api.get("/v1/scan/4006381333948").json()
    for answer in (known, unknown):
        assert answer.pop("case_id") is not None
        answer.pop("code")
    assert known == unknown
    assert known["match"] == "unknown"
    assert str(foreign.product.uuid) not in str(known)


def test_a_foreign_name_is_free(api: APIClient, other: Device) -> None:
    factories.make_product(other, name="Secret sauce")
    answer = api.get("/v1/products/check-name", {"name": "secret sauce"}).json()
    assert (answer["exists"], answer["product_ids"]) == (False, [])
