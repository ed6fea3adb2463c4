"""Registrations of one id at the same moment: one device, and every token that was answered works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from devices.models import Device, EnrollmentCode, Installation
from devices.services.credentials import new_secret
from devices.services.enrollment import create_enrollment_code
from inventory.models import Location
from tests import factories
from tests.conftest import client_with
from tests.factories.threads import together

MANY = 8
pytestmark = pytest.mark.django_db(transaction=True)


def calls(wishes: list[dict[str, Any]]) -> list[Callable[[], tuple[int, dict[str, Any]]]]:
    def post(wish: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        answer = APIClient(raise_request_exception=False).post("/v1/devices/register", wish)
        return answer.status_code, answer.json()

    return [lambda wish=wish: post(wish) for wish in wishes]  # type: ignore[misc]  # bound by the default


def register_together(wishes: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    answers = together(calls(wishes))
    assert all(isinstance(answer, tuple) for answer in answers), answers
    for status, body in answers:  # type: ignore[misc]  # no exceptions, as just asserted
        if status < 300:
            assert client_with(body["device_token"]).get("/v1/devices/me").status_code == 200
    return answers  # type: ignore[return-value]


def test_different_secrets_one_wins() -> None:
    chosen = str(uuid4())
    answers = register_together([{"device_id": chosen, "secret": new_secret()} for _ in range(MANY)])
    assert sorted(status for status, _ in answers) == [201] + [409] * (MANY - 1)
    assert {body["internal_code"] for status, body in answers if status == 409} == {"device_already_registered"}
    assert Device.objects.count() == Installation.objects.count() == 1
    assert Location.objects.filter(is_default=True).count() == 1


@pytest.mark.parametrize("named", [("device_id",), (), ("device_id", "installation_id")])
def test_one_secret_all_get_the_same_answer(named: tuple[str, ...]) -> None:
    wish = {"secret": new_secret(), **{name: str(uuid4()) for name in named}}
    answers = register_together([wish] * MANY)
    assert sorted(status for status, _ in answers) == [200] * (MANY - 1) + [201]
    assert len({(body["device_id"], body["installation_id"], body["device_token"]) for _, body in answers}) == 1
    assert Device.objects.count() == Installation.objects.count() == Location.objects.count() == 1


def test_ids_alone_one_wins() -> None:
    answers = register_together([{"device_id": str(uuid4())}] * MANY)
    assert sorted(status for status, _ in answers) == [201] + [409] * (MANY - 1)


def test_a_code_for_three_enrols_three() -> None:
    row, code = create_enrollment_code(actor=factories.TESTER, max_uses=3)
    answers = register_together([{"enrollment_code": code} for _ in range(MANY)])
    assert sorted(status for status, _ in answers) == [201] * 3 + [422] * (MANY - 3)
    assert {body["internal_code"] for status, body in answers if status == 422} == {"enrollment_code_invalid"}
    assert EnrollmentCode.objects.get(pk=row.pk).used_count == Device.objects.count() == 3


@pytest.mark.parametrize("joining", [False, True])
def test_a_request_that_is_sent_twice_at_once_spends_one_use(joining: bool) -> None:
    device = factories.make_device() if joining else None
    row, code = create_enrollment_code(actor=factories.TESTER, device=device)
    answers = register_together([{"enrollment_code": code, "secret": new_secret()}] * MANY)
    assert sorted(status for status, _ in answers) == [200] * (MANY - 1) + [201]
    assert len({body["device_token"] for _, body in answers}) == 1
    assert EnrollmentCode.objects.get(pk=row.pk).used_count == 1
    assert Device.objects.count() == 1
