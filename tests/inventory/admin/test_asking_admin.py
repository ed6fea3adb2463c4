"""Staff ask for reports and labels: a form for each, a job for what it says, refusals on the form."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from devices.models import Device, User
from inventory.models import Job
from inventory.reports.registry import REPORTS
from tests.factories import (
    make_category,
    make_device,
    make_labeltemplate,
    make_location,
    make_lot,
    make_movement,
    make_product,
)

pytestmark = pytest.mark.django_db


def address(page: str, *args: Any) -> str:
    return reverse(f"admin:inventory_job_{page}", args=args)


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_has_a_form_and_becomes_a_job(boss: Client, staff: User, device: Device, name: str) -> None:
    url = address("report", name)
    page = boss.get(url).content.decode()
    assert REPORTS[name].about in page
    for one in REPORTS[name].filters:
        assert f'name="{one.name}"' in page
    initial = {one.name: one.default for one in REPORTS[name].filters if one.default is not None}
    answer = boss.post(url, {"format": "xlsx", "device": device.pk, **initial})
    job = Job.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, address("change", job.pk))
    assert (job.device, job.actor_kind, job.actor_id) == (device, "staff", str(staff.uuid))
    assert job.parameters == {"report": name, "format": "xlsx", **initial}


def test_what_a_form_says_reaches_the_report(boss: Client, device: Device, settings: Any) -> None:
    product, category = make_product(device), make_category(device)
    wanted = {
        "device": device.pk, "format": "pdf", "paper": "letter", "at": "2026-03-01T12:30", "product_id": product.pk,
        "category_id": category.pk, "detail": "bucket", "with_empty": "on",
    }  # fmt: skip
    assert boss.post(address("report", "stock_on_hand"), wanted).status_code == 302
    assert Job.objects.get().parameters == {
        "report": "stock_on_hand", "format": "pdf", "paper": "letter", "at": "2026-03-01T12:30:00+00:00",
        "product_id": str(product.uuid), "category_id": str(category.uuid), "detail": "bucket", "with_empty": True,
    }  # fmt: skip
    boss.post(address("report", "movements"), {"format": "csv", "from_day": "2026-03-01", "to_day": "2026-03-31"})
    assert Job.objects.latest("id").parameters == {
        "report": "movements", "format": "csv", "from_day": "2026-03-01", "to_day": "2026-03-31",
    }  # fmt: skip
    assert Job.objects.latest("id").device is None


def test_refusals_are_on_the_form(boss: Client, device: Device, other: Device) -> None:
    foreign = make_product(other)
    for name, sent, told in (
        ("movements", {"product_id": foreign.pk, "device": device.pk}, "This id does not exist."),
        ("movements", {"product_id": foreign.pk}, "An id is of one device"),
        ("stock_on_hand", {"at": "2026-03-01T12:30", "revision": "3", "detail": "product"}, "not both"),
        ("stock_on_hand", {"detail": "nothing"}, "Select a valid choice"),
        ("low_stock", {"usage_days": "-1"}, "greater than or equal to 0"),
    ):
        answer = boss.post(address("report", name), {"format": "pdf", **sent})
        assert answer.status_code == 200
        assert told in answer.content.decode(), name
    assert boss.get(address("report", "secrets")).status_code == 404
    assert Job.objects.count() == 0


def test_what_was_made_is_listed_with_its_file(
    boss: Client, device: Device, django_capture_on_commit_callbacks: Any
) -> None:
    make_movement(device)
    with django_capture_on_commit_callbacks(execute=True):
        boss.post(address("report", "stock_on_hand"), {"format": "csv", "detail": "product"})
    page = boss.get(address("reports"))
    (made,) = page.context["made"]
    assert (made["title"], made["format"]) == ("Stock on hand", "CSV")
    assert made["link"] in page.content.decode()
    download = b"".join(boss.get(made["link"]).streaming_content)
    assert b"Scanner" in download
    assert "all devices" in page.content.decode()


@pytest.mark.parametrize(
    ("permissions", "list_status", "form_status"), [((), 403, 403), (("view_job",), 200, 403), (("add_job",), 403, 200)]
)
def test_permissions(permissions: tuple[str, ...], list_status: int, form_status: int) -> None:
    user = User.objects.create_user(username="clerk", is_staff=True, password="correct horse")
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    assert client.get(address("reports")).status_code == list_status
    assert client.get(address("report", "movements")).status_code == form_status
    assert client.post(address("report", "movements"), {"format": "pdf"}).status_code in (form_status, 302)
    assert client.get(address("labels")).status_code == form_status


def test_the_sidebar_leads_there(boss: Client) -> None:
    page = boss.get(reverse("admin:index")).content.decode()
    assert f'href="{address("reports")}"' in page
    assert f'href="{address("labels")}"' in page


@pytest.mark.parametrize(
    ("list_page", "make", "what"),
    [
        ("inventory_product", make_product, "products"), ("inventory_location", make_location, "locations"),
        ("inventory_lot", make_lot, "lots"), ("devices_device", lambda device: device, "devices"),
    ],
)  # fmt: skip
def test_rows_chosen_on_a_list_get_labels(
    boss: Client, list_page: str, make: Any, what: str, django_capture_on_commit_callbacks: Any
) -> None:
    device = make_device(name="Scanner")
    row = make(device)
    chosen = {"action": "print_labels", "_selected_action": [row.pk]}
    form = boss.post(reverse(f"admin:{list_page}_changelist"), chosen)
    assert form.status_code == 302
    assert f"what={what}" in form.headers["Location"]
    assert "Of 1 chosen rows." in boss.get(form.headers["Location"]).content.decode()
    sheet = {"template": "5160", "format": "zpl", "copies": "2", "skip": "1"}
    with django_capture_on_commit_callbacks(execute=True):
        answer = boss.post(form.headers["Location"], sheet)
    job = Job.objects.get()
    assert answer.headers["Location"] == address("change", job.pk)
    assert (job.status, job.result) == ("succeeded", {"labels": 2, "pages": 2, "qr_instead": 0})
    assert job.device == (None if what == "devices" else device)
    assert job.parameters["ids"] == [str(row.uuid)]


def test_rows_of_several_devices_get_a_sheet_each_or_none(boss: Client, device: Device, other: Device) -> None:
    rows = [make_product(device), make_product(other), make_product(other)]
    url = f"{address('labels')}?what=products&rows={','.join(str(row.pk) for row in rows)}"
    mine = make_labeltemplate(device)
    sheet = {"template": "5160", "format": "pdf", "copies": "1", "skip": "0"}
    refused = boss.post(url, {**sheet, "own_template": mine.pk})
    assert refused.status_code == 200
    assert Job.objects.count() == 0
    assert boss.post(url, sheet).status_code == 302
    jobs = Job.objects.order_by("id")
    assert [(job.device, len(job.parameters["ids"])) for job in jobs] == [(device, 1), (other, 2)]


def test_labels_of_all_that_a_device_has(boss: Client, device: Device) -> None:
    product = make_product(device)
    mine = make_labeltemplate(device)
    lot = make_lot(device, product_id=product.uuid)
    sent = {"what": "lots", "device": device.pk, "product_id": product.pk, "template": "5160", "own_template": mine.pk,
            "format": "pdf", "copies": "3", "skip": "0"}  # fmt: skip
    assert boss.post(address("labels"), sent).status_code == 302
    assert Job.objects.get().parameters == {
        "what": "lots", "product_id": str(product.uuid), "template": str(mine.uuid), "format": "pdf", "copies": 3,
        "skip": 0,
    }  # fmt: skip
    for wrong, told in (
        ({"copies": "0"}, "greater than or equal to 1"),
        ({"device": "", "own_template": ""}, "These are of one device"),
        ({"skip": "1", "own_template": ""}, ""),
        ({"skip": "499"}, "fewer places"),
    ):
        answer = boss.post(address("labels"), {**sent, **wrong})
        assert answer.status_code == (200 if told else 302), wrong
        assert told in answer.content.decode()
    assert Job.objects.count() == 2
    assert lot.revision
    for query in ("?what=secrets&rows=1", "?what=products&rows=x,-1,99999999999999999999", "?rows=1"):
        assert boss.get(f"{address('labels')}{query}").status_code == 200


def test_too_many_rows_are_told(boss: Client, device: Device, monkeypatch: Any) -> None:
    monkeypatch.setattr("config.core.printing.MOST_ROWS", 1)
    chosen = {"action": "print_labels", "_selected_action": [make_product(device).pk, make_product(device).pk]}
    answer = boss.post(reverse("admin:inventory_product_changelist"), chosen, follow=True)
    assert "Choose at most 1 at a time." in answer.content.decode()
    popup = boss.get(reverse("admin:inventory_product_changelist") + "?_popup=1")
    assert "print_labels" not in popup.content.decode()
