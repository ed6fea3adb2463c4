"""docs/openapi.yaml: what the code says, valid, without warnings, and complete."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from openapi_spec_validator import validate

from config.core.pagination import MAX_LIMIT
from tests.rules.routes import OPEN, routes
from tests.rules.sources import ROOT

FILE = ROOT / "docs" / "openapi.yaml"
MAKE = "run: python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml"
ROUTES = routes()


@cache
def document() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {(path, method): op for path, methods in document()["paths"].items() for method, op in methods.items()}


def header_names(operation: dict[str, Any]) -> set[str]:
    return {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "header"}


def test_the_file_is_what_the_code_generates(tmp_path: Path) -> None:
    made = tmp_path / "openapi.yaml"
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(made))
    assert made.read_text(encoding="utf-8") == FILE.read_text(encoding="utf-8"), MAKE


def test_the_file_is_valid() -> None:
    validate(document())


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_route_is_described(route: Any) -> None:
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path)
    assert {method.lower() for method in route.methods} - {"head"} <= set(document()["paths"][path])


def test_operation_ids_are_unique_and_everything_has_one_tag() -> None:
    times = Counter(operation["operationId"] for operation in operations().values())
    assert [name for name, count in times.items() if count > 1] == []
    assert [key for key, operation in operations().items() if len(operation["tags"]) != 1] == []


def test_ids_in_paths_are_uuids() -> None:
    wrong = [
        (key, parameter["name"])
        for key, operation in operations().items()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "path" and parameter["name"] == "id" and parameter["schema"].get("format") != "uuid"
    ]
    assert wrong == []


def test_all_but_the_open_routes_want_a_token() -> None:
    open_paths = {route.path for route in ROUTES if route.name in OPEN}
    for (path, method), operation in operations().items():
        wanted = [] if path in open_paths else [{"deviceToken": []}, {"accessToken": []}]
        assert [entry for entry in operation.get("security", []) if entry] == wanted, (path, method)
    assert {scheme["scheme"] for scheme in document()["components"]["securitySchemes"].values()} == {"bearer"}


def test_our_headers_are_described() -> None:
    described = {name: header_names(operation) for name, operation in operations().items()}
    assert {"X-Device-ID", "Idempotency-Key"} <= described["/v1/products", "post"]
    assert "If-Match" in described["/v1/products/{id}", "patch"] & described["/v1/products/{id}", "delete"]
    assert "If-Match" in described["/v1/products/{id}/restore", "post"] & described["/v1/devices/me", "patch"]
    assert "If-None-Match" in described["/v1/products", "get"] & described["/v1/products/{id}", "get"]
    assert described["/v1/auth/token", "post"] == set()
    assert "X-Device-ID" not in described["/v1/auth/me", "get"] | described["/v1/devices/me/heartbeat", "post"]


def test_a_create_takes_one_or_a_list() -> None:
    operation = operations()["/v1/products", "post"]
    one, many = operation["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
    assert (many["type"], many["items"], many["maxItems"]) == ("array", one, MAX_LIMIT)
    assert {"200", "201"} <= set(operation["responses"])


def test_every_refusal_is_a_problem() -> None:
    responses = document()["components"]["responses"]
    for key, operation in operations().items():
        for status, response in operation["responses"].items():
            if status >= "400":
                named = responses[response["$ref"].rpartition("/")[2]]
                assert list(named["content"]) == ["application/problem+json"], (key, status)


def test_whatever_is_created_leads_on() -> None:
    """Each create links to all that can be done with the row, and each delete to its restore."""
    found = operations()
    for (path, method), operation in found.items():
        below = {other["operationId"] for (place, _), other in found.items() if place.startswith(f"{path}/{{id}}")}
        if method == "post" and below and "201" in operation["responses"]:
            assert set(operation["responses"]["201"]["links"]) == below
        if method == "delete" and (f"{path}/restore", "post") in found:
            assert set(operation["responses"]["204"]["links"]) == {found[f"{path}/restore", "post"]["operationId"]}
