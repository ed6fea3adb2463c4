"""Print labels in the admin: of chosen rows, or of all that a device has."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from unfold.widgets import UnfoldAdminSelectWidget

from config.core.row_actions import MOST_ROWS
from devices.admin.staff import staff_actor
from devices.models import Device
from inventory.admin import asking
from inventory.admin.asking import AskForm
from inventory.models import LabelTemplate
from inventory.services.jobs import request_job
from inventory.services.label_templates import BUILT_IN
from inventory.services.labels import FILTERS, FORMATS, MOST_COPIES, MOST_SKIPPED, WHAT


class SheetForm(forms.Form):
    """On what, how often, and how."""

    template = asking.words(BUILT_IN, label="Sheet", help_text="Or a template of the device, below.")
    own_template = forms.ModelChoiceField(
        LabelTemplate.objects.select_related("device").order_by("name"),
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    format = asking.words(FORMATS)
    copies = asking.number(least=1, most=MOST_COPIES, initial=1)
    skip = asking.number(least=0, most=MOST_SKIPPED, initial=0, help_text="Places of the first sheet that are used up.")

    def sheet(self) -> dict[str, Any]:
        """As a job's parameters."""
        found = dict(self.cleaned_data)
        own = found.pop("own_template")
        kept = {name: found[name] for name in ("format", "copies", "skip")}
        return {**kept, "template": str(own.uuid) if own else found["template"]}


class LabelForm(SheetForm, AskForm):
    """Everything of a kind that a device has, or what a filter leaves of it."""

    what = asking.words(WHAT)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["device"].help_text = "Empty: labels of all devices themselves."
        for name, about in (
            ("category_id", "Products of this category and below"),
            ("location_id", "This location and those below"),
            ("product_id", "Lots of this product"),
        ):
            self.fields[name] = asking.chosen(name, about)
        self.order_fields(["what", "device", "category_id", "location_id", "product_id"])

    def sheet(self) -> dict[str, Any]:
        filters = {name: self.cleaned_data[name] for name in FILTERS}
        named = {name: str(row.uuid) for name, row in filters.items() if row is not None}
        return {**super().sheet(), "what": self.cleaned_data["what"], **named}


def labels_view(request: HttpRequest) -> HttpResponse:
    """The form; for rows chosen on a list, a job for each device that they belong to."""
    if not request.user.has_perm("inventory.add_job"):
        raise PermissionDenied
    rows = _chosen_rows(request)
    form: Any = SheetForm(request.POST or None) if rows else LabelForm(request.POST or None)
    if form.is_valid():
        asked = _print_rows(request, form, rows) if rows else _print_all(request, form)
        if asked is not None:
            return asked
    context = {
        **site.each_context(request),
        "title": "Print labels",
        "about": f"Of {len(rows):,} chosen rows." if rows else "Of everything that a device has, or of a part of it.",
        "form": form,
        "back": reverse("admin:index"),
        "button": "Print",
    }
    return TemplateResponse(request, "admin/ask.html", context)


def _chosen_rows(request: HttpRequest) -> list[Any]:
    """The rows that a list's action named. What is not there (any more) is left out."""
    model = WHAT.get(request.GET.get("what", ""), (None, None))[0]
    keys = request.GET.get("rows", "").split(",")[:MOST_ROWS]
    numbers = [int(key) for key in keys if key.isascii() and key.isdigit() and len(key) < 19]  # noqa: PLR2004  # 64 bits
    return list(model.objects.filter(pk__in=numbers).order_by("pk")) if model and numbers else []


def _print_all(request: HttpRequest, form: Any) -> HttpResponse | None:
    device = form.cleaned_data["device"]
    return asking.ask(request, form, kind="labels", parameters=form.sheet(), device=device)


def _print_rows(request: HttpRequest, form: Any, rows: list[Any]) -> HttpResponse | None:
    """All or none: a job for each device, in one transaction where several are needed."""
    what = request.GET["what"]
    by_device: dict[Any, list[str]] = {}
    for row in rows:
        by_device.setdefault(None if isinstance(row, Device) else row.device_id, []).append(str(row.uuid))
    devices = Device.all_objects.in_bulk([key for key in by_device if key is not None])
    sheets = [(devices.get(key), {**form.sheet(), "what": what, "ids": ids}) for key, ids in by_device.items()]
    if len(sheets) == 1:
        (device, parameters), *_ = sheets
        return asking.ask(request, form, kind="labels", parameters=parameters, device=device)
    return _print_several(request, form, sheets)


def _print_several(request: HttpRequest, form: Any, sheets: list[tuple[Any, dict[str, Any]]]) -> HttpResponse | None:
    for device, parameters in sheets:
        refused = asking.refusal_of("labels", device, parameters)
        if refused is not None:
            form.add_error(None, f"{device}: {refused}")
            return None
    for device, parameters in sheets:
        request_job(kind="labels", actor=staff_actor(request), device=device, parameters=parameters)
    messages.success(request, f"Asked for {len(sheets)} sheets, one for each device.")
    return redirect(f"{reverse('admin:inventory_job_changelist')}?kind__icontains=labels")


def urls() -> list[Any]:
    """Routes of these pages, below the jobs."""
    return [path("labels/", site.admin_view(labels_view), name="inventory_job_labels")]
