"""Forms that ask for a job: a field for each parameter, and what the form says as the job takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import site
from django.contrib.admin.widgets import AutocompleteSelect
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from config.core.errors import AppError
from config.core.row_actions import sentence
from devices.admin.staff import staff_actor
from devices.models import Device
from inventory.models import Artifact, Job, Lot, Product, StockLevel, StocktakeLine
from inventory.services.job_kinds import check_parameters, find_kind
from inventory.services.jobs import request_job

RECENT = 25
POINTS: Mapping[str, Any] = {  # a foreign key for each model that is chosen by autocomplete
    "category_id": Product._meta.get_field("category"),
    "product_id": Lot._meta.get_field("product"),
    "location_id": StockLevel._meta.get_field("location"),
    "stocktake_id": StocktakeLine._meta.get_field("stocktake"),
}


class AskForm(forms.Form):
    """Whose, and in which format; the rest is added per kind."""

    device_field = StockLevel._meta.get_field("device")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["device"] = forms.ModelChoiceField(
            queryset=Device.objects.all(),
            required=False,
            widget=AutocompleteSelect(self.device_field, site),
            help_text="Empty: all devices.",
        )

    def parameters(self) -> dict[str, Any]:
        """What was filled in, as a job's parameters."""
        found = {name: value for name, value in self.cleaned_data.items() if name != "device"}
        return {name: _said(value) for name, value in found.items() if value not in (None, "", False)}


def _said(value: Any) -> Any:
    if isinstance(value, models.Model):
        return str(value.uuid)  # type: ignore[attr-defined]  # rows of devices have one
    return value.isoformat() if isinstance(value, date | datetime) else value


def chosen(name: str, about: str) -> forms.Field:
    """A row of the form's device, by autocomplete."""
    point = POINTS[name]
    label = name.removesuffix("_id").capitalize()
    queryset = point.related_model.objects.all()
    return forms.ModelChoiceField(
        queryset, required=False, label=label, help_text=about, widget=AutocompleteSelect(point, site)
    )


def words(choices: Any, *, empty: str = "", **kept: Any) -> forms.Field:
    """One of a few."""
    given = [(word, word.replace("_", " ")) for word in choices]
    return forms.ChoiceField(
        choices=[("", empty), *given] if empty else given, widget=UnfoldAdminSelectWidget, required=not empty, **kept
    )


def number(*, least: int, most: int, **kept: Any) -> forms.Field:
    """A whole number."""
    return forms.IntegerField(min_value=least, max_value=most, widget=UnfoldAdminIntegerFieldWidget, **kept)


def day(**kept: Any) -> forms.Field:
    """A date, by the browser's own calendar."""
    return forms.DateField(required=False, widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}), **kept)


def moment(**kept: Any) -> forms.Field:
    """A time in the server's zone, likewise."""
    widget = UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"})
    return forms.DateTimeField(required=False, input_formats=["%Y-%m-%dT%H:%M"], widget=widget, **kept)


def flag(**kept: Any) -> forms.Field:
    """Yes or no."""
    return forms.BooleanField(required=False, widget=UnfoldBooleanSwitchWidget, **kept)


def ask(request: HttpRequest, form: Any, *, kind: str, parameters: dict[str, Any], device: Any) -> HttpResponse | None:
    """Ask for the job and go to its page; None, with the reason on the form, where it is refused."""
    try:
        job = request_job(kind=kind, actor=staff_actor(request), device=device, parameters=parameters)
    except AppError as error:
        named = {problem.field.partition(".")[0]: problem.detail for problem in error.errors}
        for name in named.keys() & form.fields.keys():
            form.add_error(name, named[name])
        if not named.keys() & form.fields.keys():
            form.add_error(None, sentence(error))
        return None
    messages.success(request, "Asked for. The file is here when the job has succeeded.")
    return redirect(page_of(job))


def may_plan(request: HttpRequest, what: str) -> bool:
    """Whether the person may add (or change) a schedule that asks for jobs."""
    user: Any = request.user
    return bool(user.has_perm(f"django_celery_beat.{what}_periodictask") and user.has_perm("inventory.add_job"))


def refusal_of(kind: str, device: Any, parameters: dict[str, Any]) -> str | None:
    """Why a job would be refused, before any of several is asked for."""
    try:
        check_parameters(find_kind(kind), device=device, given=parameters)
    except AppError as error:
        return sentence(error)
    return None


def made_of_late(kind: str, title: Callable[[Job], str] = str) -> list[dict[str, Any]]:
    """The newest jobs of a kind, each with its file where it has one."""
    jobs = list(Job.objects.filter(kind=kind).defer("log").select_related("device").order_by("-id")[:RECENT])
    files = Artifact.objects.filter(job__in=jobs, expires_at__gt=timezone.now())
    by_job = {file.job_id: file for file in files.order_by("id")}
    return [_made(job, title(job), by_job.get(job.pk)) for job in jobs]


def _made(job: Job, title: str, file: Artifact | None) -> dict[str, Any]:
    return {
        "job": job,
        "page": page_of(job),
        "title": title,
        "format": str(job.parameters.get("format", "")).upper(),
        "file": file,
        "link": reverse("admin:inventory_job_file", args=(job.pk, file.uuid)) if file else "",
    }


def page_of(job: Job) -> str:
    """The address of a job's page."""
    return reverse("admin:inventory_job_change", args=(job.pk,))
