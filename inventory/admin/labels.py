"""Label templates in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from config.core.display import DeletedFilter, column
from config.core.quantities import plain
from devices.admin.owned import OwnedAdmin, OwnedForm
from inventory.admin.quantities import LeastQuantity
from inventory.models import LabelTemplate
from inventory.services.label_templates import (
    LENGTHS,
    TEXTS,
    USUAL,
    create_label_template,
    delete_label_template,
    restore_label_template,
    update_label_template,
)


class LabelTemplateForm(LeastQuantity):
    """No length is below zero; what is printed is ticked."""

    quantity_fields = LENGTHS
    texts = forms.MultipleChoiceField(
        choices=[(name, name.replace("_", " ").capitalize()) for name in TEXTS],
        initial=USUAL,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="The lines of text; what a row does not have is left out.",
    )


class NewLabelTemplateForm(LabelTemplateForm, OwnedForm):
    """The same, with the device."""


@admin.register(LabelTemplate)
class LabelTemplateAdmin(OwnedAdmin):
    """Sheets and rolls of a device's own; the usual ones are built in."""

    form = LabelTemplateForm
    create_service = staticmethod(create_label_template)
    update_service = staticmethod(update_label_template)
    delete_service = staticmethod(delete_label_template)
    restore_service = staticmethod(restore_label_template)
    main_fields = (
        ("name", "symbology"),
        ("page_width", "page_height"),
        ("width", "height"),
        ("columns", "rows"),
        ("margin_left", "margin_top"),
        ("gap_x", "gap_y"),
        "texts",
    )
    list_display = ("name", "size", "grid", "symbology", "device_link", "state", "updated_at")
    list_filter = (("device", AutocompleteSelectFilter), ("symbology", ChoicesDropdownFilter), DeletedFilter)
    search_fields = ("name",)
    search_help_text = "Name or id"

    def add_form(self) -> type[OwnedForm]:
        return NewLabelTemplateForm

    @column(description="Label, mm")
    def size(self, row: LabelTemplate) -> str:
        return f"{plain(row.width)} × {plain(row.height)}"

    @column(description="On a page")
    def grid(self, row: LabelTemplate) -> Any:
        return f"{row.columns} × {row.rows}"
