"""Devices, installations, enrollment codes, people and events in the admin."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from devices.models import Device, EnrollmentCode, Event, Installation, Presence, Standing, User
from devices.services.enrollment import Enrolled, create_enrollment_code
from tests import factories
from tests.conftest import client_with


def address(model: type[Any], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def do(boss: Client, row: Any, name: str, **answers: str) -> Any:
    return boss.post(address(type(row), "do", row.pk, name), {"confirmed": "yes", **answers}, follow=True)


def form_of(boss: Client, device: Device, **changed: Any) -> dict[str, Any]:
    context = boss.get(address(Device, "change", device.pk)).context
    management = context["inline_admin_formsets"][0].formset.management_form
    return {
        "name": device.name,
        "platform": device.platform,
        "owner": device.owner_id or "",
        "opened_revision": context["opened_revision"],
        **{field.html_name: field.value() for field in management},
        **changed,
    }


def listed(boss: Client, model: type[Any], **query: str) -> set[Any]:
    return set(boss.get(address(model, "changelist"), query).context["cl"].result_list)


# --- devices ---
def test_a_device_is_renamed_and_given_an_owner(boss: Client, staff: User, device: Device, user: User) -> None:
    sent = form_of(boss, device, name="Till 1", owner=user.pk)
    assert boss.post(address(Device, "change", device.pk), sent).status_code == 302
    current = Device.objects.get(pk=device.pk)
    assert (current.name, current.owner) == ("Till 1", user)
    event = Event.objects.about(current)[0]
    assert (event.action, event.actor_kind, event.actor_id) == ("updated", "staff", str(staff.uuid))
    assert boss.post(address(Device, "change", device.pk), form_of(boss, current, owner="")).status_code == 302
    assert Device.objects.get(pk=device.pk).owner is None


def test_a_stale_device_form_is_refused(boss: Client, device: Device) -> None:
    opened = form_of(boss, device, name="Mine")
    boss.post(address(Device, "change", device.pk), form_of(boss, device, name="Theirs"))
    response = boss.post(address(Device, "change", device.pk), opened)
    assert "name: Scanner → Theirs" in response.content.decode()
    assert Device.objects.get(pk=device.pk).name == "Theirs"


def test_nobody_adds_or_deletes_a_device(boss: Client, device: Device) -> None:
    assert boss.get(address(Device, "add")).status_code == 403
    assert boss.post(address(Device, "delete", device.pk), {"post": "yes"}).status_code == 403
    many = {"action": "delete_selected", "_selected_action": [device.pk], "confirmed": "yes"}
    boss.post(address(Device, "changelist"), many)
    assert Device.objects.filter(pk=device.pk).exists()


def test_suspend_and_resume_reach_the_device(boss: Client, staff: User, enrolled: Enrolled) -> None:
    device, api = enrolled.installation.device, client_with(enrolled.token)
    do(boss, device, "suspend")
    assert api.get("/v1/devices/me").json()["internal_code"] == "device_suspended"
    event = Event.objects.about(device)[0]
    assert (event.action, event.actor_kind, event.actor_id) == ("standing_suspended", "staff", str(staff.uuid))
    do(boss, device, "resume")
    assert api.get("/v1/devices/me").status_code == 200


def test_a_step_that_does_not_exist_is_refused_in_words(boss: Client, device: Device) -> None:
    do(boss, device, "revoke")
    revision = Device.objects.get(pk=device.pk).revision
    page = do(boss, device, "resume").content.decode()
    assert "This change of state is not possible" in page
    current = Device.objects.get(pk=device.pk)
    assert (current.standing, current.revision) == (Standing.REVOKED, revision)


def test_only_buttons_that_fit_are_shown(boss: Client, device: Device) -> None:
    page = boss.get(address(Device, "change", device.pk)).content.decode()
    shown = {
        name for name in ("suspend", "resume", "drain", "revoke") if address(Device, "do", device.pk, name) in page
    }
    assert shown == {"suspend", "drain", "revoke"}


def test_asking_alone_changes_nothing(boss: Client, device: Device) -> None:
    boss.get(address(Device, "do", device.pk, "revoke"))
    boss.post(address(Device, "do", device.pk, "revoke"))
    assert Device.objects.get(pk=device.pk).standing == Standing.ACTIVE


def test_many_devices_are_suspended_at_once(boss: Client, device: Device, other: Device) -> None:
    many = {"action": "suspend", "_selected_action": [device.pk, other.pk], "confirmed": "yes"}
    assert "done for 2 devices" in boss.post(address(Device, "changelist"), many, follow=True).content.decode()
    assert set(Device.objects.values_list("standing", flat=True)) == {Standing.SUSPENDED}


def test_device_list_tells_who_is_silent_and_who_has_a_queue(boss: Client, device: Device, other: Device) -> None:
    long_ago = timezone.now() - timedelta(days=3)
    Presence.objects.filter(installation__device=other).update(last_seen_at=long_ago, queue_depth=7, app_version="2.0")
    assert listed(boss, Device, seen="silent") == {other}
    assert listed(boss, Device, seen="lately") == {device}
    assert listed(boss, Device, seen="queue") == {other}
    assert listed(boss, Device) == {device, other}
    page = boss.get(address(Device, "changelist")).content.decode()
    assert "3\xa0days ago" in page
    assert ">7<" in page
    assert "2.0" in page


def test_device_page_links_to_what_it_holds(boss: Client, device: Device, other: Device) -> None:
    factories.make_product(device)
    factories.make_product(other)
    page = boss.get(address(Device, "change", device.pk)).content.decode()
    link = re.search(r'href="(/admin/inventory/product/\?[^"]*)"[^>]*>1 product<', page)
    assert link is not None
    products = boss.get(link[1].replace("&amp;", "&")).context["cl"].result_list
    assert {product.device for product in products} == {device}


# --- installations ---
def test_an_installation_is_revoked_alone(boss: Client, enrolled: Enrolled) -> None:
    installation = enrolled.installation
    do(boss, installation, "revoke")
    assert Installation.objects.get(pk=installation.pk).standing == Standing.REVOKED
    assert Device.objects.get(pk=installation.device_id).standing == Standing.ACTIVE
    history = boss.get(address(Installation, "history", installation.pk)).context["entries"]
    assert [entry.action for entry in history] == ["standing revoked", "installation added"]


def test_an_installation_cannot_be_edited(boss: Client, enrolled: Enrolled) -> None:
    row = enrolled.installation
    assert boss.post(address(Installation, "change", row.pk), {"name": "x"}).status_code == 403
    page = boss.get(address(Installation, "change", row.pk)).content.decode()
    assert row.secret_hash not in page
    assert row.secret_hash.partition(":")[2] not in page


# --- enrollment codes ---
def test_a_code_is_shown_once_and_enrols(boss: Client, staff: User, user: User) -> None:
    sent = {"label": "Tills", "max_uses": "2", "valid_days": "1", "owner": user.pk}
    page = boss.post(address(EnrollmentCode, "add"), sent)
    assert page.status_code == 200
    assert "no-store" in page.headers["Cache-Control"]
    found = re.search(r'id="enrollment-code-text">([0-9A-Z-]{19})<', page.content.decode())
    assert found is not None
    code = found[1]
    assert "<svg" in page.content.decode()
    row = EnrollmentCode.objects.get()
    assert (row.label, row.max_uses, row.owner, row.created_by) == ("Tills", 2, user, str(staff))
    assert timedelta(hours=23) < row.expires_at - timezone.now() < timedelta(hours=25)
    for again in (address(EnrollmentCode, "change", row.pk), address(EnrollmentCode, "changelist")):
        text = boss.get(again).content.decode()
        assert code not in text
        assert row.code_hash not in text
        assert f"…{code[-4:]}" in text
    answer = client_with().post("/v1/devices/register", {"enrollment_code": code})
    assert answer.status_code == 201
    assert Device.objects.get(uuid=answer.json()["device_id"]).owner == user


@pytest.mark.parametrize("wrong", [{"max_uses": "0"}, {"max_uses": "x"}, {"valid_days": "9999"}, {"owner": "999"}])
def test_a_wrong_code_form_makes_no_code(boss: Client, wrong: dict[str, str]) -> None:
    response = boss.post(address(EnrollmentCode, "add"), {"max_uses": "1", "valid_days": "7", **wrong})
    assert response.context["errors"]
    assert not EnrollmentCode.objects.exists()


def test_a_code_for_a_device_takes_no_owner(boss: Client, device: Device, user: User) -> None:
    both = {"max_uses": "1", "valid_days": "7", "device": device.pk, "owner": user.pk}
    assert "keeps its owner" in boss.post(address(EnrollmentCode, "add"), both).content.decode()
    assert not EnrollmentCode.objects.exists()
    assert boss.post(address(EnrollmentCode, "add"), {**both, "owner": ""}).status_code == 200
    assert EnrollmentCode.objects.get().device == device


def test_codes_by_state_and_revoked(boss: Client) -> None:
    make = create_enrollment_code
    usable = make(actor=factories.TESTER)[0]
    expired = make(actor=factories.TESTER, valid_for=timedelta(days=-1))[0]
    used = make(actor=factories.TESTER)[0]
    EnrollmentCode.objects.filter(pk=used.pk).update(used_count=1)
    assert listed(boss, EnrollmentCode, state="usable") == {usable}
    assert listed(boss, EnrollmentCode, state="expired") == {expired}
    assert listed(boss, EnrollmentCode, state="used") == {used}
    do(boss, usable, "revoke")
    assert EnrollmentCode.objects.get(pk=usable.pk).revoked_at is not None
    assert listed(boss, EnrollmentCode, state="revoked") == {usable}
    assert listed(boss, EnrollmentCode) == {usable, expired, used}


# --- events ---
def test_events_are_read_only_and_searchable(boss: Client, device: Device) -> None:
    product = factories.make_product(device)
    event = Event.objects.about(product)[0]
    assert listed(boss, Event, q=str(product.uuid)) == {event}
    assert boss.get(address(Event, "add")).status_code == 403
    assert boss.post(address(Event, "change", event.pk), {"action": "x"}).status_code == 403
    assert boss.post(address(Event, "delete", event.pk), {"post": "yes"}).status_code == 403
    assert Event.objects.get(pk=event.pk).action == "created"


def test_autocomplete_offers_live_devices_alone(boss: Client, device: Device, other: Device) -> None:
    Device.all_objects.filter(pk=other.pk).update(deleted_at=timezone.now())
    query = {"app_label": "inventory", "model_name": "product", "field_name": "device", "term": ""}
    results = boss.get(reverse("admin:autocomplete"), query).json()["results"]
    assert [row["id"] for row in results] == [str(device.pk)]
