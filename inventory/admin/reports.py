"""Reports in the admin: which there are, a form for each, and what was made of late."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse

from inventory.admin import asking
from inventory.admin.asking import AskForm
from inventory.models import Job
from inventory.reports.kinds import Filter, ReportKind
from inventory.reports.registry import REPORTS
from inventory.services.reports import FORMATS, PAPERS


class ReportForm(AskForm):
    """A report about one device or all of them."""

    def __init__(self, kind: ReportKind, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["format"] = asking.words(FORMATS)
        self.fields["paper"] = asking.words(PAPERS, empty="as the server is set", help_text="of a PDF")
        for one in kind.filters:
            self.fields[one.name] = _field(one)


def _field(one: Filter) -> forms.Field:
    if one.type == "id":
        return asking.chosen(one.name, one.about)
    kept: dict[str, Any] = {"help_text": one.about, "label": one.name.replace("_", " ").capitalize()}
    if one.type == "choice":
        if one.default:
            return asking.words(one.choices, initial=one.default, **kept)
        return asking.words(one.choices, empty="any", **kept)
    if one.type == "whole":
        return asking.number(least=0, most=one.most, initial=one.default, required=False, **kept)
    return {"day": asking.day, "moment": asking.moment, "flag": asking.flag}[one.type](**kept)


def reports_view(request: HttpRequest) -> HttpResponse:
    """Every report as a card, and the newest that were asked for, with their files."""
    if not request.user.has_perm("inventory.view_job"):
        raise PermissionDenied
    context = {
        **site.each_context(request),
        "title": "Reports",
        "kinds": REPORTS.values(),
        "may_ask": request.user.has_perm("inventory.add_job"),
        "may_repeat": asking.may_plan(request, "add"),
        "made": asking.made_of_late("report", _title),
    }
    return TemplateResponse(request, "admin/reports.html", context)


def _title(job: Job) -> str:
    kind = REPORTS.get(job.parameters.get("report", ""))
    return kind.title if kind else job.kind


def report_view(request: HttpRequest, name: str) -> HttpResponse:
    """The form of one report; what it asks for becomes a job."""
    if not request.user.has_perm("inventory.add_job"):
        raise PermissionDenied
    kind = REPORTS.get(name)
    if kind is None:
        raise Http404
    form = ReportForm(kind, request.POST or None)
    if form.is_valid():
        wanted = {"report": kind.name, **form.parameters()}
        asked = asking.ask(request, form, kind="report", parameters=wanted, device=form.cleaned_data["device"])
        if asked is not None:
            return asked
    context = {
        **site.each_context(request),
        "title": kind.title,
        "about": kind.about,
        "form": form,
        "back": reverse("admin:inventory_job_reports"),
        "button": "Make the report",
    }
    return TemplateResponse(request, "admin/ask.html", context)


def urls() -> list[Any]:
    """Routes of these pages, below the jobs."""
    return [
        path("reports/", site.admin_view(reports_view), name="inventory_job_reports"),
        path("reports/<slug:name>/", site.admin_view(report_view), name="inventory_job_report"),
    ]
