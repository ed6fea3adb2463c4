"""Webhooks in the admin: receivers, of a device or of all; the log of deliveries; resend and replay."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from config.core.display import DeletedFilter, SmallTextarea, column
from config.core.forms import ServiceForm
from config.core.row_actions import RowAction
from devices.actors import Actor
from devices.admin.owned import link_to, link_to_list
from devices.admin.staff import StaffAdmin
from devices.admin.wide import WideAdmin
from devices.models import Device
from inventory.models import WebhookDelivery, WebhookEndpoint
from inventory.services.webhooks import endpoints
from inventory.services.webhooks.reading import payload_of

STATUS_COLOURS = {"Waiting": "warning", "Delivered": "success", "Dead": "danger"}
STATE_COLOURS = {"Enabled": "success", "Held back": "warning", "Disabled": "danger", "Deleted": ""}


class WebhookForm(ServiceForm):
    """One pattern a line."""

    events = forms.CharField(
        widget=SmallTextarea, initial="*", help_text="One pattern a line: stock_movements.created, cases.*, *"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            self.initial["events"] = "\n".join(self.instance.events)

    def clean_events(self) -> list[str]:
        return str(self.cleaned_data["events"]).split()


class ReplayForm(forms.Form):
    """From which revision on; of which device only where the endpoint is of all."""

    revision = forms.IntegerField(min_value=1, widget=UnfoldAdminIntegerFieldWidget, help_text="of the device's feed")
    device = forms.ModelChoiceField(
        queryset=Device.objects.all(),
        required=False,
        widget=AutocompleteSelect(WebhookEndpoint._meta.get_field("device"), admin.site),
        help_text="Only for an endpoint of every device.",
    )


def make_webhook(*, actor: Actor, device_id: UUID | None = None, **values: Any) -> WebhookEndpoint:
    """create_webhook with a form's values."""
    device = Device.objects.get(uuid=device_id) if device_id else None
    return endpoints.create_webhook(actor=actor, device=device, **values)


def rotate(endpoint: Any, *, actor: Actor) -> None:
    """rotate_secret; the secret rides on the row to its one showing."""
    rotated: Any = endpoints.rotate_secret(endpoint, actor=actor)
    endpoint.shown_secret = rotated.shown_secret


def replay(endpoint: WebhookEndpoint, *, actor: Actor, revision: int, device: Device | None) -> None:
    """replay_webhook of the endpoint's own device, or of the one that was chosen."""
    whose = endpoint.device or device
    if whose is None:
        raise endpoints.invalid("device", "Choose the device whose events are to be replayed.")
    endpoints.replay_webhook(endpoint, actor=actor, device=whose, revision=revision)


def _is_alive(row: WebhookEndpoint) -> bool:
    return not row.is_deleted


def _is_enabled(row: WebhookEndpoint) -> bool:
    return row.enabled and not row.is_deleted


def _can_be_sent(row: WebhookDelivery) -> bool:
    return _is_enabled(row.endpoint)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(WideAdmin):
    """Receivers of events. Leave the device empty and it hears of every device."""

    form = WebhookForm
    create_service = staticmethod(make_webhook)
    update_service = staticmethod(endpoints.update_webhook)
    delete_service = staticmethod(endpoints.delete_webhook)
    restore_service = staticmethod(endpoints.restore_webhook)
    row_actions = (
        RowAction(
            "ping", "Send a test", "A ping is sent; how it went is in the deliveries.", endpoints.ping_webhook,
            icon="network_ping", fits=_is_enabled,
        ),
        RowAction(
            "replay", "Replay", "What happened from a revision on is delivered again, under the same ids.", replay,
            icon="replay", answers=ReplayForm, fits=_is_alive, bulk=False,
        ),
        RowAction(
            "rotate", "Rotate secret", "A new secret is shown once. For 24 hours the old one signs, too.", rotate,
            icon="key", fits=_is_alive, bulk=False,
        ),
    )  # fmt: skip
    list_display = ("title", "state", "device_link", "patterns", "waiting", "dead", "updated_at")
    list_filter = (("device", AutocompleteSelectFilter), "enabled", DeletedFilter)
    list_select_related = ("device", "run")
    search_fields = ("url", "description", "=uuid")
    search_help_text = "Address, description or id"
    ordering = ("-id",)
    autocomplete_fields = ("device",)
    add_fieldsets = ((None, {"fields": ("url", "description", "device", "events", "conditions", "enabled")}),)
    fieldsets = (
        (None, {"fields": ("device_link", "url", "description", "events", "conditions", ("enabled", "state"))}),
        ("How it goes", {"fields": (("failures", "held_until"), "disabled_reason", "delivery_list")}),
        ("Kept by the server", {"fields": (("uuid", "revision"), ("created_at", "updated_at", "deleted_at"))}),
    )
    readonly_fields = (
        "device_link", "state", "failures", "held_until", "disabled_reason", "delivery_list", "uuid", "revision",
        "created_at", "updated_at", "deleted_at",
    )  # fmt: skip

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.add_fieldsets if obj is None else self.fieldsets

    def complete_page(self, rows: list[Any]) -> None:
        """How much waits and how much is dead, for the whole page."""
        counts = WebhookDelivery.objects.filter(endpoint__in=rows).values_list("endpoint").order_by()
        found = counts.annotate(
            waiting=Count("pk", filter=Q(status="waiting")), dead=Count("pk", filter=Q(status="dead"))
        )
        numbers = {endpoint: (waiting, dead) for endpoint, waiting, dead in found}
        for row in rows:
            row.counts = numbers.get(row.pk, (0, 0))

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> TemplateResponse:
        return self.secret_page(request, obj)

    def ask(self, request: HttpRequest, action: RowAction, rows: list[Any], *, back: str) -> HttpResponse | None:
        response = super().ask(request, action, rows, back=back)
        shown = [row for row in rows if getattr(row, "shown_secret", "")]
        return self.secret_page(request, shown[0]) if response is None and shown else response

    def secret_page(self, request: HttpRequest, row: Any) -> TemplateResponse:
        """The one showing of a secret: not in the address, not in a message."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Secret of the webhook",
            "opts": self.opts,
            "endpoint": row,
        }
        return TemplateResponse(request, "admin/webhook_secret.html", context)

    @column(description="Webhook", ordering="description")
    def title(self, row: WebhookEndpoint) -> str:
        return str(row)

    @column(description="State", badges=STATE_COLOURS)
    def state(self, row: WebhookEndpoint) -> str:
        if row.is_deleted:
            return "Deleted"
        if not row.enabled:
            return "Disabled"
        return "Held back" if row.run.resume_at and row.run.resume_at > timezone.now() else "Enabled"

    @column(description="Events")
    def patterns(self, row: WebhookEndpoint) -> str:
        return ", ".join(row.events)

    @column(description="Waiting")
    def waiting(self, row: Any) -> int:
        found: int = row.counts[0]
        return found

    @column(description="Dead")
    def dead(self, row: Any) -> int:
        found: int = row.counts[1]
        return found

    @column(description="Failures in a row")
    def failures(self, row: WebhookEndpoint) -> int:
        return row.run.failures

    @column(description="Held back until")
    def held_until(self, row: WebhookEndpoint) -> Any:
        return row.run.resume_at or "–"

    @column(description="Deliveries")
    def delivery_list(self, row: WebhookEndpoint) -> str:
        return link_to_list(WebhookDelivery, "Deliveries", endpoint__id__exact=row.pk)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(StaffAdmin):
    """The log: what was sent where, what came back, what is still to come."""

    has_history = False
    row_actions = (
        RowAction(
            "resend", "Send again", "It is sent at once, under the same id.", endpoints.resend_delivery, icon="send",
            fits=_can_be_sent,
        ),
    )  # fmt: skip
    list_display = (
        "event_type", "status_label", "endpoint_link", "device_link", "attempts", "response_code", "trouble",
        "next_attempt", "created_at",
    )  # fmt: skip
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("endpoint", AutocompleteSelectFilter),
        ("device", AutocompleteSelectFilter),
        ("created_at", RangeDateTimeFilter),
    )
    list_select_related = ("endpoint__device", "endpoint__run", "device", "event__device")
    search_fields = ("event_type", "trouble", "=uuid", "=object_id")
    search_help_text = "Event, trouble, id of the delivery or of the row it is about"
    ordering = ("-id",)
    fields = (
        ("event_type", "status_label"),
        ("endpoint_link", "device_link"),
        ("attempts", "attempted_at", "next_attempt"),
        ("response_code", "duration_ms"),
        "trouble",
        "excerpt",
        "payload",
        ("uuid", "created_at"),
    )
    readonly_fields = tuple(name for line in fields for name in (line if isinstance(line, tuple) else (line,)))

    @column(description="Status", ordering="status", badges=STATUS_COLOURS)
    def status_label(self, row: WebhookDelivery) -> str:
        return row.get_status_display()

    @column(description="Webhook")
    def endpoint_link(self, row: WebhookDelivery) -> str:
        return link_to(row.endpoint)

    @column(description="Device")
    def device_link(self, row: WebhookDelivery) -> str:
        return link_to(row.device)

    @column(description="Next attempt", ordering="next_attempt_at")
    def next_attempt(self, row: WebhookDelivery) -> Any:
        return row.next_attempt_at if row.status == WebhookDelivery.Status.WAITING else "–"

    @column(description="Body")
    def payload(self, row: WebhookDelivery) -> str:
        text = json.dumps(payload_of(row), indent=2, ensure_ascii=False, default=str)
        return format_html('<pre class="max-h-[400px] overflow-auto text-xs whitespace-pre-wrap">{}</pre>', text)
