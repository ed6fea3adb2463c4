"""Alerts over HTTP: the rules of the device, what they found, and who is told by e-mail."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.core.errors import NotFound
from config.core.fields import ExactInteger, ExactTime
from config.core.filters import DeviceFilterSet, ReferenceFilter, refuse_unknown
from config.core.schema import IF_MATCH
from devices.api.owned import DeviceScopedViewSet, OwnedViewSet
from devices.api.records import RecordSerializer, ReferenceId, StrictSerializer
from devices.models import User
from inventory.api.callers import calling_installation
from inventory.models import Alert, AlertMail, AlertRule, Location, Product
from inventory.models.blindness import without_hidden
from inventory.services.alerts import inbox, rules
from inventory.services.alerts.mails import set_alert_mail

NEVER = "never"


class AlertRuleSerializer(RecordSerializer):
    """What to look out for; which of `threshold`, `days`, `hours` it needs depends on the kind."""

    product_id = ReferenceId(required=False, allow_null=True)
    category_id = ReferenceId(required=False, allow_null=True)
    location_id = ReferenceId(required=False, allow_null=True)
    days = ExactInteger(min_value=0, max_value=3650, required=False, allow_null=True)
    hours = ExactInteger(min_value=1, max_value=8760, required=False, allow_null=True)
    patience = ExactInteger(min_value=1, max_value=100, required=False)

    class Meta:
        model = AlertRule
        fields = (
            "kind", "name", "product_id", "category_id", "location_id", "threshold", "margin", "days", "hours",
            "patience", "enabled",
        )  # fmt: skip


class AlertRuleFilter(DeviceFilterSet):
    """Filters of the list of rules."""

    class Meta(DeviceFilterSet.Meta):
        model = AlertRule
        fields = {"kind": ["exact"], "enabled": ["exact"]}


class AlertRuleViewSet(OwnedViewSet):
    """Rules of the device. What staff look out for on every device is not listed here; what they find is."""

    serializer_class = AlertRuleSerializer
    filterset_class = AlertRuleFilter
    search_fields = ("name",)
    ordering_fields = ("kind", "name", "created_at", "updated_at", "revision")
    references = ("product", "category", "location")
    create_service = staticmethod(rules.create_rule)
    update_service = staticmethod(rules.update_rule)
    delete_service = staticmethod(rules.delete_rule)
    restore_service = staticmethod(rules.restore_rule)


class AlertSerializer(RecordSerializer):
    """Something that a rule found: `summary` says it in a sentence, `evidence` in figures."""

    product_id = ReferenceId(read_only=True, allow_null=True)
    location_id = ReferenceId(read_only=True, allow_null=True)

    class Meta:
        model = Alert
        fields: tuple[str, ...] = (
            "kind", "state", "summary", "evidence", "product_id", "location_id", "raised_at", "snoozed_until",
            "cleared_at",
        )  # fmt: skip
        read_only_fields: tuple[str, ...] = fields


class SyncedAlertSerializer(AlertSerializer):
    """An alert as it is synced: offline a device may acknowledge it or let it rest."""

    state = serializers.ChoiceField(choices=Alert.State.choices)
    snoozed_until = ExactTime(required=False, allow_null=True)

    class Meta(AlertSerializer.Meta):
        read_only_fields = tuple(name for name in AlertSerializer.Meta.fields if name not in ("state", "snoozed_until"))


class AlertFilter(DeviceFilterSet):
    """Filters of the list of alerts."""

    product = ReferenceFilter(model=Product, field_name="product")
    location = ReferenceFilter(model=Location, field_name="location")

    class Meta(DeviceFilterSet.Meta):
        model = Alert
        fields = {
            "kind": ["exact"],
            "state": ["exact"],
            "raised_at": ["gte", "lte"],
            "updated_at": ["gte", "lte", "gt", "lt"],
        }


class SnoozeSerializer(StrictSerializer):
    """Until when nobody wants to hear of it."""

    until = ExactTime()


class AlertViewSet(DeviceScopedViewSet):
    """Alerts of the device, of its own rules and of the staff's. Whoever counts blindly sees none of what it counts."""

    serializer_class = AlertSerializer
    filterset_class = AlertFilter
    search_fields = ("summary",)
    ordering_fields = ("raised_at", "created_at", "updated_at", "revision")
    own_parameters = ()
    references = ("product", "location")

    def rows(self, queryset: Any) -> Any:
        return without_hidden(queryset, calling_installation(self.request))

    @extend_schema(request=None, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Somebody has seen it."""
        alert, expected = self.get_object(), self.expected_revision()
        return self.answer(inbox.acknowledge_alert(alert, actor=self.actor, expected_revision=expected))

    @extend_schema(request=SnoozeSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def snooze(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Let it rest until a time."""
        alert, expected = self.get_object(), self.expected_revision()
        serializer = SnoozeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        return self.answer(inbox.snooze_alert(alert, actor=self.actor, expected_revision=expected, **values))


class AlertMailSerializer(StrictSerializer):
    """How often the signed-in person gets e-mail about alerts of their devices (staff: of all)."""

    when = serializers.ChoiceField(choices=[NEVER, *AlertMail.When.values])


class AlertMailView(APIView):
    """The signed-in person's own wish."""

    acts_in_device = False

    @extend_schema(responses=AlertMailSerializer)
    def get(self, request: Request) -> Response:
        refuse_unknown(request.query_params, set())
        found = AlertMail.objects.filter(user=_person(request)).first()
        return Response({"when": NEVER if found is None else found.when})

    @extend_schema(request=AlertMailSerializer, responses=AlertMailSerializer)
    def put(self, request: Request) -> Response:
        person = _person(request)
        serializer = AlertMailSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        when = serializer.validated_data["when"]
        actor: Any = request.auth
        set_alert_mail(person, actor=actor, when=None if when == NEVER else when)
        return Response({"when": when})


def _person(request: Request) -> User:
    caller: Any = request.user
    if not isinstance(caller, User):
        raise NotFound
    return caller
