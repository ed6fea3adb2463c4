"""The API does what its OpenAPI file says: schemathesis sends what the file allows, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started  # noqa: TID251  # not ours: taken off for the test
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from devices.services.enrollment import Enrolled

pytestmark = pytest.mark.django_db
DESCRIPTION = schemathesis.openapi.from_path(Path(__file__).parents[3] / "docs" / "openapi.yaml")
DESCRIPTION.app = get_wsgi_application()
# Some rules are beyond JSON Schema (a secret's strength, parameters that exclude each other), and with a device
# token X-Device-ID is not read: a 4xx to what the file allows, and the other way round, is no mistake by itself.
STRICTER = [positive_data_acceptance, negative_data_rejection]
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


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_every_operation_keeps_its_word(operation: Any, mode: GenerationMode, enrolled: Enrolled) -> None:
    @settings(max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {enrolled.token}"}, excluded_checks=STRICTER)

    run()
