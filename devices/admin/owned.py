"""The base of admin pages of what devices own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from config.core.display import DeletedFilter, column
from config.core.forms import ServiceForm
from devices.admin.staff import StaffAdmin
from devices.models import Device

SERVER_FIELDS = (("uuid", "revision"), ("created_at", "updated_at", "deleted_at"))


class OwnedForm(ServiceForm):
    """On the add form the device is chosen; afterwards a row stays with its device."""

    device = forms.ModelChoiceField(queryset=Device.objects.all(), help_text="The row will belong to it for good.")


def device_widget(model: type[models.Model], site: Any) -> forms.Widget:
    """The device by autocomplete, as a field of `model`."""
    return AutocompleteSelect(model._meta.get_field("device"), site)


class OwnedAdmin(StaffAdmin):
    """List, form, filters and autocompletes that keep to one device."""

    main_fields: ClassVar[Sequence[Any]] = ()
    list_filter: Any = (("device", AutocompleteSelectFilter), DeletedFilter)
    list_select_related: Any = ("device",)
    ordering: Any = ("-updated_at", "-id")
    autocomplete_fields: ClassVar[Sequence[str]] = ()
    # What other tables are searched: (lookup here, their model, their fields, their column). As a subquery each:
    # joined and OR-ed, the database compares texts for every row of both tables.
    search_through: ClassVar[Sequence[tuple[str, Any, tuple[str, ...], str]]] = ()

    class Media:
        js = ("admin/js/jquery.init.js", "countonme/scope.js")

    # --- the form ---
    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change=change, **kwargs)
        form = super().get_form(request, obj, change=change, **{**kwargs, "form": self.add_form()})
        form.base_fields["device"].widget = device_widget(self.model, self.admin_site)
        form.base_fields["device"].widget.choices = form.base_fields["device"].choices
        return form

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("device",)  # never a field of the model's own: the add form declares it

    def add_form(self) -> type[OwnedForm]:
        """The form that new rows are made with; it holds the device."""
        return OwnedForm

    def created_in(self, form: Any) -> dict[str, Any]:
        return {"device": form.cleaned_data["device"]}

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        if obj is None:
            return [(None, {"fields": ("device", *self.writable_fields())})]
        return [
            (None, {"fields": ("device_link", *self.main_fields)}),
            ("Kept by the server", {"fields": SERVER_FIELDS, "classes": ["collapse"]}),
        ]

    def writable_fields(self) -> tuple[Any, ...]:
        """The main fields without those that only the server sets."""
        lines = (line if isinstance(line, tuple) else (line,) for line in self.main_fields)
        kept = (tuple(name for name in line if name not in self.readonly_fields) for line in lines)
        return tuple(line if len(line) > 1 else line[0] for line in kept if line)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        server = ("device_link", "uuid", "revision", "created_at", "updated_at", "deleted_at")
        return (*self.readonly_fields, *(server if obj is not None else ()))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, str]:
        return {name: value for name, value in super().get_changeform_initial_data(request).items() if value.isascii()}

    # --- autocompletes ---
    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """An autocomplete offers live rows, and of the form's own device alone where the form says which."""
        term = search_term.strip()
        if (wanted_id := _wire_id(term)) is not None:
            return queryset.filter(uuid=wanted_id), False
        rows, many = super().get_search_results(request, queryset, search_term)
        for lookup, model, fields, name in self.search_through if term else ():
            wanted = models.Q()
            for field in fields:
                wanted |= models.Q(**{f"{field}__icontains": term})
            rows |= queryset.filter(**{lookup: model.all_objects.filter(wanted).values(name)})
        if request.path.endswith("/autocomplete/"):
            rows = rows.alive()
            device = request.GET.get("device", "")
            if device.isascii() and device.isdigit() and len(device) < 19:  # noqa: PLR2004  # 64 bits
                rows = rows.filter(device=int(device))
        return rows, many

    # --- columns ---
    @column(description="Device", ordering="device__name")
    def device_link(self, row: Any) -> str:
        return link_to(row.device)

    @column(description="Deleted", badges={"Deleted": "danger"})
    def state(self, row: Any) -> str | None:
        return "Deleted" if row.is_deleted else None


def _wire_id(term: str) -> UUID | None:
    try:
        return UUID(term) if len(term) >= 32 else None  # noqa: PLR2004  # hex digits of a UUID
    except ValueError:
        return None


def link_to(row: Any, text: str = "") -> str:
    """A link to a row's admin page; a dash for none."""
    if row is None:
        return "–"
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=(row.pk,))
    return format_html(
        '<a href="{}" class="text-primary-600 hover:underline dark:text-primary-500">{}</a>', address, text or str(row)
    )


def link_to_list(model: type[models.Model], text: str, **filters: Any) -> str:
    """A link to a model's list with filters."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return format_html(
        '<a href="{}?{}" class="text-primary-600 hover:underline dark:text-primary-500">{}</a>', address, query, text
    )
