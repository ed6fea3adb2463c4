"""Enrollment codes: made here, shown once with their QR."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import F
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import mark_safe
from unfold.contrib.filters.admin import AutocompleteSelectFilter, DropdownFilter
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from config.core.display import column
from config.core.forms import ServiceForm
from config.core.row_actions import RowAction
from devices.actors import Actor
from devices.admin.server_rows import ServerRowAdmin
from devices.formats.qr import qr_svg
from devices.models import Device, EnrollmentCode, User
from devices.services.enrollment import create_enrollment_code, qr_text, revoke_enrollment_code

LIFETIMES = ((1, "1 day"), (7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "1 year"))
STATE_COLOURS = {"Usable": "success", "Used up": "info", "Expired": "warning", "Revoked": "danger"}


class EnrollmentCodeForm(ServiceForm):
    """How many may enrol, for how long, into what."""

    valid_days = forms.TypedChoiceField(
        label="Valid for", choices=LIFETIMES, coerce=int, initial=7, widget=UnfoldAdminSelectWidget
    )
    max_uses = forms.IntegerField(
        label="Uses", min_value=1, max_value=10_000, initial=1, widget=UnfoldAdminIntegerFieldWidget,
        help_text="How many handsets may enrol with it.",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        found = super().clean()
        if found.get("device") and found.get("owner"):
            raise ValidationError("An existing device keeps its owner: leave one of the two empty.")
        return found


class CodeStateFilter(DropdownFilter):
    """The four states of a code."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("usable", "Usable"), ("used", "Used up"), ("expired", "Expired"), ("revoked", "Revoked")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        now = timezone.now()
        open_ones = queryset.filter(revoked_at__isnull=True)
        by_state = {
            "usable": queryset.usable(),
            "used": open_ones.filter(used_count__gte=F("max_uses")),
            "expired": open_ones.filter(expires_at__lte=now, used_count__lt=F("max_uses")),
            "revoked": queryset.filter(revoked_at__isnull=False),
        }
        return by_state.get(self.value() or "", queryset)


def make_code(
    *, actor: Actor, device_id: UUID | None = None, owner_id: UUID | None = None, valid_days: int, **values: Any
) -> EnrollmentCode:
    """create_enrollment_code with a form's values; the code itself rides on the row to its one showing."""
    row, code = create_enrollment_code(
        actor=actor,
        device=Device.objects.get(uuid=device_id) if device_id else None,
        owner=User.objects.get(uuid=owner_id) if owner_id else None,
        valid_for=timedelta(days=valid_days),
        **values,
    )
    row.shown_code = code  # type: ignore[attr-defined]  # never stored
    return row


def _is_open(code: EnrollmentCode) -> bool:
    return code_state(code) == "Usable"


def code_state(code: EnrollmentCode) -> str:
    """Usable, Used up, Expired or Revoked."""
    if code.revoked_at:
        return "Revoked"
    if code.used_count >= code.max_uses:
        return "Used up"
    return "Usable" if code.expires_at > timezone.now() else "Expired"


@admin.register(EnrollmentCode)
class EnrollmentCodeAdmin(ServerRowAdmin):
    """Make a code, print its QR, revoke it; only its last four characters are kept."""

    form = EnrollmentCodeForm
    create_service = staticmethod(make_code)
    row_actions: ClassVar[Any] = (
        RowAction(
            "revoke", "Revoke", "Nobody can enrol with it any more; what has enrolled with it stays.",
            revoke_enrollment_code, icon="block", danger=True, fits=_is_open,
        ),
    )  # fmt: skip
    list_display = ("display_code", "state", "label", "device", "owner", "uses", "expires_at", "created_by")
    list_filter = (CodeStateFilter, ("device", AutocompleteSelectFilter))
    list_select_related = ("device", "owner")
    search_fields = ("label", "hint", "created_by", "device__name")
    search_help_text = "Label, last four characters, device or who made it"
    ordering = ("-id",)
    autocomplete_fields = ("device", "owner")
    add_fieldsets = ((None, {"fields": ("label", ("max_uses", "valid_days"), "device", "owner")}),)
    fields = (
        ("display_code", "state"),
        ("label", "created_by"),
        ("device", "owner"),
        ("uses", "created_at"),
        ("expires_at", "revoked_at"),
    )

    def created_in(self, form: Any) -> dict[str, Any]:
        return {"valid_days": form.cleaned_data["valid_days"]}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else tuple(name for line in self.fields for name in line)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> TemplateResponse:
        """The one showing of the code: not stored, not in the address, not in a message."""
        context = {
            **self.admin_site.each_context(request),
            "title": "New enrollment code",
            "opts": self.opts,
            "code_row": obj,
            "code": obj.shown_code,
            # Our own drawing of our own text: no foreign markup can be in it.
            "qr": mark_safe(qr_svg(qr_text(obj.shown_code))),  # noqa: S308
        }
        return TemplateResponse(request, "admin/enrollment_code.html", context)

    @column(description="Code", ordering="hint")
    def display_code(self, row: EnrollmentCode) -> str:
        return f"…{row.hint}"

    @column(description="State", badges=STATE_COLOURS)
    def state(self, row: EnrollmentCode) -> str:
        return code_state(row)

    @column(description="Used", ordering="used_count")
    def uses(self, row: EnrollmentCode) -> str:
        return f"{row.used_count} of {row.max_uses}"
