"""Campaigns in the admin: one wish to count, on many devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminSelectMultipleWidget

from config.core.display import badge, column
from config.core.forms import ServiceForm
from config.core.row_actions import RowAction
from devices.admin.owned import link_to
from devices.admin.staff import StaffAdmin
from devices.models import Device, Event, Standing
from inventory.admin.counting.policies import POLICY_FIELDS, PolicyFields, in_words, policy_of
from inventory.admin.counting.stocktakes import STATE_COLOURS as STOCKTAKE_COLOURS
from inventory.models import Campaign
from inventory.services.counting import campaigns as services

STATE_COLOURS = {"Draft": "", "Launched": "primary", "Closed": "success", "Cancelled": "danger"}
FIELDS = ("name", "kind", "location_code", "category_name", "starts_at", "ends_at")


class CampaignForm(PolicyFields, ServiceForm):
    """A campaign, its devices and its policy."""

    devices = forms.ModelMultipleChoiceField(
        queryset=Device.objects.filter(standing=Standing.ACTIVE),
        required=False,
        widget=UnfoldAdminSelectMultipleWidget,
        help_text="None chosen: every active device.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None and "devices" in self.fields:
            rules = self.instance.policy
            for name in POLICY_FIELDS:
                self.initial[name] = rules.get(name)
            self.initial["devices"] = Device.objects.filter(uuid__in=self.instance.device_ids)


def _is(*states: str) -> Callable[[Campaign], bool]:
    return lambda row: row.state in states


@admin.register(Campaign)
class CampaignAdmin(StaffAdmin):
    """Made, launched onto devices, followed."""

    form = CampaignForm
    create_service = staticmethod(services.create_campaign)
    update_service = staticmethod(services.update_campaign)
    row_actions = (
        RowAction("launch", "Launch", "A draft stocktake is made on each of its devices.", services.launch_campaign,
                  icon="rocket_launch", fits=_is("draft")),
        RowAction("close", "Close", "Nothing more is expected of it; its stocktakes go their own way.",
                  services.close_campaign, icon="inventory", fits=_is("launched")),
        RowAction("cancel", "Cancel", "It is given up before it was launched.", services.cancel_campaign,
                  icon="block", danger=True, fits=_is("draft")),
    )  # fmt: skip
    has_history = False
    list_display = ("name", "state_label", "kind", "far", "owner", "starts_at", "ends_at", "updated_at")
    list_select_related = ("owner",)
    list_filter = (("state", ChoicesDropdownFilter), ("kind", ChoicesDropdownFilter))
    search_fields = ("name",)
    search_help_text = "Name"
    ordering = ("-updated_at", "-id")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).with_progress()

    def events_about(self, row: Any) -> Any:
        return Event.objects.none()  # what a campaign does is recorded on its stocktakes

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        draft = obj is None or obj.state == Campaign.State.DRAFT
        policy = ("Policy", {"fields": POLICY_FIELDS if draft and self._may_write(request, obj) else ("policy_words",)})
        shown = () if obj is None else ("state_label", "owner", "stocktakes")
        chosen = ("devices",) if draft and self._may_write(request, obj) else ()
        return [(None, {"fields": (*shown, *FIELDS, *chosen)}), policy]

    def _may_write(self, request: HttpRequest, obj: Any) -> bool:
        return self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.state == Campaign.State.DRAFT)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("state_label", "owner", "stocktakes", "policy_words")

    def created_in(self, form: Any) -> dict[str, Any]:
        return {"owner": None, **_own_fields(form)}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            super().save_model(request, obj, form, change)
            return
        changes = {name: form.cleaned_data[name] for name in FIELDS if name in form.changed_data}
        if set(form.changed_data) & {*POLICY_FIELDS, "devices"}:
            changes |= _own_fields(form)
        written = services.update_campaign(
            obj, actor=self.actor_of(request), changes=changes, **self._expected_revision(request)
        )
        obj.__dict__ = written.__dict__

    @column(description="State", ordering="state", badges=STATE_COLOURS)
    def state_label(self, row: Campaign) -> str:
        return row.get_state_display()

    @column(description="Stocktakes")
    def far(self, row: Any) -> str:
        return f"{row.ended_count} of {row.stocktake_count} ended" if row.stocktake_count else "–"

    @column(description="Stocktakes")
    def stocktakes(self, row: Campaign) -> str:
        found = row.stocktakes.select_related("device").order_by("device__name", "pk")[:200]
        shown = [
            (link_to(stocktake, str(stocktake.device)), badge(label, STOCKTAKE_COLOURS[label]))
            for stocktake in found
            for label in [stocktake.get_state_display()]
        ]
        return format_html_join("", "<div>{} {}</div>", shown) or "Not launched yet"

    @column(description="Policy")
    def policy_words(self, row: Campaign) -> str:
        return format_html_join("", "<div>{}</div>", [(sentence,) for sentence in in_words(row.policy)])


def _own_fields(form: Any) -> dict[str, Any]:
    """What the form holds beside the model's own fields."""
    devices: list[UUID] = [device.uuid for device in form.cleaned_data["devices"]]
    return {"policy": policy_of(form), "device_ids": devices}
