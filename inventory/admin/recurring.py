"""Recurring reports and exports in the admin: what, when, for whom; how each went the last time."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from config.core.display import SmallTextarea
from config.core.errors import AppError
from config.core.row_actions import sentence
from config.core.wire import uuid_of
from devices.admin.staff import staff_actor
from devices.models import Device
from devices.services.server_rows import last_event
from inventory.admin import asking
from inventory.admin.exports import ExportForm, filter_lines
from inventory.admin.reports import ReportForm
from inventory.models import Job
from inventory.reports.registry import REPORTS
from inventory.services.recurring.plans import (
    DAYS,
    LAST_DAY,
    REQUEST,
    Plan,
    Timing,
    create_plan,
    read_plan,
    update_plan,
)

EXPORT = "export"
FIXED = ("at", "revision", "from_day", "to_day")  # the same each time: a period is what is wanted here
LATE = 500  # jobs among which the last of each schedule is looked for
REPEATS = (("day", "Every day"), ("weekdays", "Monday to Friday"), ("week", "Every week"), ("month", "Every month"),
           ("hour", "Every hour"))  # fmt: skip
KEEP = ("", "As on its schedule")
WEEK = (1, 2, 3, 4, 5, 6, 0)


class TimingForm(forms.Form):
    """When, and who is told."""

    name = forms.CharField(
        max_length=200, widget=UnfoldAdminTextInputWidget, help_text="It is in the subject of mails."
    )
    repeat = forms.ChoiceField(choices=REPEATS, widget=UnfoldAdminSelectWidget, required=False)
    weekday = forms.TypedChoiceField(
        label="On", choices=[(day, DAYS[day]) for day in WEEK], coerce=int, initial=1, widget=UnfoldAdminSelectWidget
    )
    month_day = asking.number(least=1, most=LAST_DAY, initial=1, label="On day")
    time = forms.TimeField(
        label="At",
        initial=time(6),
        widget=UnfoldAdminTextInputWidget(attrs={"type": "time"}),
        help_text=f"In {timezone.get_default_timezone_name()}; of every hour, the minute counts.",
    )
    mail = forms.CharField(
        label="By e-mail to", required=False, widget=SmallTextarea, help_text="Addresses, one a line; at most 20."
    )
    webhook = asking.flag(
        label="Tell webhooks",
        help_text="Those that listen to reports.ready or exports.ready get the news, not the file.",
    )
    enabled = asking.flag(initial=True, help_text="Off: it is kept and does not run.")
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def clean_mail(self) -> list[str]:
        return str(self.cleaned_data["mail"]).replace(",", " ").replace(";", " ").split()

    def timing(self) -> Timing | None:
        """None: as it is."""
        found = self.cleaned_data
        if not found["repeat"]:
            return None
        at = found["time"]
        return Timing(found["repeat"], at.hour, at.minute, found["weekday"], found["month_day"])


def recurring_view(request: HttpRequest) -> HttpResponse:
    """What is made again and again, and how it went."""
    if not request.user.has_perm("django_celery_beat.view_periodictask"):
        raise PermissionDenied
    rows = PeriodicTask.objects.filter(task=REQUEST).select_related("crontab", "interval", "clocked", "solar")
    plans = [(row, plan) for row in rows.order_by("name") if (plan := read_plan(row)) is not None]
    devices = {str(device.uuid): device for device in Device.all_objects.filter(uuid__in=_uuids(plans))}
    last = _last_jobs()
    context = {
        **site.each_context(request),
        "title": "Recurring reports and exports",
        "plans": [_shown(row, plan, devices.get(plan.device), last.get(row.name)) for row, plan in plans],
        "kinds": [(kind.name, kind.title) for kind in REPORTS.values()],
        "may_add": asking.may_plan(request, "add"),
    }
    return TemplateResponse(request, "admin/recurring.html", context)


def _uuids(plans: Any) -> list[Any]:
    return [found for _, plan in plans if (found := uuid_of(plan.device))]


def _last_jobs() -> dict[str, Job]:
    """Schedule → its newest job, among the newest."""
    newest = Job.objects.filter(actor_kind="system", actor_id="schedule").defer("log").order_by("-id")[:LATE]
    return {str(job.deliver.get("schedule", "")): job for job in reversed(newest)}


def _shown(row: PeriodicTask, plan: Plan, device: Device | None, job: Job | None) -> dict[str, Any]:
    report = REPORTS.get(str(plan.parameters.get("report", "")))
    people = plan.deliver.get("mail", [])
    return {
        "row": row,
        "page": reverse("admin:inventory_job_recurring_change", args=(row.pk,)),
        "what": "Export" if plan.kind == EXPORT else report.title if report else plan.kind,
        "format": str(plan.parameters.get("format", "")).upper(),
        "whose": device or plan.device or "all devices",
        "when": str(plan.timing or row.scheduler),
        "to": [*people, *(["webhooks"] if plan.deliver.get("webhook") else [])],
        "job": job,
        "job_page": asking.page_of(job) if job else "",
    }


def add_view(request: HttpRequest, what: str) -> HttpResponse:
    """The form of a new one."""
    if not asking.may_plan(request, "add"):
        raise PermissionDenied
    if what != EXPORT and what not in REPORTS:
        raise Http404
    title = "Export" if what == EXPORT else REPORTS[what].title
    mine = _what_form(what, request.POST or None)
    when = TimingForm(request.POST or None, prefix="when", initial={"name": title})
    if mine.is_valid() and when.is_valid():
        saved = _saved(request, what, mine, when, None)
        if saved is not None:
            return saved
    return _page(request, f"Recurring: {title}", mine, when, None)


def change_view(request: HttpRequest, pk: int) -> HttpResponse:
    """The form of one that is there, with what it says."""
    if not asking.may_plan(request, "change"):
        raise PermissionDenied
    row = get_object_or_404(PeriodicTask, pk=pk)
    plan = read_plan(row)
    if plan is None:
        raise Http404
    what = EXPORT if plan.kind == EXPORT else str(plan.parameters.get("report", ""))
    if what != EXPORT and what not in REPORTS:
        raise Http404
    mine = _what_form(what, request.POST or None, initial=_initial(what, plan), kept=plan.parameters)
    when = TimingForm(request.POST or None, prefix="when", initial=_initial_timing(row, plan))
    if plan.timing is None:
        when.fields["repeat"].choices = [KEEP, *REPEATS]  # type: ignore[attr-defined]  # a choice field
    if mine.is_valid() and when.is_valid():
        saved = _saved(request, what, mine, when, row)
        if saved is not None:
            return saved
    return _page(request, str(row.name), mine, when, row)


def _what_form(what: str, sent: Any, *, initial: Any = None, kept: Any = ()) -> Any:
    form: Any = (
        ExportForm(sent, initial=initial) if what == EXPORT else ReportForm(REPORTS[what], sent, initial=initial)
    )
    for name in FIXED:
        if name in form.fields and name not in kept:
            del form.fields[name]
    return form


def _initial(what: str, plan: Plan) -> dict[str, Any]:
    """Parameters as the form has them."""
    found = dict(plan.parameters)
    found["device"] = Device.objects.filter(uuid=uuid_of(plan.device)).first() if plan.device else None
    if what == EXPORT:
        return {**found, "filters": filter_lines(found.get("filters", {}))}
    for one in REPORTS[what].filters:
        if one.name not in found:
            continue
        if one.type == "id":
            rows = one.model.all_objects.filter(device__uuid=uuid_of(plan.device))
            found[one.name] = rows.filter(uuid=uuid_of(str(found[one.name]))).first()
        elif one.type == "moment":
            local = timezone.localtime(datetime.fromisoformat(str(found[one.name])))
            found[one.name] = f"{local:%Y-%m-%dT%H:%M}"
    return found


def _initial_timing(row: PeriodicTask, plan: Plan) -> dict[str, Any]:
    found = {
        "name": row.name,
        "repeat": "",
        "mail": "\n".join(plan.deliver.get("mail", [])),
        "webhook": plan.deliver.get("webhook", False),
        "enabled": row.enabled,
        "revision": last_event(row),
    }
    if plan.timing is None:
        return found
    at = time(plan.timing.hour, plan.timing.minute)
    kept = {"weekday": plan.timing.weekday, "month_day": plan.timing.month_day}
    return {**found, **kept, "repeat": plan.timing.repeat, "time": at}


def _saved(request: HttpRequest, what: str, mine: Any, when: Any, row: PeriodicTask | None) -> HttpResponse | None:
    """Where to go when it is kept; None, with the reason on the form, where it is refused."""
    report = {} if what == EXPORT else {"report": what}
    told: dict[str, Any] = {
        "actor": staff_actor(request),
        "name": when.cleaned_data["name"],
        "kind": EXPORT if what == EXPORT else "report",
        "parameters": {**report, **mine.parameters()},
        "device": mine.cleaned_data["device"],
        "deliver": {"mail": when.cleaned_data["mail"], "webhook": when.cleaned_data["webhook"]},
        "timing": when.timing(),
        "enabled": when.cleaned_data["enabled"],
    }
    try:
        if row is None:
            create_plan(**told)
        else:
            update_plan(row, **told, expected_revision=when.cleaned_data["revision"])
    except AppError as error:
        _refuse(error, mine, when)
        return None
    messages.success(request, "Kept. It runs at its times.")
    return redirect(reverse("admin:inventory_job_recurring"))


def _refuse(error: AppError, *both: Any) -> None:
    """Each problem at its field, or the sentence on top."""
    named = {problem.field.partition(".")[0]: problem.detail for problem in error.errors}
    is_told = False
    for form in both:
        for name in named.keys() & form.fields.keys():
            form.add_error(name, named[name])
            is_told = True
    if not is_told:
        both[0].add_error(None, sentence(error))


def _page(request: HttpRequest, title: str, mine: Any, when: Any, row: PeriodicTask | None) -> HttpResponse:
    context = {
        **site.each_context(request),
        "title": title,
        "form": mine,
        "when": [when[name] for name in ("name", "repeat", "weekday", "month_day", "time", "enabled", "revision")],
        "whom": [when[name] for name in ("mail", "webhook")],
        "media": mine.media + when.media,
        "back": reverse("admin:inventory_job_recurring"),
        "schedule": reverse("admin:django_celery_beat_periodictask_change", args=(row.pk,)) if row else "",
    }
    return TemplateResponse(request, "admin/recurring_form.html", context)


def urls() -> list[Any]:
    """Routes of these pages, below the jobs."""
    return [
        path("recurring/", site.admin_view(recurring_view), name="inventory_job_recurring"),
        path("recurring/add/<slug:what>/", site.admin_view(add_view), name="inventory_job_recurring_add"),
        path("recurring/<int:pk>/", site.admin_view(change_view), name="inventory_job_recurring_change"),
    ]
