"""Races made certain: what a registration meets when its twin was faster."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError

from devices.errors import DeviceAlreadyRegistered, EnrollmentCodeInvalid
from devices.models import Device, EnrollmentCode
from devices.services import enrollment
from devices.services.credentials import new_secret
from devices.services.enrollment import Wish, create_enrollment_code, register_device
from devices.services.operations import fingerprint
from devices.services.owned import change_owned, lock_owned, writable
from tests import factories

pytestmark = pytest.mark.django_db


def test_the_twin_took_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    wish = Wish(secret=new_secret())
    first = register_device(wish)
    real: Any = enrollment._register
    turns: list[int] = []

    def collide(seen: Wish) -> Any:
        turns.append(1)
        if len(turns) == 1:
            raise IntegrityError("UNIQUE constraint failed")
        return real(seen)

    monkeypatch.setattr(enrollment, "_register", collide)
    again = register_device(wish)
    assert (again.token, again.created, len(turns)) == (first.token, False, 2)
    assert Device.objects.count() == 1


def test_the_twin_took_the_last_use_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    _, code = create_enrollment_code(actor=factories.TESTER)
    wish = Wish(enrollment_code=code, secret=new_secret())
    first = register_device(wish)
    real: Any = enrollment._same_again
    looks: list[int] = []

    def late(seen: Wish, secret: str) -> Any:
        looks.append(1)
        return None if len(looks) == 1 else real(seen, secret)

    monkeypatch.setattr(enrollment, "_same_again", late)
    again = register_device(wish)
    assert (again.token, again.created, len(looks)) == (first.token, False, 2)
    assert EnrollmentCode.objects.get().used_count == 1


def test_a_stranger_stays_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    device = factories.make_device()
    with pytest.raises(DeviceAlreadyRegistered):
        register_device(Wish(device_id=device.uuid, secret=new_secret()))
    with pytest.raises(EnrollmentCodeInvalid):
        register_device(Wish(enrollment_code="0000", secret=new_secret()))
    assert Device.objects.count() == 1


def test_fingerprints_tell_parts_apart() -> None:
    assert fingerprint("POST", "/a", b"b") == fingerprint("POST", "/a", b"b")
    assert fingerprint("POST", "/ab", b"") != fingerprint("POST", "/a", b"b")


def test_a_field_outside_the_whitelist_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="device"):
        writable({"name": "x", "device": 1}, frozenset({"name"}))
    assert writable({"name": "x"}, frozenset({"name"})) == {"name": "x"}


def test_what_was_taken_after_an_unused_number_stays(device: Device) -> None:
    product = factories.make_product(device)
    current, revision = lock_owned(product)
    later = factories.make_product(device).revision
    change_owned(current, revision=revision, actor=factories.TESTER, changes={"name": product.name})
    assert factories.make_product(device).revision == later + 1
