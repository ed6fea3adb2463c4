"""`manage.py device`: what it shows and what it changes."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from devices.models import Device, Event, User
from devices.services.standing import update_device
from tests import factories


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("device", *arguments, stdout=out)
    return out.getvalue()


def test_lists_nothing_with_a_hint(db: None) -> None:
    assert "enroll_code" in run("list")


def test_lists_every_device(device: Device, other: Device, user: User) -> None:
    update_device(device=device, actor=factories.TESTER, owner=user)
    printed = run("list")
    assert str(device.uuid) in printed
    assert "Scanner" in printed
    assert str(other.uuid) in printed
    rows = {row["id"]: row for row in json.loads(run("list", "--json"))}
    assert rows[str(device.uuid)]["owner"] == "ada"
    assert rows[str(other.uuid)]["installation_count"] == 1


def test_shows_one_with_its_installations(device: Device) -> None:
    installation = device.installations.get()
    assert str(installation.uuid) in run("show", str(device.uuid))
    shown = json.loads(run("show", str(device.uuid), "--json"))
    assert shown["standing"] == "active"
    assert [app["id"] for app in shown["installations"]] == [str(installation.uuid)]


def test_names_are_text_not_markup(db: None) -> None:
    device = factories.make_device(name="[red]Till[/] [1]")
    assert "[red]Till[/] [1]" in run("list")
    assert "[red]Till[/] [1]" in run("show", str(device.uuid))


def test_suspends_resumes_drains_and_revokes(device: Device, api: APIClient) -> None:
    for action, standing, status in [
        ("suspend", "suspended", 403),
        ("resume", "active", 200),
        ("drain", "draining", 403),
        ("revoke", "revoked", 403),
    ]:
        assert standing in run(action, str(device.uuid))
        assert api.get("/v1/products").status_code == status
    event = Event.objects.for_device(device).order_by("-revision").first()
    assert (event.actor_kind, event.actor_name, event.action) == ("system", "device", "standing_revoked")


def test_an_impossible_step_is_refused_and_changes_nothing(device: Device) -> None:
    run("revoke", str(device.uuid))
    head = Device.objects.get(pk=device.pk).revision
    with pytest.raises(CommandError, match="no way to active"):
        run("resume", str(device.uuid))
    after = Device.objects.get(pk=device.pk)
    assert (after.standing, after.revision) == ("revoked", head)


@pytest.mark.parametrize("wrong", ["nope", "0b9e2f5a-7c1d-4e83-9a64-2f1c8d7e6b50"])
def test_unknown_ids_are_told_kindly(db: None, wrong: str) -> None:
    with pytest.raises(CommandError, match="device list"):
        run("show", wrong)
