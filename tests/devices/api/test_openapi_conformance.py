"""The API does what its OpenAPI file says: schemathesis sends what the file allows, and what it does not.

With a device token X-Device-ID is not read: it is taken out of the file first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from django.core.signals import request_finished, request_started  # noqa: TID251  # not ours: taken off for the test
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
)

from devices.services.enrollment import Enrolled

pytestmark = pytest.mark.django_db
FILE = Path(__file__).parents[3] / "docs" / "openapi.yaml"
# Refusals of what the file allows: operation, internal_code, field and code, the rule that JSON Schema cannot express.
EXPLAINED: tuple[tuple[str, str, str, str], ...] = (
    (".*", "bad_text", "", "NUL and lone surrogates are refused in any text; a pattern on each would hide its own"),
    ("GET .*", "bad_page", "", "cursors are opaque, and exclude offset and skip"),
    ("GET .*", "unknown_ordering", "", "a field may be named once"),
    (
        "GET .*",
        "invalid_filter",
        r"(quantity|variance)\w* .*",
        "a number in a URL is written in plain digits",
    ),
    ("GET .*/check-name", "invalid_filter", ".*", "a name of 1 to 300 characters"),
    ("GET .*/stock", "invalid_filter", ".*", "`at` is a time or a revision"),
    ("POST .*", "idempotency_key_reused", "", "one key, one request"),
    ("GET /v1/catalog", "invalid_filter", ".*", "a GTIN has 8, 12, 13 or 14 digits"),
    (".*", "revision_mismatch", "", "If-Match names the row's own revision"),
    ("GET /v1/sync/.*", "sync_resync_required", "", "a cursor is of this feed and its epoch"),
    ("POST .*/register", "enrollment_code_invalid", "", "whether a code is good is the server's to know"),
    ("POST .*/(register|roll)", "secret_too_weak", "", "a secret is random, not merely long"),
    (".* /v1/webhooks.*", "outbound_refused", "url .*", "the server calls public addresses only"),
    ("POST /v1/stock-movements.*", "movement_sides", ".*", "which locations a movement names depends on its kind"),
    (".*/watermelon", "malformed_json", "", "a body is JSON whatever its content type; `migration` is JSON in a URL"),
    (".*/watermelon", "validation_failed", ".*", "tables by name, each an object of lists (docs/watermelon.md)"),
    ("POST .*/push", "validation_failed", r"ops\.\d+.*", "what an operation holds depends on its table and verb"),
    ("POST /v1/alert-rules", "alert_rule_invalid", ".* invalid", "what a rule needs and takes depends on its kind"),
    ("POST /v1/count-entries", "count_of_nothing", "", "mode `empty` goes without a product, every other with one"),
    ("POST /v1/label-templates", "label_sheet", "", "columns and rows with margins and gaps are no more than the page"),
    (
        "POST /v1/exports",
        "job_parameters",
        r"filters\..* (unknown_table|invalid_filter)",
        "tables by name that are exported, each with the filters of its own columns",
    ),
    ("POST /v1/labels", "no_labels", "", "whether there is anything to print is the server's to know"),
    (
        "POST /v1/labels",
        "job_parameters",
        "(category_id|location_id|product_id|skip) invalid",
        "which filter narrows depends on `what`, how many places there are on the template",
    ),
    ("POST /v1/reports", "job_parameters", r"\w+ unknown_field", "what a report can be asked for depends on `report`"),
    ("POST /v1/reports", "job_parameters", "revision invalid", "a time or a revision, one of the two"),
    ("POST /v1/reports", "job_parameters", "period invalid", "a period by its name or by its days, one of the two"),
    (
        "(POST|PUT|PATCH) .*",
        "validation_failed",
        "attributes (max_value|max_depth)",
        "whole numbers of 64 bits and levels, however deep: a schema for each level",
    ),
    (".*", "validation_failed", r".* blank", "a required text is more than spaces"),
    ("(PUT|PATCH) .*", "validation_failed", r".* read_only_field", "what is fixed may be repeated, not changed"),
    (
        ".*",
        "validation_failed",
        r"(.*\.)?(quantity|reorder_level|unit_cost) .*",
        "decimals as text: a format",
    ),
    (".* /v1/alert-rules.*", "validation_failed", "(threshold|margin) .*", "likewise"),
    (
        ".* /v1/label-templates.*",
        "validation_failed",
        "((page_)?(width|height)|margin_(left|top)|gap_[xy]) .*",
        "likewise, and more than so many millimetres",
    ),
)


def _description() -> Any:
    raw = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    for methods in raw["paths"].values():
        for operation in methods.values():
            named = [parameter for parameter in operation.get("parameters", ()) if parameter["name"] != "X-Device-ID"]
            operation["parameters"] = named
    return schemathesis.openapi.from_dict(raw)


# What the file says in words beside a format: years that every zone can show, at most 6 decimals.
TIMES = st.dates(date(1900, 1, 1), date(8999, 12, 31)).map("{}T08:30:00Z".format)
schemathesis.openapi.format("date-time", TIMES)
schemathesis.openapi.format("decimal", st.integers(1, 10**12).map(lambda micro: f"{micro // 10**6}.{micro % 10**6:06}"))
CHAINS = settings(
    max_examples=10,
    stateful_step_count=10,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
DESCRIPTION = _description()
DESCRIPTION.app = get_wsgi_application()
OPERATIONS = [result.ok() for result in DESCRIPTION.get_all_operations()]


@pytest.fixture(autouse=True)
def _one_connection(settings: Any) -> Iterator[None]:
    """A real WSGI application closes old connections between requests; here that would be the test's own."""
    settings.REST_FRAMEWORK = {
        **settings.REST_FRAMEWORK,
        "DEFAULT_THROTTLE_RATES": dict.fromkeys(settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "100000/min"),
    }
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def unasked(case: Any, response: Any) -> list[Any]:
    """The checks that would ask more than the file promises."""
    found = []
    label, status = case.operation.label, response.status_code
    if 400 <= status < 500 and all(_is_explained(label, *said) for said in _said(response.json())):
        found.append(positive_data_acceptance)
    if "fields" in (case.query or {}):  # what was not asked for is not there
        found.append(response_schema_conformance)
    wrong = {where for where, component in case.meta.components.items() if component.mode.is_negative}
    rows_are_judged_one_by_one = isinstance(case.body, list)
    the_token_is_always_right = wrong <= {ParameterLocation.HEADER}
    nothing_was_sent = any(value in ({}, [], None) for value in (case.query or {}).values())  # `?a=` is left out then
    if rows_are_judged_one_by_one or the_token_is_always_right or nothing_was_sent:
        found.append(negative_data_rejection)
    return found


def _said(problem: dict[str, Any]) -> list[tuple[str, str]]:
    code = problem["internal_code"]
    return [(code, f"{error['field']} {error['code']}") for error in problem["errors"]] or [(code, "")]


def _is_explained(label: str, code: str, field: str) -> bool:
    return any(
        code == known and re.fullmatch(operation, label) and re.fullmatch(pattern, field, re.DOTALL)
        for operation, known, pattern, _ in EXPLAINED
    )


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_every_operation_keeps_its_word(operation: Any, mode: GenerationMode, enrolled: Enrolled) -> None:
    headers = {"Authorization": f"Bearer {enrolled.token}"}

    @settings(
        max_examples=4,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        response = case.call(headers=headers)
        case.validate_response(response, excluded_checks=unasked(case, response), headers=headers)

    run()


@pytest.mark.parametrize("thing", ["categories", "locations", "products", "tasks"])
def test_chains_of_requests_keep_their_word(enrolled: Enrolled, thing: str) -> None:
    """What was created is read, changed, deleted and restored, along the links of the file."""
    headers = {"Authorization": f"Bearer {enrolled.token}"}
    followed: list[str] = []

    class Client(DESCRIPTION.include(path_regex=f"^/v1/{thing}").as_state_machine()):  # type: ignore[misc]  # made from the file
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": headers}

        def validate_response(self, response: Any, case: Any, **kwargs: Any) -> None:
            if "{id}" in case.operation.path and response.status_code < 300:
                followed.append(case.operation.label)
            case.validate_response(response, excluded_checks=unasked(case, response), headers=headers)

    run_state_machine_as_test(Client, settings=CHAINS)
    assert len(set(followed)) >= 2, "links lead to rows that are there"
