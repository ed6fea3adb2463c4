"""Alerts in the admin: the rules, what they found, and who gets it by e-mail."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, DropdownFilter
from unfold.widgets import UnfoldAdminSelectWidget

from config.core.display import DeletedFilter, column
from config.core.forms import ServiceForm
from config.core.row_actions import RowAction
from devices.actors import Actor
from devices.admin.owned import OwnedAdmin, link_to, link_to_list
from devices.admin.server_rows import ServerRowAdmin
from devices.admin.wide import WideAdmin
from devices.models import Device, User
from inventory.admin.cases import evidence_lines
from inventory.models import Alert, AlertMail, AlertRule
from inventory.services.alerts import inbox, rules
from inventory.services.alerts.mails import set_alert_mail

STATE_COLOURS = {"Open": "danger", "Acknowledged": "warning", "Snoozed": "info", "Cleared": "success"}
REST = ((4, "4 hours"), (24, "1 day"), (72, "3 days"), (168, "1 week"), (720, "30 days"))


class SnoozeForm(forms.Form):
    """For how long nobody wants to hear of it."""

    hours = forms.TypedChoiceField(label="For", choices=REST, coerce=int, initial=24, widget=UnfoldAdminSelectWidget)


def make_rule(*, actor: Actor, device_id: UUID | None = None, **values: Any) -> AlertRule:
    """create_rule with a form's values."""
    device = Device.objects.get(uuid=device_id) if device_id else None
    return rules.create_rule(actor=actor, device=device, **values)


def snooze(alert: Alert, *, actor: Actor, hours: int) -> Alert:
    """snooze_alert for some hours from now."""
    until: datetime = timezone.now() + timedelta(hours=hours)
    return inbox.snooze_alert(alert, actor=actor, until=until)


def _is_new(row: Alert) -> bool:
    return row.state in (Alert.State.OPEN, Alert.State.SNOOZED)


def _stands(row: Alert) -> bool:
    return row.state != Alert.State.CLEARED


class StandingFilter(DropdownFilter):
    """What somebody should look at, unless more is asked for."""

    title = "state"
    parameter_name = "state"
    all_option: ClassVar[list[str]] = ["", "Not cleared"]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*Alert.State.choices, ("any", "Any")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        wanted = self.value()
        if wanted == "any":
            return queryset
        return queryset.filter(state=wanted) if wanted in Alert.State.values else queryset.standing()


@admin.register(Alert)
class AlertAdmin(OwnedAdmin):
    """What rules found: acknowledge it, let it rest, or put right what it is about; then it clears itself."""

    row_actions = (
        RowAction(
            "acknowledge", "Acknowledge", "Others see that somebody knows. It stays until it is over.",
            inbox.acknowledge_alert, icon="visibility", fits=_is_new,
        ),
        RowAction(
            "snooze", "Snooze", "Nobody hears of it for a while; what is still there then is raised again.", snooze,
            icon="snooze", answers=SnoozeForm, fits=_stands,
        ),
    )  # fmt: skip
    main_fields = (
        "summary",
        ("kind", "state_label"),
        ("rule_link", "product_link", "location_link"),
        ("raised_at", "snoozed_until", "cleared_at"),
        "evidence_table",
    )
    readonly_fields = (
        "summary", "kind", "state_label", "rule_link", "product_link", "location_link", "raised_at", "snoozed_until",
        "cleared_at", "evidence_table",
    )  # fmt: skip
    list_display = ("summary", "state_label", "kind", "device_link", "rule_link", "raised_at", "snoozed_until")
    list_select_related = ("device", "rule", "product", "location")
    list_filter = (
        StandingFilter,
        ("kind", ChoicesDropdownFilter),
        ("device", AutocompleteSelectFilter),
        ("rule", AutocompleteSelectFilter),
    )
    search_fields = ("summary",)
    search_help_text = "Summary or id"
    ordering = ("-raised_at", "-id")

    @column(description="State", ordering="state", badges=STATE_COLOURS)
    def state_label(self, row: Alert) -> str:
        return row.get_state_display()

    @column(description="Rule")
    def rule_link(self, row: Alert) -> str:
        return link_to(row.rule)

    @column(description="Product")
    def product_link(self, row: Alert) -> str:
        return link_to(row.product)

    @column(description="Location")
    def location_link(self, row: Alert) -> str:
        return link_to(row.location)

    @column(description="Figures")
    def evidence_table(self, row: Alert) -> str:
        return evidence_lines(row.evidence)


@admin.register(AlertRule)
class AlertRuleAdmin(WideAdmin):
    """What to look out for. Leave the device empty and it is looked for on every device."""

    create_service = staticmethod(make_rule)
    update_service = staticmethod(rules.update_rule)
    delete_service = staticmethod(rules.delete_rule)
    restore_service = staticmethod(rules.restore_rule)
    list_display = ("title", "kind", "device_link", "goods", "limit", "enabled", "updated_at", "state")
    list_filter = (("kind", ChoicesDropdownFilter), ("device", AutocompleteSelectFilter), "enabled", DeletedFilter)
    list_select_related = ("device", "product", "category", "location")
    search_fields = ("name",)
    search_help_text = "Name"
    ordering = ("-id",)
    autocomplete_fields = ("device", "product", "category", "location")
    fieldsets = (
        (None, {"fields": ("kind", "name", "device", ("product", "category", "location"), "enabled")}),
        ("Limits", {"fields": (("threshold", "margin"), ("days", "hours"), "patience")}),
    )
    kept_fieldsets = (
        (
            "Kept by the server",
            {"fields": ("alert_list", ("uuid", "revision"), ("created_at", "updated_at", "deleted_at"))},
        ),
    )

    class Media:
        js = ("admin/js/jquery.init.js", "countonme/scope.js")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj is None else (*self.fieldsets, *self.kept_fieldsets)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        kept = ("kind", "device", "alert_list", "uuid", "revision", "created_at", "updated_at", "deleted_at")
        return () if obj is None else kept

    @column(description="Rule", ordering="name")
    def title(self, row: AlertRule) -> str:
        return str(row)

    @column(description="Of")
    def goods(self, row: AlertRule) -> str:
        return " · ".join(str(of) for of in (row.product, row.category, row.location) if of) or "–"

    @column(description="Limit")
    def limit(self, row: AlertRule) -> str:
        if row.threshold is not None:
            return f"{row.threshold:f}".rstrip("0").rstrip(".")
        return f"{row.days} days" if row.days is not None else f"{row.hours} hours" if row.hours is not None else "–"

    @column(description="Deleted", badges={"Deleted": "danger"})
    def state(self, row: AlertRule) -> str | None:
        return "Deleted" if row.is_deleted else None

    @column(description="Alerts")
    def alert_list(self, row: AlertRule) -> str:
        return link_to_list(Alert, "Alerts", rule__id__exact=row.pk)


class AlertMailForm(ServiceForm):
    """Who, and how often."""

    def clean_user(self) -> User:
        user: User = self.cleaned_data["user"]
        if self.instance.pk is None and AlertMail.objects.filter(user=user).exists():
            raise forms.ValidationError("This person is on the list already.")
        return user


def add_wish(*, actor: Actor, user_id: UUID, when: str) -> AlertMail | None:
    """set_alert_mail with a form's values."""
    return set_alert_mail(User.objects.get(uuid=user_id), actor=actor, when=when)


def change_wish(
    wish: AlertMail, *, actor: Actor, changes: dict[str, Any], expected_revision: int | None = None
) -> AlertMail | None:
    """set_alert_mail likewise."""
    when = changes.get("when", wish.when)
    return set_alert_mail(wish.user, actor=actor, when=when, expected_revision=expected_revision)


def end_wish(wish: AlertMail, *, actor: Actor) -> None:
    """No e-mail any more."""
    set_alert_mail(wish.user, actor=actor, when=None)


@admin.register(AlertMail)
class AlertMailAdmin(ServerRowAdmin):
    """Who gets alerts by e-mail: staff of every device, others of the devices they own."""

    form = AlertMailForm
    create_service = staticmethod(add_wish)
    update_service = staticmethod(change_wish)
    delete_service = staticmethod(end_wish)
    list_display = ("user", "when", "mail_address", "hears_of")
    list_filter = (("when", ChoicesDropdownFilter),)
    list_select_related = ("user",)
    search_fields = ("user__username", "user__email")
    search_help_text = "Name or address of a person"
    ordering = ("user__username",)
    autocomplete_fields = ("user",)
    fields = ("user", "when")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("user",)

    @column(description="Address", ordering="user__email")
    def mail_address(self, row: AlertMail) -> str:
        return row.user.email or "none: gets nothing"

    @column(description="Hears of")
    def hears_of(self, row: AlertMail) -> str:
        return "every device" if row.user.is_staff else "own devices"
