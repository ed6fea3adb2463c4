"""Every page of the admin, walked from its registry: it answers, it shows no secret, it costs few queries."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin  # noqa: TID251  # the registry is what is walked
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask

from devices.models import Device, EnrollmentCode, Event, IdempotencyKey, Installation, ServerEvent, User
from devices.services.enrollment import create_enrollment_code
from inventory.models import (
    Alert,
    AlertMail,
    AlertRule,
    Barcode,
    Campaign,
    Case,
    CatalogProduct,
    Category,
    CountEntry,
    CountSheet,
    ImportProfile,
    ImportSession,
    Job,
    LabelTemplate,
    Location,
    Lot,
    Product,
    ScanEvent,
    StockLevel,
    StockMovement,
    Stocktake,
    StocktakeLine,
    Task,
    WebhookDelivery,
    WebhookEndpoint,
)
from inventory.services.alerts.mails import set_alert_mail
from inventory.services.counting.campaigns import create_campaign
from inventory.services.imports.profiles import save_profile
from inventory.services.jobs import request_job
from tests import factories

MOST_QUERIES = 10
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
LABELS = [model._meta.label for model in MODELS]
DEVICE = Device.__name__


def make_rows(device: Device, user: User) -> dict[type[Any], Any]:
    """One row of everything that the admin shows."""
    movement = factories.make_movement(device)
    delivery = factories.make_delivery(device)
    entry = factories.make_entry(device)
    interval = IntervalSchedule.objects.get_or_create(every=3, period="days")[0]
    name = f"schedule {factories.NUMBERS.__next__()}"
    code = create_enrollment_code(actor=factories.TESTER, device=device, label="Till")[0]
    return {
        User: user,
        Group: Group.objects.get_or_create(name="Counters")[0],
        Device: device,
        Installation: device.installations.get(),
        EnrollmentCode: code,
        Event: Event.objects.for_device(device).first(),
        ServerEvent: ServerEvent.objects.about(code).get(),
        Category: factories.make_category(device),
        Product: movement.product,
        Barcode: factories.make_barcode(device),
        Campaign: create_campaign(actor=factories.TESTER, owner=None, name="Year end"),
        Stocktake: entry.sheet.stocktake,
        CountSheet: entry.sheet,
        CountEntry: entry,
        ScanEvent: factories.make_scan_event(device, sheet_id=entry.sheet.uuid),
        StocktakeLine: StocktakeLine.objects.get(product=entry.product),
        Location: factories.make_location(device),
        LabelTemplate: factories.make_labeltemplate(device),
        Lot: factories.make_lot(device),
        StockMovement: movement,
        StockLevel: StockLevel.objects.get(product=movement.product),
        Task: factories.make_task(device),
        Case: factories.make_case(
            device, evidence={"code": "1", "gtins": ["2"], "places": [["A", "1"]], "lot_id": None}
        ),
        CatalogProduct: factories.make_catalog_product(),
        Job: request_job(kind="ledger_proof", actor=factories.TESTER),
        ImportSession: (sent := factories.make_import(device)),
        ImportProfile: save_profile(sent, actor=factories.TESTER, name="Ours"),
        Alert: (alert := factories.make_alert(device)),
        AlertRule: alert.rule,
        AlertMail: set_alert_mail(user, actor=factories.TESTER, when="daily"),
        WebhookEndpoint: delivery.endpoint,
        WebhookDelivery: delivery,
        IntervalSchedule: interval,
        CrontabSchedule: CrontabSchedule.objects.get_or_create(minute="5")[0],
        ClockedSchedule: ClockedSchedule.objects.create(clocked_time="2030-01-01T00:00Z"),
        PeriodicTask: PeriodicTask.objects.create(name=name, task="inventory.jobs.sweep", interval=interval),
    }


@pytest.fixture
def rows(device: Device, user: User) -> dict[type[Any], Any]:
    return make_rows(device, user)


def address(model: type[Any], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_everything_registered_is_walked(rows: dict[type[Any], Any]) -> None:
    assert set(rows) == set(MODELS)


def test_secrets_have_no_page() -> None:
    assert IdempotencyKey not in admin.site._registry
    assert not [label for label in LABELS if "token" in label.lower()]


@pytest.mark.parametrize("model", MODELS, ids=LABELS)
def test_every_page_answers(boss: Client, rows: dict[type[Any], Any], model: type[Any]) -> None:
    row, model_admin, home = rows[model], admin.site._registry[model], address(model, "changelist")
    listed = boss.get(home)
    assert listed.status_code == 200
    assert row.pk in {found.pk for found in listed.context["cl"].result_list}
    assert boss.get(home, {"q": "x'\"%\\"}).status_code == 200
    for page in ("change", "history"):
        response = boss.get(address(model, page, row.pk))
        assert response.status_code == 200, page
        assert not [secret for secret in _secrets(row) if secret in response.content.decode()]
    request: Any = listed.wsgi_request
    assert boss.get(address(model, "add")).status_code == (200 if model_admin.has_add_permission(request) else 403)
    may_delete = model_admin.has_delete_permission(request, row)
    assert boss.get(address(model, "delete", row.pk)).status_code == (200 if may_delete else 403)


@pytest.mark.parametrize("model", MODELS, ids=LABELS)
def test_every_action_asks_first(boss: Client, rows: dict[type[Any], Any], model: type[Any]) -> None:
    actions = getattr(admin.site._registry[model], "every_row_action", list)()
    for action in actions:
        response = boss.get(address(model, "do", rows[model].pk, action.name))
        assert response.status_code == 200
        assert response.context["row_action"] == action
        many = {"action": action.name, "_selected_action": [rows[model].pk], "index": "0"}
        asked = boss.post(address(model, "changelist"), many)
        assert asked.status_code == (200 if action.bulk else 302)  # 302: the list does not know it
        assert not action.bulk or asked.context["rows"] == [rows[model]]


def test_wrong_addresses_are_kind(boss: Client, device: Device) -> None:
    for page in ("change", "history"):
        missing = boss.get(address(Device, page, 999_999_999))
        assert (missing.status_code, missing.url) == (302, reverse("admin:index"))
    refused = boss.get(address(Device, "changelist"), {"nonsense__exact": "1"})
    assert refused.status_code == 302
    assert boss.get(refused.url).status_code == 200
    assert boss.get(address(Device, "do", device.pk, "explode")).status_code == 404
    assert boss.get(address(Device, "do", 999_999_999, "revoke")).status_code == 404


@pytest.mark.parametrize("model", MODELS, ids=LABELS)
def test_lists_cost_the_same_for_many_rows(boss: Client, device: Device, user: User, model: type[Any]) -> None:
    make_rows(device, user)
    few = _queries(boss, address(model, "changelist"))
    for name in ("one", "two", "three"):
        make_rows(factories.make_device(name=name), factories.make_user(username=name))
    many = _queries(boss, address(model, "changelist"))
    assert len(many) == len(few), "\n".join(many)
    assert len(many) <= MOST_QUERIES, "\n".join(many)


@pytest.mark.parametrize("model", MODELS, ids=LABELS)
def test_a_page_of_one_row_costs_little(boss: Client, rows: dict[type[Any], Any], model: type[Any]) -> None:
    most = 25 if model is Device else 15  # a device page counts what the device holds, kind by kind
    assert len(found := _queries(boss, address(model, "change", rows[model].pk))) <= most, "\n".join(found)


def test_popups_offer_no_actions(boss: Client, device: Device) -> None:
    assert boss.get(address(Device, "changelist"), {"_popup": "1"}).context["action_form"] is None


def test_dashboard_costs_at_most_thirteen(boss: Client, rows: dict[type[Any], Any]) -> None:
    assert len(_queries(boss, reverse("admin:index"))) <= 13


def test_nobody_but_staff_gets_in(user: User, rows: dict[type[Any], Any]) -> None:
    client = Client()
    for model in MODELS:
        assert client.get(address(model, "changelist")).status_code == 302
    client.force_login(user)
    for model in MODELS:
        assert client.get(address(model, "changelist")).status_code == 302


def test_staff_without_permissions_see_nothing(rows: dict[type[Any], Any]) -> None:
    clerk = factories.make_user(username="clerk", is_staff=True)
    client = Client()
    client.force_login(clerk)
    assert client.get(reverse("admin:index")).status_code == 200
    for model, row in rows.items():
        assert client.get(address(model, "changelist")).status_code == 403
        assert client.get(address(model, "change", row.pk)).status_code == 403


def _queries(client: Client, path: str) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(path).status_code == 200
    return [query["sql"] for query in captured.captured_queries if "SAVEPOINT" not in query["sql"]]


def _secrets(row: Any) -> set[str]:
    names = ("secret_hash", "next_secret_hash", "code_hash", "password")
    return {value for name in names if (value := getattr(row, name, None))}
