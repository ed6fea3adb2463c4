"""Imports in the admin: the whole way of a file, through the pages."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from devices.models import Device
from inventory.jobs import runner
from inventory.models import ImportProfile, ImportSession, Job, Product, Stocktake
from tests import factories

GOODS = b"code;what;when;how many\nA-1;Cup;31/12/2027;1,5\nB-2;Pot;;2\n;Lid;;\n"


def page(name: str, *args: Any) -> str:
    return reverse(f"admin:inventory_importsession_{name}", args=args)


def send(boss: Client, device: Device, content: bytes = GOODS, **more: str) -> Any:
    data = {"device": device.pk, "file": SimpleUploadedFile("goods.csv", content), "kind": "", "profile": "", **more}
    return boss.post(page("add"), data)


def do(boss: Client, session: ImportSession, action: str, **answers: str) -> ImportSession:
    boss.post(page("do", session.pk, action), {"confirmed": "yes", **answers})
    session.refresh_from_db()
    if session.job is not None and not session.job.has_ended:
        runner.run(str(session.job.uuid))
    found: ImportSession = ImportSession.objects.select_related("job").get(pk=session.pk)
    return found


def test_a_file_is_sent_mapped_tried_applied_and_reverted(boss: Client, device: Device) -> None:
    assert send(boss, device, kind="products").status_code == 302
    session = ImportSession.objects.get()
    shown = boss.get(page("change", session.pk)).content.decode()
    assert "First rows of goods.csv" in shown
    assert "line ends lf" in shown
    assert re.findall(r"<br><span [^>]*>([^<]*)</span></th>", shown) == ["text", "text", "date (dmy)", "decimal comma"]
    assert 'name="map_sku"' in shown
    answer = boss.post(
        page("change", session.pk),
        {"map_sku": '"code"', "map_name": '"what"', "map_reorder_level": '"how many"', "existing": "fill",
         "date_format": "dmy", "decimal_comma": "on"},
    )  # fmt: skip
    assert answer.status_code == 302
    session.refresh_from_db()
    assert session.mapping == {"sku": "code", "name": "what", "reorder_level": "how many"}
    assert session.options == {"existing": "fill", "date_format": "dmy", "decimal_comma": True}

    session = do(boss, session, "dry_run")
    assert session.status == "ready"
    assert "There is no code." in boss.get(page("change", session.pk)).content.decode()
    session = do(boss, session, "apply")
    assert (session.status, Product.objects.count()) == ("applied", 2)
    assert 'name="map_sku"' not in boss.get(page("change", session.pk)).content.decode()
    boss.post(page("do", session.pk, "save_profile"), {"confirmed": "yes", "name": "Ours", "shared": "on"})
    profile = ImportProfile.objects.get()
    assert (profile.name, profile.device, profile.mapping) == ("Ours", None, session.mapping)
    session = do(boss, session, "revert")
    assert (session.status, Product.objects.exists()) == ("reverted", False)

    send(boss, device, profile="Ours")
    again = ImportSession.objects.order_by("-id").first()
    assert (again.mapping, again.profile, again.kind) == (session.mapping, "Ours", "products")
    listed = boss.get(page("changelist")).content.decode()
    assert "goods.csv" in listed


@pytest.mark.parametrize(("content", "said"), [(b"", b"empty"), (b"a,b\n1,2\n", b"does not show what it is")])
def test_a_refusal_is_shown_on_the_form(boss: Client, device: Device, content: bytes, said: bytes) -> None:
    answer = send(boss, device, content)
    assert answer.status_code == 200
    assert said in answer.content
    assert not ImportSession.objects.exists()


def test_a_profile_is_forgotten(boss: Client, device: Device) -> None:
    session = factories.make_import(device)
    boss.post(page("do", session.pk, "save_profile"), {"confirmed": "yes", "name": "Ours"})
    profile = ImportProfile.objects.get()
    assert profile.device == device
    boss.post(page("do", session.pk, "save_profile"), {"confirmed": "yes", "name": "Ours"})
    assert ImportProfile.objects.count() == 1
    boss.post(reverse("admin:inventory_importprofile_delete", args=[profile.pk]), {"post": "yes"})
    assert not ImportProfile.objects.exists()
    assert not Job.objects.exists()


def test_a_count_sheet_says_where_it_was_counted(boss: Client, device: Device) -> None:
    room = factories.make_location(device, name="Room", code="R")
    send(boss, device, b"code,counted\nA,2\n", kind="counts")
    session = ImportSession.objects.get()
    assert 'name="sheet"' in boss.get(page("change", session.pk)).content.decode()
    chosen = {"map_product": '"code"', "map_quantity": '"counted"', "existing": "update", "date_format": ""}
    answer = boss.post(page("change", session.pk), {**chosen, "location": "R", "sheet": "first"})
    assert b"The id of a count sheet." in answer.content
    boss.post(page("change", session.pk), {**chosen, "location": "R", "sheet": ""})
    assert do(boss, session, "dry_run").options == {"location": "R"}
    assert do(boss, session, "apply").status == "applied"
    stocktake = Stocktake.objects.get()
    assert (stocktake.location, stocktake.rules.recount) == (room, "optional")
    assert do(boss, session, "revert").status == "reverted"
    stocktake.refresh_from_db()
    assert stocktake.state == "cancelled"
