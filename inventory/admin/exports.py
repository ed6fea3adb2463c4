"""Exports in the admin: which tables, filtered how, in which format; and what was made of late."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from config.core.display import SmallTextarea
from inventory.admin import asking
from inventory.admin.asking import AskForm
from inventory.formats.table_files import FORMATS
from inventory.reports.periods import PERIODS
from inventory.services.exports.tables import tables

FILTERS_HELP = (
    "One a line: products.is_active = true, lots.expires_on__lt = 2027-01-01, stock_movements.kind = issue. "
    "Tables and names are those of the API's lists."
)


class ExportForm(AskForm):
    """Everything that one device or all of them hold, or some of it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(name, name.replace("_", " ").capitalize()) for name in tables()]
        self.fields["tables"] = forms.MultipleChoiceField(
            choices=choices, required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget, help_text="None: all."
        )
        self.fields["format"] = asking.words(FORMATS)
        about = "Movements, counts and scans of this period only; other tables are whole."
        self.fields["period"] = asking.words(PERIODS, empty="any time", help_text=about)
        self.fields["filters"] = forms.CharField(required=False, widget=SmallTextarea, help_text=FILTERS_HELP)
        self.fields["deleted"] = asking.flag(help_text="What was deleted, too.")

    def clean_filters(self) -> dict[str, dict[str, str]]:
        """The lines as the job takes them."""
        found: dict[str, dict[str, str]] = {}
        for line in self.cleaned_data["filters"].splitlines():
            if not line.strip():
                continue
            place, equals, value = line.partition("=")
            table, dot, name = place.strip().partition(".")
            if not (equals and dot and table and name):
                raise forms.ValidationError(f"“{line.strip()[:80]}” is not like: products.is_active = true")
            found.setdefault(table, {})[name] = value.strip()
        return found

    def parameters(self) -> dict[str, Any]:
        return {name: value for name, value in super().parameters().items() if value not in ([], {})}


def filter_lines(filters: Any) -> str:
    """As the form has them."""
    return "\n".join(f"{table}.{name} = {value}" for table, named in filters.items() for name, value in named.items())


def exports_view(request: HttpRequest) -> HttpResponse:
    """The form, and below it the newest exports with their files; what is asked for becomes a job."""
    if not request.user.has_perm("inventory.view_job"):
        raise PermissionDenied
    may_ask = request.user.has_perm("inventory.add_job")
    if request.method == "POST" and not may_ask:
        raise PermissionDenied
    form = ExportForm(request.POST or None)
    if form.is_valid():
        device = form.cleaned_data["device"]
        asked = asking.ask(request, form, kind="export", parameters=form.parameters(), device=device)
        if asked is not None:
            return asked
    context = {
        **site.each_context(request),
        "title": "Exports",
        "about": "A ZIP with a file for each table, which an import reads back.",
        "form": form,
        "may_ask": may_ask,
        "may_repeat": asking.may_plan(request, "add"),
        "button": "Make the export",
        "made": asking.made_of_late("export"),
    }
    return TemplateResponse(request, "admin/exports.html", context)


def urls() -> list[Any]:
    """Routes of this page, below the jobs."""
    return [path("exports/", site.admin_view(exports_view), name="inventory_job_exports")]
