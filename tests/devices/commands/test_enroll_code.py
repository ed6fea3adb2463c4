"""`manage.py enroll_code`: the printed code enrols a device; what it is for is kept."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from devices.models import Device, EnrollmentCode, User
from devices.services.enrollment import Wish, register_device
from tests import factories


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("enroll_code", *arguments, stdout=out)
    return out.getvalue()


def test_shows_the_code_its_qr_and_when_it_ends(db: None) -> None:
    printed = run("--label", "Back door", "--uses", "3")
    code = next(line.split()[1] for line in printed.splitlines() if line.startswith("Code"))
    row = EnrollmentCode.objects.get()
    assert row.hint == code[-4:]
    assert (row.label, row.max_uses, row.created_by) == ("Back door", 3, "enroll_code")
    assert f"{row.expires_at:%Y-%m-%dT%H:%M}" in printed
    assert "█" in printed


def test_the_code_joins_the_device_it_is_for(device: Device) -> None:
    answer = json.loads(run("--device", str(device.uuid), "--json", "--days", "1"))
    enrolled = register_device(Wish(enrollment_code=answer["code"]))
    assert enrolled.installation.device == device
    assert json.loads(answer["qr"])["code"] == answer["code"]


def test_new_devices_belong_to_the_owner(user: User) -> None:
    code = json.loads(run("--owner", user.username, "--json"))["code"]
    assert register_device(Wish(enrollment_code=code)).installation.device.owner == user


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device", "nope"], "not a device id"),
        (["--device", "01890000-0000-7000-8000-000000000000"], "no device"),
        (["--owner", "nobody"], "no user"),
        (["--uses", "0"], "--uses"),
        (["--days", "0"], "--days"),
    ],
)
def test_refuses_what_it_cannot_do_and_makes_nothing(db: None, arguments: list[str], message: str) -> None:
    factories.make_device()
    with pytest.raises(CommandError, match=message):
        run(*arguments)
    assert not EnrollmentCode.objects.exists()
