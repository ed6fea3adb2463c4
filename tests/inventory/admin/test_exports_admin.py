"""Staff export from the admin: which tables, filtered as the API filters, and the file when it is there."""

from __future__ import annotations

import io
from typing import Any
from zipfile import ZipFile

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from devices.models import Device, User
from inventory.models import Job
from tests.factories import make_product

pytestmark = pytest.mark.django_db
PAGE = "admin:inventory_job_exports"


def test_what_a_form_says_is_exported_and_downloaded(
    boss: Client, staff: User, device: Device, other: Device, django_capture_on_commit_callbacks: Any
) -> None:
    make_product(device, name="Milk", sku="M1")
    make_product(device, name="Bread", sku="B1")
    make_product(other, name="Milk of others")
    sent = {
        "device": device.pk, "tables": ["products", "lots"], "format": "csv", "period": "",
        "filters": "products.name__icontains = milk\n\n products.is_active=true\n", "deleted": "on",
    }  # fmt: skip
    with django_capture_on_commit_callbacks(execute=True):
        answer = boss.post(reverse(PAGE), sent)
    job = Job.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        reverse("admin:inventory_job_change", args=(job.pk,)),
    )
    assert (job.kind, job.device, job.actor_id, job.status) == ("export", device, str(staff.uuid), "succeeded")
    assert job.parameters == {
        "tables": ["products", "lots"], "format": "csv", "deleted": True,
        "filters": {"products": {"name__icontains": "milk", "is_active": "true"}},
    }  # fmt: skip
    page = boss.get(reverse(PAGE))
    [made] = page.context["made"]
    assert made["link"] in page.content.decode()
    with ZipFile(io.BytesIO(b"".join(boss.get(made["link"]).streaming_content))) as archive:
        assert archive.namelist() == ["products.csv", "lots.csv"]
        text = archive.read("products.csv").decode()
    assert ("M1" in text, "B1" in text, "Milk of others" in text) == (True, False, False)


def test_everything_of_all_devices(boss: Client, device: Device) -> None:
    assert boss.post(reverse(PAGE), {"format": "xlsx"}).status_code == 302
    job = Job.objects.get()
    assert (job.device, job.parameters["format"], job.parameters["deleted"]) == (None, "xlsx", False)
    assert len(job.parameters["tables"]) > 10


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"format": "exe"}, "Select a valid choice"),
        ({"tables": ["secrets"]}, "Select a valid choice"),
        ({"filters": "products"}, "is not like: products.is_active = true"),
        ({"filters": "products.is_active"}, "is not like: products.is_active = true"),
        ({"filters": "=1"}, "is not like: products.is_active = true"),
        ({"filters": "products.colour = red"}, "colour is no filter of products"),
        ({"filters": "products.is_active = maybe"}, "Give true or false"),
        ({"filters": "secrets.a = 1"}, "This table is not exported"),
        ({"tables": ["lots"], "filters": "products.is_active = true"}, "This table is not exported"),
    ],
)
def test_refusals_are_on_the_form(boss: Client, sent: dict[str, Any], said: str) -> None:
    answer = boss.post(reverse(PAGE), {"format": "csv", **sent})
    assert (answer.status_code, said in answer.content.decode()) == (200, True)
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("permissions", "seen", "asked"), [((), 403, 403), (("view_job",), 200, 403), (("view_job", "add_job"), 200, 302)]
)
def test_permissions(permissions: tuple[str, ...], seen: int, asked: int) -> None:
    user = User.objects.create_user(username="clerk", is_staff=True, password="correct horse")
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    page = client.get(reverse(PAGE))
    assert page.status_code == seen
    assert client.post(reverse(PAGE), {"format": "csv"}).status_code == asked
    assert Job.objects.exists() == (asked == 302)
    assert ("ask_form" in page.content.decode()) == ("add_job" in permissions)
