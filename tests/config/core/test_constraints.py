"""From what the database refuses to what people read."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DatabaseError, DataError, IntegrityError, InternalError, transaction
from django.db.models import F, Value
from django.http import Http404  # noqa: TID251  # what Django raises is given to our handler
from rest_framework import exceptions as drf

from config.core import constraints, errors, problems
from config.core.quantities import QuantityField
from devices.errors import EmailTaken
from devices.models import Device, User
from inventory.errors import ProductSkuTaken
from inventory.models import Product, StockLevel
from inventory.models.stock import LEVEL_LIMIT
from tests import factories


def refusal_of(write: Any) -> DatabaseError:
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        write()
    return refused.value


def test_a_violated_constraint_is_its_own_error(device: Device) -> None:
    first = factories.make_product(device, sku="A")
    second = factories.make_product(device)
    found = refusal_of(lambda: Product.objects.filter(pk=second.pk).update(sku="A"))
    assert constraints.error_for(found) is ProductSkuTaken
    assert isinstance(problems.as_app_error(found), ProductSkuTaken)
    factories.make_user(email="a@example.org")
    other = factories.make_user()
    found = refusal_of(lambda: User.objects.filter(pk=other.pk).update(email="A@Example.org"))
    assert constraints.error_for(found) is EmailTaken
    assert first.sku == "A"


def test_a_violated_check_is_its_own_error(device: Device) -> None:
    level = factories.make_level(device)
    limit = Value(LEVEL_LIMIT, output_field=QuantityField())
    found = refusal_of(lambda: StockLevel.objects.filter(pk=level.pk).update(quantity=F("quantity") + limit))
    assert constraints.error_for(found) is errors.QuantityOutOfRange


def test_a_constraint_without_a_code_is_our_mistake(device: Device) -> None:
    one, two = factories.make_product(device), factories.make_product(device)
    found = refusal_of(lambda: Product.objects.filter(pk=two.pk).update(uuid=one.uuid))
    assert constraints.error_for(found) is None
    assert problems.as_app_error(found).internal_code == "internal_error"


def test_every_code_is_one_classes() -> None:
    codes = [error.internal_code for error in constraints.every_error()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (drf.ParseError("x"), 400, "malformed_request"),
        (drf.NotAuthenticated(), 401, "not_authenticated"),
        (drf.AuthenticationFailed("secret reason"), 401, "not_authenticated"),
        (drf.PermissionDenied("secret reason"), 403, "forbidden"),
        (PermissionDenied("secret reason"), 403, "forbidden"),
        (Http404("secret reason"), 404, "not_found"),
        (drf.NotFound("secret reason"), 404, "not_found"),
        (drf.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (drf.NotAcceptable(), 406, "not_acceptable"),
        (drf.UnsupportedMediaType("x/y"), 415, "unsupported_media_type"),
        (drf.Throttled(wait=1.2), 429, "too_many_requests"),
        (drf.Throttled(), 429, "too_many_requests"),
        (SuspiciousOperation("secret reason"), 400, "malformed_request"),
        (BadRequest("secret reason"), 400, "malformed_request"),
        (DjangoValidationError("Too long."), 422, "validation_failed"),
        (DataError("secret reason"), 422, "validation_failed"),
        (InternalError("secret reason"), 500, "internal_error"),
        (KeyError("secret reason"), 500, "internal_error"),
    ],
)
def test_every_exception_has_its_problem(raised: Exception, status: int, code: str) -> None:
    error = problems.as_app_error(raised)
    assert (error.status, error.internal_code) == (status, code)
    assert "secret" not in error.detail
    headers = problems.headers(error)
    assert ("Retry-After" in headers) is (status == 429)
    assert ("WWW-Authenticate" in headers) is (status == 401)


def test_waiting_is_never_zero_nor_too_short() -> None:
    assert problems.as_app_error(drf.Throttled(wait=1.2)).headers["Retry-After"] == "2"
    assert problems.as_app_error(drf.Throttled(wait=0)).headers["Retry-After"] == "1"


def test_nested_details_become_paths() -> None:
    details = {
        "name": [{"message": "Too long.", "code": "max_length"}],
        "non_field_errors": [{"message": "No.", "code": "invalid"}],
        "rows": [{}, {"sku": [{"message": "Taken.", "code": "unique"}]}],
        "nothing": None,
    }
    assert list(problems.field_problems(details)) == [
        errors.FieldProblem("name", "max_length", "Too long."),
        errors.FieldProblem("body", "invalid", "No."),
        errors.FieldProblem("rows.1.sku", "unique", "Taken."),
    ]
