"""Enrollment codes over HTTP: who they let in, how often, and how long."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction
from pytest_django import Settings
from rest_framework.test import APIClient

from devices.models import Device, EnrollmentCode, Event, Installation, ServerEvent, Standing, User
from devices.services.credentials import new_secret
from devices.services.enrollment import create_enrollment_code, qr_text, revoke_enrollment_code
from devices.services.standing import set_standing
from tests import factories
from tests.conftest import client_of, client_with

pytestmark = pytest.mark.django_db


def register(status: int, **wish: Any) -> dict[str, Any]:
    answer = APIClient().post("/v1/devices/register", wish)
    assert answer.status_code == status, answer.json()
    return answer.json()  # type: ignore[no-any-return]


def make_code(**wish: Any) -> str:
    return create_enrollment_code(actor=factories.TESTER, **wish)[1]


def used() -> list[int]:
    return list(EnrollmentCode.objects.order_by("id").values_list("used_count", flat=True))


def test_a_code_makes_a_device_for_its_owner(user: User) -> None:
    code = make_code(owner=user, label="For Ada")
    answer = register(201, enrollment_code=code, device_id=str(uuid4()))
    mine = client_of(user).get("/v1/devices").json()["results"]
    assert [row["id"] for row in mine] == [answer["device_id"]]
    assert used() == [1]
    assert str(EnrollmentCode.objects.get()) == f"For Ada …{code[-4:]}"


def test_a_code_works_once_by_default() -> None:
    code = make_code()
    register(201, enrollment_code=code)
    before = Device.objects.count()
    assert register(422, enrollment_code=code)["internal_code"] == "enrollment_code_invalid"
    assert (Device.objects.count(), used()) == (before, [1])


def test_a_code_for_a_device_lets_a_second_handset_join(device: Device) -> None:
    code = make_code(device=device, max_uses=2)
    answer = register(201, enrollment_code=code, name="Second")
    assert answer["device_id"] == str(device.uuid)
    named = register(201, enrollment_code=code, device_id=str(device.uuid), installation_id=str(uuid4()))
    assert named["device_id"] == str(device.uuid)
    assert device.installations.count() == 3
    assert used() == [2]
    head = Event.objects.about(device)[0]
    assert (head.action, head.changes) == ("installation_added", {"installation": [None, named["installation_id"]]})
    for one in (answer, named):
        assert client_with(one["device_token"]).get("/v1/devices/me").json()["id"] == str(device.uuid)


def test_a_code_for_a_device_is_for_no_other(device: Device, other: Device) -> None:
    code = make_code(device=device)
    assert register(409, enrollment_code=code, device_id=str(other.uuid))["internal_code"] == (
        "device_already_registered"
    )
    assert register(422, enrollment_code=code, device_id=str(uuid4()))["internal_code"] == "enrollment_code_invalid"
    assert used() == [0]


def test_a_generic_code_joins_no_existing_device(device: Device) -> None:
    code = make_code()
    assert register(409, enrollment_code=code, device_id=str(device.uuid))["internal_code"] == (
        "device_already_registered"
    )
    assert used() == [0]
    assert device.installations.count() == 1


def test_expired_revoked_and_wrong_codes_are_told_apart_by_nobody(device: Device) -> None:
    expired = make_code(valid_for=timedelta(seconds=-1))
    row, revoked = create_enrollment_code(actor=factories.TESTER)
    revoke_enrollment_code(row, actor=factories.TESTER)
    bodies = [register(422, enrollment_code=code) for code in (expired, revoked, "0000-0000-0000-0000", "x")]
    for body in bodies:
        body.pop("request_id")
    assert all(body == bodies[0] for body in bodies)
    assert bodies[0]["internal_code"] == "enrollment_code_invalid"
    assert used() == [0, 0]
    assert Device.objects.count() == 1


def test_a_code_may_be_typed_as_people_type() -> None:
    code = make_code()
    typed = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    register(201, enrollment_code=typed)
    assert used() == [1]


def test_a_lost_answer_spends_no_second_use(device: Device) -> None:
    wish = {"enrollment_code": make_code(), "secret": new_secret()}
    first, again = register(201, **wish), register(200, **wish)
    assert again["device_token"] == first["device_token"]
    wish = {"enrollment_code": make_code(device=device), "secret": new_secret()}
    first, again = register(201, **wish), register(200, **wish)
    assert again["device_token"] == first["device_token"]
    assert used() == [1, 1]


def test_a_refused_registration_spends_no_use(device: Device) -> None:
    taken = new_secret()
    register(201, secret=taken)
    code = make_code(device=device)
    installation = device.installations.get()
    wish = {"enrollment_code": code, "installation_id": str(installation.uuid)}
    assert register(409, **wish)["internal_code"] == "installation_already_registered"
    assert register(409, enrollment_code=code, secret=taken, installation_id=str(uuid4()))["internal_code"] == (
        "secret_already_used"
    )
    assert used() == [0]
    assert Installation.objects.filter(device=device).count() == 1


@pytest.mark.parametrize(
    ("standing", "code"),
    [
        (Standing.SUSPENDED, "device_suspended"),
        (Standing.DRAINING, "device_revoked"),
        (Standing.REVOKED, "device_revoked"),
    ],
)
def test_nobody_joins_a_device_that_is_out_of_service(device: Device, standing: Standing, code: str) -> None:
    enrollment = make_code(device=device)
    set_standing(device=device, actor=factories.TESTER, standing=standing)
    assert register(403, enrollment_code=enrollment)["internal_code"] == code
    assert used() == [0]
    assert device.installations.count() == 1


def test_by_policy_a_code_is_required(settings: Settings, device: Device) -> None:
    settings.ENROLLMENT = "code"
    for wish in ({}, {"device_id": str(uuid4())}, {"enrollment_code": ""}):
        assert register(403, **wish)["internal_code"] == "enrollment_code_required"
    assert Device.objects.count() == 1
    wish = {"enrollment_code": make_code(), "secret": new_secret()}
    first = register(201, **wish)
    assert register(200, secret=wish["secret"])["device_token"] == first["device_token"]


def test_only_the_hash_of_a_code_is_stored() -> None:
    code = make_code()
    row = EnrollmentCode.objects.get()
    kept = " ".join(str(value) for value in vars(row).values())
    assert code not in kept
    assert code.replace("-", "") not in kept
    assert row.hint == code[-4:]
    assert row.created_by == "tests"


def test_a_qr_holds_what_an_app_needs(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://stock.example"
    assert json.loads(qr_text("ABCD-EFGH")) == {"v": 1, "url": "https://stock.example", "code": "ABCD-EFGH"}


def test_making_and_revoking_a_code_is_recorded(device: Device) -> None:
    row, code = create_enrollment_code(actor=factories.TESTER, device=device, label="Till", max_uses=2)
    for _ in range(2):  # the second one finds nothing to do
        revoke_enrollment_code(row, actor=factories.TESTER)
    revoked, created = ServerEvent.objects.about(row)
    assert (created.action, revoked.action) == ("created", "revoked")
    assert {created.actor_id, revoked.actor_id} == {"tests"}
    assert created.changes["device"] == [None, str(device.uuid)]
    assert set(created.changes) == {"label", "device", "max_uses", "expires_at"}
    told = str((created.changes, created.object_name, revoked.changes))
    assert code not in told
    assert row.code_hash not in told


def test_server_events_cannot_be_changed_also_not_by_sql() -> None:
    row, _ = create_enrollment_code(actor=factories.TESTER)
    event = ServerEvent.objects.about(row).get()
    for change in (ServerEvent.objects.filter(pk=event.pk).delete, lambda: ServerEvent.objects.update(action="x")):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()
    assert ServerEvent.objects.about(row).get().action == "created"
