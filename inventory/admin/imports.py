"""Imports in the admin: a file is sent, mapped, tried, applied, and undone if need be."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from config.core.display import column
from config.core.forms import ServiceForm
from config.core.row_actions import RowAction
from devices.admin.owned import OwnedForm, device_widget, link_to
from devices.admin.staff import StaffAdmin
from inventory.models import ImportProfile, ImportRow, ImportSession
from inventory.services.imports import sessions
from inventory.services.imports.options import EXISTING, read_options
from inventory.services.imports.profiles import delete_profile, save_profile
from inventory.services.imports.ready import PROFILES
from inventory.services.imports.registry import KINDS, find_import_kind

Status = ImportSession.Status
COLOURS = {"Draft": "", "Ready to apply": "info", "Running": "info", "Applied": "success", "Failed": "danger",
           "Reverted": "warning"}  # fmt: skip
DATES = (("", "ISO only (2027-01-31)"), ("dmy", "Day first (31/01/2027)"), ("mdy", "Month first (01/31/2027)"))
MAP = "map_"
WHERE = ("location", "sheet")  # of counts
TOLD = 50


class ImportForm(OwnedForm):
    """A file for a device. Without a kind and a profile both are found out."""

    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget, help_text="CSV, XLSX, XLS or JSON Lines, in any encoding."
    )
    kind = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget, help_text="What its lines are.")
    profile = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget, help_text="A mapping to begin with.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        saved = [(profile.name, f"{profile.name} (saved)") for profile in ImportProfile.objects.order_by("name")]
        ready = [(profile.name, profile.title) for profile in PROFILES]
        self.fields["kind"].choices = [("", "Find out"), *((kind.name, kind.title) for kind in KINDS.values())]  # type: ignore[attr-defined]  # a choice field
        self.fields["profile"].choices = [("", "Find out"), *saved, *ready]  # type: ignore[attr-defined]  # likewise


class ProfileForm(forms.Form):
    """Under which name a mapping is kept, and for whom."""

    name = forms.CharField(max_length=100, widget=UnfoldAdminTextInputWidget)
    shared = forms.BooleanField(required=False, help_text="For every device, not only this one.")


def _may_dry_run(row: ImportSession) -> bool:
    return row.standing in (Status.DRAFT, Status.READY)


def _may_apply(row: ImportSession) -> bool:
    return row.standing in (Status.READY, Status.FAILED)


def _may_revert(row: ImportSession) -> bool:
    return row.standing in (Status.APPLIED, Status.FAILED)


@admin.register(ImportSession)
class ImportAdmin(StaffAdmin):
    """The add form sends a file; the page of an import maps its columns and shows what was found."""

    has_history = False
    create_service = staticmethod(sessions.import_sent_file)
    update_service = staticmethod(sessions.change_import)
    change_form_after_template = "admin/import_preview.html"
    row_actions = (
        RowAction(
            "dry_run", "Dry run", "Every line is judged; nothing is written.", sessions.request_dry_run,
            icon="fact_check", fits=_may_dry_run,
        ),
        RowAction(
            "apply", "Apply", "The lines are written. It can be reverted afterwards.", sessions.request_apply,
            icon="publish", fits=_may_apply,
        ),
        RowAction(
            "revert", "Revert",
            "What it made is deleted, what it changed is put back, movements are reversed; what others have touched "
            "since stays.",
            sessions.request_revert, icon="undo", danger=True, fits=_may_revert, bulk=False,
        ),
        RowAction(
            "save_profile", "Save mapping", "It can be used for other files like this one.", save_profile,
            icon="bookmark_add", answers=ProfileForm, bulk=False,
        ),
    )  # fmt: skip
    list_display = ("file_name", "kind", "status_label", "figures", "device_link", "actor_name", "created_at")
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("device", AutocompleteSelectFilter),
    )
    list_select_related = ("device", "job", "upload")
    search_fields = ("file_name", "=uuid")
    search_help_text = "File or id"
    ordering = ("-id",)
    told = ("status_label", "figures", "device_link", "read_as", "profile", "job_link", "uuid")
    readonly_fields = told

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("device", "job", "upload")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or _may_dry_run(obj))

    # --- the form ---
    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            form = super().get_form(request, obj, change=change, **{**kwargs, "form": ImportForm})
            form.base_fields["device"].widget = device_widget(self.model, self.admin_site)
            form.base_fields["device"].widget.choices = form.base_fields["device"].choices
            return form
        mine = mapping_form(obj) if self.has_change_permission(request, obj) else ServiceForm
        return super().get_form(request, obj, change=change, **{**kwargs, "form": mine})

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("device",)  # never a field of the model's own: the add form declares it

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.told

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("device", "file", "kind", "profile")}),)
        head = (
            None,
            {"fields": (("status_label", "figures"), ("device_link", "read_as"), ("profile", "job_link"), "uuid")},
        )
        if not self.has_change_permission(request, obj):
            return (head,)
        names = [f"{MAP}{field.name}" for field in find_import_kind(obj.kind).fields]
        lines = [tuple(names[start : start + 2]) for start in range(0, len(names), 2)]
        rules = (("existing", "date_format", "decimal_comma"), *((WHERE,) if obj.kind == "counts" else ()))
        return (
            head,
            ("Columns", {"fields": lines, "description": "Which column of the file is which field."}),
            ("Rules", {"fields": rules}),
        )

    def created_in(self, form: Any) -> dict[str, Any]:
        return {"device": form.cleaned_data["device"], "file": form.cleaned_data["file"]}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            super().save_model(request, obj, form, change)
            return
        chosen = form.cleaned_data
        kept = {name: columns for name, columns in obj.mapping.items() if f"{MAP}{name}" not in form.fields}
        mapping = {
            name.removeprefix(MAP): json.loads(value)
            for name, value in chosen.items()
            if name.startswith(MAP) and value
        }
        rules = {name: chosen[name] for name in ("existing", "date_format", "decimal_comma", *WHERE) if name in chosen}
        changes = {"mapping": {**kept, **mapping}, "options": {**obj.options, **rules}}
        obj.__dict__ = sessions.change_import(obj, actor=self.actor_of(request), changes=changes).__dict__

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        row = kwargs.get("obj") or context.get("original")
        if row is not None:
            told = ImportRow.objects.filter(session=row).exclude(internal_code="").order_by("number")
            types = {found["column"]: shown_type(found) for found in row.detected["types"]}
            columns = [(name, types.get(name, "")) for name in row.columns]
            context = {**context, "import_rows": told[:TOLD], "import_session": row, "import_columns": columns}
        return super().render_change_form(request, context, *args, **kwargs)

    # --- what is shown ---
    @column(description="Status", ordering="status", badges=COLOURS)
    def status_label(self, row: ImportSession) -> str:
        return str(Status(row.standing).label)

    @column(description="Lines")
    def figures(self, row: ImportSession) -> str:
        found = row.summary or {}
        names = [name for name in ("created", "updated", "unchanged", "skipped", "error") if found.get(name)]
        return ", ".join(f"{found[name]:,} {name}" for name in names) or "–"

    @column(description="Device")
    def device_link(self, row: ImportSession) -> str:
        return link_to(row.device)

    @column(description="Job")
    def job_link(self, row: ImportSession) -> str:
        return link_to(row.job)

    @column(description="Read as")
    def read_as(self, row: ImportSession) -> str:
        told = (
            {**row.reading, "delimiter": repr(row.reading["delimiter"])} if "delimiter" in row.reading else row.reading
        )
        told = {**told, "line_ends": row.detected["line_ends"]}
        names = ("format", "encoding", "delimiter", "line_ends", "sheet", "header_line")
        return ", ".join(f"{name.replace('_', ' ')} {told[name]}" for name in names if told.get(name) not in (None, ""))


def shown_type(found: dict[str, Any]) -> str:
    """A column's type as people read it: `date (dmy)`."""
    words = str(found["type"]).replace("_", " ")
    return f"{words} ({found['date_format']})" if found["date_format"] else words


def mapping_form(session: ImportSession) -> type[ServiceForm]:
    """A form with a choice of columns for each field of the import's kind."""
    options = read_options(session.options)
    columns = [("", "–"), *((json.dumps(name), name) for name in session.columns)]
    made: dict[str, Any] = {}
    for field in find_import_kind(session.kind).fields:
        mapped = session.mapping.get(field.name, "")
        value = json.dumps(mapped) if mapped else ""
        joined = [(value, " + ".join(mapped))] if isinstance(mapped, list) else []
        made[f"{MAP}{field.name}"] = forms.ChoiceField(
            label=field.title,
            required=False,
            choices=[*columns, *joined],
            initial=value,
            widget=UnfoldAdminSelectWidget,
        )
    existing = [(name, name.capitalize()) for name in EXISTING]
    made["existing"] = forms.ChoiceField(
        label="Known rows", choices=existing, initial=options.existing, widget=UnfoldAdminSelectWidget
    )
    made["date_format"] = forms.ChoiceField(
        label="Dates", required=False, choices=DATES, initial=options.date_format, widget=UnfoldAdminSelectWidget
    )
    made["decimal_comma"] = forms.BooleanField(label="Decimal comma", required=False, initial=options.decimal_comma)
    if session.kind == "counts":
        made["location"] = forms.CharField(
            required=False, initial=options.location, max_length=200, widget=UnfoldAdminTextInputWidget,
            help_text="Where it was counted: code, path or name. Empty: the default location.",
        )  # fmt: skip
        made["sheet"] = forms.CharField(
            label="Count sheet", required=False, initial=options.sheet, widget=UnfoldAdminTextInputWidget,
            help_text="The id of a sheet to count on. Empty: a stocktake is made for the file.",
        )  # fmt: skip
    return type("MappingForm", (ServiceForm,), made)


@admin.register(ImportProfile)
class ImportProfileAdmin(StaffAdmin):
    """Saved mappings; they are made on the page of an import."""

    has_history = False
    delete_service = staticmethod(delete_profile)
    list_display = ("name", "kind", "device_link", "created_at")
    list_select_related = ("device",)
    search_fields = ("name",)
    ordering = ("name",)
    fields = ("name", "kind", "device_link", "mapping", "options", "reading", "created_at")
    readonly_fields = fields

    @column(description="Device")
    def device_link(self, row: ImportProfile) -> str:
        return link_to(row.device) if row.device else "every device"
