"""Recurring reports and exports in the admin: a form without JSON, a schedule for what it says, and back again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from devices.models import Device, ServerEvent, User
from inventory.jobs.scheduled import request
from inventory.models import Job
from inventory.reports.registry import REPORTS
from inventory.services.recurring.plans import REQUEST, read_plan
from tests.factories import make_category, make_product

pytestmark = pytest.mark.django_db
WHEN = {"when-name": "Weekly", "when-repeat": "week", "when-weekday": "1", "when-month_day": "1", "when-time": "06:30",
        "when-mail": "ada@example.org, bob@example.org\neve@example.org", "when-webhook": "on",
        "when-enabled": "on"}  # fmt: skip
PEOPLE = ["ada@example.org", "bob@example.org", "eve@example.org"]


def address(page: str = "", *args: Any) -> str:
    return reverse(f"admin:inventory_job_recurring{page}", args=args)


def add(boss: Client, what: str = "movements", **sent: Any) -> Any:
    return boss.post(address("_add", what), {**WHEN, "format": "csv", **sent})


def arguments() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PeriodicTask.objects.get(task=REQUEST).kwargs)
    return found


@pytest.mark.parametrize("what", [*REPORTS, "export"])
def test_each_is_planned_and_shown_as_it_was_planned(boss: Client, device: Device, what: str) -> None:
    page = boss.get(address("_add", what))
    assert page.status_code == 200
    assert all(f'name="{fixed}"' not in page.content.decode() for fixed in ("at", "revision", "from_day"))
    initial = {} if what == "export" else {one.name: one.default for one in REPORTS[what].filters if one.default}
    answer = add(boss, what, device=device.pk, **initial)
    assert (answer.status_code, answer.headers["Location"]) == (302, address())
    row = PeriodicTask.objects.get(task=REQUEST)
    told = arguments()
    assert (told["device"], told["once_per"]) == (str(device.uuid), "day")
    assert told["deliver"] == {"mail": PEOPLE, "webhook": True}
    form = boss.get(address("_change", row.pk)).context
    sent = {f"when-{field.name}": field.value() for field in (*form["when"], *form["whom"])}
    sent |= {name: form["form"][name].value() for name in form["form"].fields}
    given = {name: value for name, value in sent.items() if value is not None}
    again = boss.post(address("_change", row.pk), given)
    assert again.status_code == 302, again.context["form"].errors
    assert arguments() == told
    assert ServerEvent.objects.about(row).count() == 1, "nothing was changed"


def test_what_is_chosen_reaches_the_job(boss: Client, device: Device, staff: User) -> None:
    product, category = make_product(device), make_category(device)
    add(boss, "movements", device=device.pk, period="last_week", kind="receipt", product_id=product.pk,
        category_id=category.pk)  # fmt: skip
    request.apply(kwargs=arguments(), headers={"periodic_task_name": "Weekly"}, throw=True)
    job = Job.objects.get()
    assert (job.device, job.deliver) == (device, {"mail": PEOPLE, "webhook": True, "schedule": "Weekly"})
    assert job.parameters["product_id"] == str(product.uuid)
    assert {"from_day", "to_day", "kind"} <= job.parameters.keys()
    row = PeriodicTask.objects.get(task=REQUEST)
    assert ServerEvent.objects.about(row).get().actor_id == str(staff.uuid)
    form = boss.get(address("_change", row.pk)).context["form"]
    assert (form["product_id"].value(), form["category_id"].value()) == (product.pk, category.pk)
    list_page = boss.get(address())
    [shown] = list_page.context["plans"]
    assert (shown["what"], shown["whose"], shown["when"], shown["job"]) == (
        "Movements", device, "every Monday at 06:30", job,
    )  # fmt: skip
    assert "ada@example.org, bob@example.org, eve@example.org, webhooks" in list_page.content.decode()


TIMINGS = [
    ({"repeat": "hour"}, ("30", "*", "*", "*"), "every hour at minute 30"),
    ({"repeat": "day"}, ("30", "6", "*", "*"), "every day at 06:30"),
    ({"repeat": "weekdays"}, ("30", "6", "*", "1-5"), "Monday to Friday at 06:30"),
    ({"repeat": "week", "weekday": "0"}, ("30", "6", "*", "0"), "every Sunday at 06:30"),
    ({"repeat": "month", "month_day": "28"}, ("30", "6", "28", "*"), "on day 28 of every month at 06:30"),
]


@pytest.mark.parametrize(("sent", "cron", "said"), TIMINGS, ids=[sent["repeat"] for sent, _, _ in TIMINGS])
def test_times(boss: Client, settings: Any, sent: dict[str, str], cron: tuple[str, ...], said: str) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    for name in ("Weekly", "Another"):
        add(boss, **{**{f"when-{field}": value for field, value in sent.items()}, "when-name": name})
    row = CrontabSchedule.objects.get()  # the two share it
    assert (row.minute, row.hour, row.day_of_month, row.day_of_week) == cron
    assert str(row.timezone) == "Europe/Berlin"
    first, second = PeriodicTask.objects.filter(task=REQUEST)
    assert (first.crontab, second.crontab) == (row, row)
    assert json.loads(first.kwargs)["once_per"] == ("hour" if sent["repeat"] == "hour" else "day")
    assert [one["when"] for one in boss.get(address()).context["plans"]] == [said, said]
    form = boss.get(address("_change", first.pk)).context["when"]
    assert {field.name: str(field.value()) for field in form}["repeat"] == sent["repeat"]


@pytest.mark.parametrize(
    ("what", "sent", "said"),
    [
        ("movements", {"when-name": ""}, "This field is required"),
        ("movements", {"when-name": "Taken"}, "already exists"),
        ("movements", {"when-time": "25:00"}, "Enter a valid time"),
        ("movements", {"when-month_day": "29"}, "less than or equal to 28"),
        ("movements", {"when-mail": "ada"}, "ada is not an e-mail address"),
        ("movements", {"when-repeat": "never"}, "Select a valid choice"),
        ("movements", {"product_id": "PRODUCT"}, "An id is of one device"),
        ("export", {"filters": "products.colour = red"}, "colour is no filter of products"),
        ("export", {"format": "exe"}, "Select a valid choice"),
    ],
)
def test_refusals_are_on_the_form(boss: Client, other: Device, what: str, sent: dict[str, Any], said: str) -> None:
    product = make_product(other)
    add(boss, **{"when-name": "Taken"})
    events = ServerEvent.objects.count()
    answer = add(boss, what, **{name: product.pk if value == "PRODUCT" else value for name, value in sent.items()})
    assert (answer.status_code, said in answer.content.decode()) == (200, True)
    assert (PeriodicTask.objects.filter(task=REQUEST).count(), ServerEvent.objects.count()) == (1, events)
    assert boss.get(address("_add", "secrets")).status_code == 404


def test_a_change_by_two_is_noticed(boss: Client) -> None:
    add(boss)
    row = PeriodicTask.objects.get(task=REQUEST)
    opened = {**WHEN, "format": "csv", "when-revision": ServerEvent.objects.about(row)[0].pk}
    page = address("_change", row.pk)
    assert boss.post(page, {**opened, "when-name": "First", "when-repeat": "month"}).status_code == 302
    answer = boss.post(page, {**opened, "when-name": "Second"})
    assert (answer.status_code, "Changed meanwhile" in answer.content.decode()) == (200, True)
    row.refresh_from_db()
    assert (row.name, row.crontab.day_of_month) == ("First", "1")
    assert boss.post(page, {**opened, "when-revision": "", "when-enabled": ""}).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.enabled) == ("Weekly", False)
    assert "Off (every Monday at 06:30)" in boss.get(address()).content.decode()


@pytest.mark.parametrize("timing", ["interval", "hours", "zone"])
def test_times_of_others_are_kept(boss: Client, timing: str) -> None:
    """A schedule of the Schedules page, with days of its own and a moment that does not move."""
    every = {
        "interval": {"interval": IntervalSchedule.objects.get_or_create(every=3, period="days")[0]},
        "hours": {"crontab": CrontabSchedule.objects.create(minute="0", hour="6,18", timezone="UTC")},
        "zone": {"crontab": CrontabSchedule.objects.create(minute="0", hour="6", timezone="Asia/Tokyo")},
    }[timing]
    told = {
        "kind": "report",
        "parameters": {"report": "valuation", "at": "2026-01-01T12:30:00+00:00"},
        "once_per": "minute",
    }
    row = PeriodicTask.objects.create(name="Own", task=REQUEST, kwargs=json.dumps(told), **every)
    page = boss.get(address("_change", row.pk))
    assert page.context["form"]["at"].value() == "2026-01-01T12:30"
    [shown] = boss.get(address()).context["plans"]
    assert (shown["when"], shown["to"], shown["job"]) == (str(row.scheduler), [], None)
    kept = {**WHEN, "when-repeat": "", "when-mail": "", "when-webhook": "", "format": "pdf", "at": "2026-01-01T12:30"}
    assert boss.post(address("_change", row.pk), kept).status_code == 302
    row.refresh_from_db()
    assert {name: getattr(row, name) for name in every} == every
    assert arguments() == {**told, "parameters": {**told["parameters"], "format": "pdf"}}
    assert boss.post(address("_change", row.pk), {**kept, "when-repeat": "day"}).status_code == 302
    row.refresh_from_db()
    assert (row.interval, row.crontab.hour, arguments()["once_per"]) == (None, "6", "day")


def test_other_schedules_are_none_of_these(boss: Client, device: Device) -> None:
    every = IntervalSchedule.objects.get_or_create(every=3, period="days")[0]
    rows = [
        PeriodicTask.objects.create(name=name, task=task, interval=every, kwargs=json.dumps(told))
        for name, task, told in (
            ("sweep", "inventory.jobs.sweep", {}),
            ("retention", REQUEST, {"kind": "retention"}),
            ("gone", REQUEST, {"kind": "report", "parameters": {"report": "secrets"}, "device": "x"}),
        )
    ]
    assert [read_plan(row) is None for row in rows] == [True, True, False]
    assert [boss.get(address("_change", row.pk)).status_code for row in rows] == [404, 404, 404]
    [shown] = boss.get(address()).context["plans"]
    assert (shown["what"], shown["whose"]) == ("report", "x")


@pytest.mark.parametrize(
    ("permissions", "list_status", "add_status", "change_status"),
    [
        ((), 403, 403, 403),
        (("view_periodictask",), 200, 403, 403),
        (("add_periodictask", "change_periodictask"), 403, 403, 403),
        (("add_periodictask", "add_job"), 403, 200, 403),
        (("view_periodictask", "change_periodictask", "add_job", "view_job"), 200, 403, 200),
    ],
)
def test_permissions(
    boss: Client, permissions: tuple[str, ...], list_status: int, add_status: int, change_status: int
) -> None:
    add(boss)
    row = PeriodicTask.objects.get(task=REQUEST)
    user = User.objects.create_user(username="clerk", is_staff=True, password="correct horse")
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    assert client.get(address()).status_code == list_status
    assert client.get(address("_add", "movements")).status_code == add_status
    assert client.get(address("_change", row.pk)).status_code == change_status


def test_one_that_failed_is_seen_on_the_list(boss: Client, monkeypatch: pytest.MonkeyPatch,
                                             django_capture_on_commit_callbacks: Any) -> None:  # fmt: skip
    add(boss)
    monkeypatch.setattr("inventory.services.reports.open_scope", lambda device: 1 / 0)
    with django_capture_on_commit_callbacks(execute=True):
        request.apply(kwargs=arguments(), headers={"periodic_task_name": "Weekly"}, throw=True)
    page = boss.get(address()).content.decode()
    assert "Failed: Something went wrong on our side" in page
    assert address("_add", "movements") in boss.get(reverse("admin:inventory_job_reports")).content.decode()
    assert f'href="{address()}"' in boss.get(reverse("admin:index")).content.decode()
