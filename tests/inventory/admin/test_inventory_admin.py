"""The ledger, levels, tasks, cases, jobs, autocompletes, search and the dashboard in the admin."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from devices.models import Device, Event, Presence, User
from inventory.models import Case, Job, Location, Product, StockLevel, StockMovement, Task
from inventory.services.jobs import request_job
from tests import factories


def address(model: type[Any], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def do(boss: Client, row: Any, name: str, **answers: str) -> Any:
    return boss.post(address(type(row), "do", row.pk, name), {"confirmed": "yes", **answers}, follow=True)


def listed(boss: Client, model: type[Any], **query: str) -> list[Any]:
    return list(boss.get(address(model, "changelist"), query).context["cl"].result_list)


def movement_form(device: Device, product: Product, **values: Any) -> dict[str, Any]:
    now = timezone.now()
    when = {"occurred_at_0": f"{now:%Y-%m-%d}", "occurred_at_1": f"{now:%H:%M:%S}"}
    return {"device": device.pk, "product": product.pk, "kind": "receipt", "quantity": "2.5", **when, **values}


# --- the ledger ---
def test_staff_record_a_movement(boss: Client, staff: User, device: Device) -> None:
    product = factories.make_product(device)
    sent = movement_form(device, product, reason="found", reference="PO-7")
    response = boss.post(address(StockMovement, "add"), sent)
    assert response.status_code == 302, response.context["errors"]
    movement = StockMovement.objects.get()
    assert (movement.quantity, movement.kind, movement.reason, movement.reference) == (
        Decimal("2.5"),
        "receipt",
        "found",
        "PO-7",
    )
    assert movement.to_location == Location.objects.get(device=device, is_default=True)
    assert StockLevel.objects.get().quantity == Decimal("2.5")
    event = Event.objects.about(movement)[0]
    assert (event.actor_kind, event.actor_id) == ("staff", str(staff.uuid))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "transfer"}, "These locations do not fit the kind of movement"),
        ({"kind": "count"}, "Select a valid choice"),
        ({"quantity": "0"}, ""),
        ({"quantity": "-1"}, ""),
        ({"quantity": "0.0000001"}, "no more than 6 decimal places"),
        ({"quantity": "NaN"}, "Enter a number"),
        ({"quantity": "1e400"}, ""),
        ({"occurred_at_0": "2026-13-40"}, "Enter a valid date"),
        ({"reason": "a\x00b"}, "Null characters are not allowed"),
    ],
)
def test_a_wrong_movement_is_refused_in_words(boss: Client, device: Device, wrong: dict[str, str], said: str) -> None:
    product = factories.make_product(device)
    before = Event.objects.count()
    response = boss.post(address(StockMovement, "add"), movement_form(device, product, **wrong))
    assert response.status_code == 200
    assert response.context["errors"]
    assert said in response.content.decode()
    assert not StockMovement.objects.exists()
    assert not StockLevel.objects.exists()
    assert Event.objects.count() == before


def test_a_movement_of_another_devices_product_is_refused(boss: Client, device: Device, other: Device) -> None:
    foreign = factories.make_product(other)
    response = boss.post(address(StockMovement, "add"), movement_form(device, foreign))
    assert response.context["adminform"].form.errors["product"] == ["This id does not exist."]
    assert not StockMovement.objects.exists()


def test_a_movement_never_changes_but_is_reversed(boss: Client, device: Device) -> None:
    movement = factories.make_movement(device, quantity=Decimal(4))
    assert boss.post(address(StockMovement, "change", movement.pk), {"quantity": "9"}).status_code == 403
    assert boss.post(address(StockMovement, "delete", movement.pk), {"post": "yes"}).status_code == 403
    do(boss, movement, "reverse", reason="typo")
    mirror = StockMovement.objects.get(reverses=movement)
    assert (mirror.kind, mirror.quantity, mirror.reason) == ("issue", Decimal(4), "typo")
    assert StockLevel.objects.get().quantity == 0
    assert "This movement is reversed already" in do(boss, movement, "reverse").content.decode()
    assert "A reversal is not reversed" in do(boss, mirror, "reverse").content.decode()
    assert StockMovement.objects.count() == 2
    buttons = boss.get(address(StockMovement, "change", movement.pk)).content.decode()
    assert address(StockMovement, "do", movement.pk, "reverse") not in buttons
    assert address(StockMovement, "change", mirror.pk) in buttons


def test_ledger_by_device_and_kind(boss: Client, device: Device, other: Device) -> None:
    mine = factories.make_movement(device, kind="issue")
    factories.make_movement(device)
    factories.make_movement(other)
    assert len(listed(boss, StockMovement)) == 3
    query = {"device__id__exact": str(device.pk), "kind__exact": "issue"}
    assert listed(boss, StockMovement, **query) == [mine]


def test_levels_by_sign(boss: Client, device: Device) -> None:
    factories.make_movement(device)
    below = factories.make_movement(device, kind="issue")
    assert [level.product for level in listed(boss, StockLevel, sign="negative")] == [below.product]
    assert len(listed(boss, StockLevel, sign="some")) == 1
    assert listed(boss, StockLevel, sign="zero") == []
    level = StockLevel.objects.first()
    assert boss.post(address(StockLevel, "change", level.pk), {"quantity": "9"}).status_code == 403


def test_stock_is_shown_beside_products(boss: Client, device: Device) -> None:
    movement = factories.make_movement(device, kind="issue", quantity=Decimal("1.5"))
    factories.make_product(device, name="Never moved")
    assert {str(row): row.on_hand for row in listed(boss, Product)} == {
        str(movement.product): Decimal("-1.5"),
        "Never moved": 0,
    }
    factories.make_barcode(device, product_id=movement.product.uuid, value="4006381333931")
    assert "4006381333931" in boss.get(address(Product, "change", movement.product.pk)).content.decode()
    assert "-1.5 pcs" in boss.get(address(Product, "change", movement.product.pk)).content.decode()


# --- tasks, cases, jobs ---
def test_tasks_are_completed_and_reopened(boss: Client, device: Device) -> None:
    tasks = [factories.make_task(device), factories.make_task(device)]
    many = {"action": "complete", "_selected_action": [task.pk for task in tasks], "confirmed": "yes"}
    boss.post(address(Task, "changelist"), many)
    assert set(Task.objects.values_list("completed", flat=True)) == {True}
    do(boss, tasks[0], "reopen")
    assert Task.objects.get(pk=tasks[0].pk).completed is False
    assert [event.action for event in Event.objects.about(tasks[0])] == ["reopened", "completed", "created"]


def test_a_case_is_claimed_and_resolved(boss: Client, staff: User, device: Device) -> None:
    case = factories.make_case(device)
    do(boss, case, "claim")
    assert Case.objects.get(pk=case.pk).state == "claimed"
    do(boss, case, "resolve", resolution="Counted again")
    current = Case.objects.get(pk=case.pk)
    assert (current.state, current.resolution) == ("resolved", "Counted again")
    assert Event.objects.about(case)[0].actor_id == str(staff.uuid)
    assert "This case is closed already" in do(boss, case, "waive").content.decode()
    assert listed(boss, Case) == []
    assert listed(boss, Case, state="any") == [current]
    assert listed(boss, Case, state="resolved") == [current]


def test_too_long_a_resolution_asks_again(boss: Client, device: Device) -> None:
    case = factories.make_case(device)
    response = do(boss, case, "waive", resolution="x" * 10_001)
    assert response.context["form"].errors
    assert Case.objects.get(pk=case.pk).state == "open"


def test_evidence_is_readable(boss: Client, device: Device) -> None:
    evidence = {"unit_code": "<b>7</b>", "gtins": ["a", "b"], "nothing": None, "places": [["A", "1"]], "empty": []}
    case = factories.make_case(device, evidence=evidence)
    page = boss.get(address(Case, "change", case.pk)).content.decode()
    assert "unit code" in page
    assert "&lt;b&gt;7&lt;/b&gt;" in page
    assert "<b>7</b>" not in page
    assert "a, b" in page


def test_jobs_are_cancelled_and_retried(boss: Client) -> None:
    later = timezone.now() + timedelta(hours=1)
    job = request_job(kind="ledger_proof", actor=factories.TESTER, run_at=later)
    do(boss, job, "cancel")
    assert Job.objects.get(pk=job.pk).status == Job.Status.CANCELLED
    assert "This job has ended already" in do(boss, job, "cancel").content.decode()
    page = boss.get(address(Job, "change", job.pk)).content.decode()
    assert "Cancel asked for by boss" in page
    Job.objects.filter(pk=job.pk).update(
        total=200, done=50, parameters={"days": 3}, started_at=later, finished_at=later + timedelta(seconds=90)
    )
    assert "50 of 200 (25 %)" in boss.get(address(Job, "changelist")).content.decode()
    assert "&quot;days&quot;: 3" in boss.get(address(Job, "change", job.pk)).content.decode()
    assert "90.0 s" in boss.get(address(Job, "changelist")).content.decode()
    do(boss, job, "retry")
    assert Job.objects.get(pk=job.pk).status != Job.Status.CANCELLED


# --- autocomplete and search ---
def autocomplete(boss: Client, model: str, field: str, **query: Any) -> set[str]:
    asked = {"app_label": "inventory", "model_name": model, "field_name": field, "term": "", **query}
    return {row["text"] for row in boss.get(reverse("admin:autocomplete"), asked).json()["results"]}


def test_autocomplete_keeps_to_the_device(boss: Client, device: Device, other: Device) -> None:
    factories.make_category(device, name="Mine")
    factories.make_category(other, name="Theirs")
    gone = factories.make_category(device, name="Gone")
    boss.post(address(type(gone), "delete", gone.pk), {"post": "yes"})
    assert autocomplete(boss, "product", "category", device=device.pk) == {"Mine"}
    assert autocomplete(boss, "product", "category", device=0) == set()
    assert autocomplete(boss, "product", "category") == {"Mine", "Theirs"}
    assert autocomplete(boss, "product", "category", device="9" * 30) == {"Mine", "Theirs"}


def test_search_finds_by_name_and_code(boss: Client, device: Device) -> None:
    product = factories.make_product(device, name="Earl Grey", sku="EG-1")
    factories.make_barcode(device, product_id=product.uuid, value="4006381333931")
    found = [boss.get(reverse("admin:search"), {"s": term, "extended": "1"}) for term in ("earl", "00638133", "\x00")]
    assert "Earl Grey" in found[0].content.decode()
    assert "4006381333931" in found[1].content.decode()
    assert found[2].status_code == 200
    clerk = factories.make_user(username="clerk", is_staff=True)
    client = Client()
    client.force_login(clerk)
    assert "Earl Grey" not in client.get(reverse("admin:search"), {"s": "earl", "extended": "1"}).content.decode()


# --- the dashboard ---
def test_dashboard_figures_are_the_databases(boss: Client, device: Device, other: Device) -> None:
    Presence.objects.filter(installation__device=other).update(
        last_seen_at=timezone.now() - timedelta(days=2), queue_depth=5
    )
    factories.make_movement(device, kind="issue")
    factories.make_movement(device, occurred_at=timezone.now() - timedelta(days=3))
    factories.make_movement(device, occurred_at=timezone.now() - timedelta(days=30))
    factories.make_task(device, due_date=timezone.localdate() - timedelta(days=1))
    factories.make_case(device)
    job = request_job(kind="ledger_proof", actor=factories.TESTER)
    context = boss.get(reverse("admin:index")).context
    figures = {card["title"]: card["figure"] for card in context["cards"]}
    assert figures == {
        "Active devices": "2",
        "Silent devices": "1",
        "Queued on devices": "5",
        "Products": "3",
        "Negative stock": "1",
        "Open tasks": "1",
        "Open alerts": "0",
        "Failed jobs": "0",
        "Ledger proof": Job.objects.get(pk=job.pk).get_status_display(),
    }
    assert json.loads(context["chart"])["datasets"][0]["data"][-4:] == [1, 0, 0, 1]
    assert (context["movements_today"], context["movements_sum"]) == (1, 2)
    assert {case["name"]: case["number"] for case in context["cases"]} == {"Negative stock": 1, "Unknown barcode": 1}
    for card in [*context["cards"], *context["cases"]]:
        assert boss.get(card["link"]).status_code == 200, card["link"]


def test_an_empty_server_has_a_dashboard(boss: Client) -> None:
    page = boss.get(reverse("admin:index"))
    assert {card["figure"] for card in page.context["cards"]} == {"0", "not yet"}
    assert "Nothing waits for a decision" in page.content.decode()


# --- errors ---
def test_errors_of_the_admin_are_pages(boss: Client) -> None:
    missing = boss.get("/admin/nowhere/")
    assert (missing.status_code, missing.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "Back to the dashboard" in missing.content.decode()
    strict = Client(enforce_csrf_checks=True)
    refused = strict.post("/admin/login/", {"username": "x", "password": "y"})
    assert (refused.status_code, refused.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert Client().get("/v1/nowhere").headers["Content-Type"] == "application/problem+json"
    assert boss.get("/admin").url == "/admin/"


def test_who_opens_the_login_page_itself_comes_to_the_dashboard(boss: Client) -> None:
    user = User.objects.get(pk=boss.session["_auth_user_id"])
    user.set_password("a long word for once")
    user.save()
    entered = Client().post("/admin/login/", {"username": user.username, "password": "a long word for once"})
    assert (entered.status_code, entered.headers["Location"]) == (302, "/admin/")


def test_lists_are_searched_through_products_and_by_id(boss: Client, device: Device) -> None:
    movement = factories.make_movement(device, reference="PO-9")
    product = movement.product
    barcode = factories.make_barcode(device, product_id=product.uuid, value="4006381333931")
    lot = factories.make_lot(device, product_id=product.uuid, code="L-77")
    factories.make_movement(device)
    factories.make_barcode(device)
    level = StockLevel.objects.get(product=product)
    wanted: dict[type[Any], tuple[Any, tuple[str, ...]]] = {
        Product: (product, (product.name, "400638133", str(product.uuid), product.uuid.hex)),
        StockMovement: (movement, (product.name, "po-9", str(movement.uuid))),
        StockLevel: (level, (product.name, str(level.uuid))),
        type(barcode): (barcode, (product.name, "6381333", str(barcode.uuid))),
        type(lot): (lot, (product.name, "l-77", str(lot.uuid))),
    }
    for model, (row, terms) in wanted.items():
        for term in terms:
            assert listed(boss, model, q=term) == [row], (model, term)
        assert listed(boss, model, q="no such thing 123456789012345678901234") == []
