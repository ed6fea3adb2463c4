"""Webhooks over HTTP: endpoints of the device, their deliveries, test, replay and rotation."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from config.core.fields import AttributesField, ExactInteger, ExactText
from config.core.filters import DeviceFilterSet, refuse_unknown
from devices.api.owned import DeviceScopedViewSet, OwnedViewSet, only
from devices.api.records import RecordSerializer, StrictSerializer, wanted_fields
from inventory.api.callers import calling_installation
from inventory.models import WebhookDelivery, WebhookEndpoint
from inventory.services.counting.blindness import refuse_blind
from inventory.services.webhooks import endpoints


class WebhookSerializer(RecordSerializer):
    """Where events are sent. `secret` is shown when it is made, and never again."""

    url = ExactText(max_length=2000)
    events = serializers.ListField(child=ExactText(max_length=120), allow_empty=False)
    conditions = AttributesField(required=False)
    secret = serializers.SerializerMethodField()

    class Meta:
        model = WebhookEndpoint
        fields = ("url", "description", "events", "conditions", "enabled", "disabled_reason", "secret")
        read_only_fields = ("disabled_reason", "secret")

    def get_secret(self, row: Any) -> str | None:
        found: str | None = getattr(row, "shown_secret", None)
        return found


class WebhookFilter(DeviceFilterSet):
    """Filters of the webhook list."""

    class Meta(DeviceFilterSet.Meta):
        model = WebhookEndpoint
        fields = {"enabled": ["exact"], "url": ["exact", "icontains"]}


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    """One event on its way to one endpoint; `id` is its `webhook-id`. `excerpt` is how the answer began."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    webhook_id = serializers.UUIDField(source="endpoint.uuid", read_only=True)

    class Meta:
        model = WebhookDelivery
        fields = (
            "id", "webhook_id", "event_type", "object_id", "revision", "status", "attempts", "next_attempt_at",
            "response_code", "excerpt", "trouble", "duration_ms", "attempted_at", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class DeliveryFilter(DeviceFilterSet):
    """Filters of the delivery log."""

    class Meta(DeviceFilterSet.Meta):
        model = WebhookDelivery
        fields = {
            "status": ["exact"],
            "event_type": ["exact"],
            "created_at": ["gte", "lte"],
            "revision": ["gte", "lte"],
        }


class ReplaySerializer(StrictSerializer):
    """From which revision of the device's feed on; one beyond its head skips to what comes."""

    revision = ExactInteger(min_value=1)


class WebhookViewSet(OwnedViewSet):
    """Webhooks of the device."""

    serializer_class = WebhookSerializer
    filterset_class = WebhookFilter
    search_fields = ("url", "description")
    ordering_fields = ("url", "created_at", "updated_at", "revision")
    create_service = staticmethod(endpoints.create_webhook)
    update_service = staticmethod(endpoints.update_webhook)
    delete_service = staticmethod(endpoints.delete_webhook)
    restore_service = staticmethod(endpoints.restore_webhook)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """What is sent to a webhook tells levels: who counts blindly now neither opens one nor has it tell more."""
        super().initial(request, *args, **kwargs)
        if request.method not in (*SAFE_METHODS, "DELETE"):
            refuse_blind(calling_installation(request))

    def answer(self, row: Any, *, status: int = 200) -> Response:
        response = super().answer(row, status=status)
        response.data["secret"] = getattr(row, "shown_secret", None)
        return response

    @extend_schema(responses=DeliverySerializer(many=True), filters=False)
    @action(detail=True, methods=["get"])
    def deliveries(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What was and will be sent to it, newest first."""
        refuse_unknown(request.query_params, {"limit", "offset", "skip", "cursor"})
        rows = self.get_object().deliveries.select_related("endpoint").order_by("-id")
        return self.get_paginated_response(DeliverySerializer(self.paginate_queryset(rows), many=True).data)

    @extend_schema(request=None, responses={202: DeliverySerializer})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send a `ping`; how it went is in the deliveries."""
        delivery = endpoints.ping_webhook(self.get_object(), actor=self.actor)
        return Response(DeliverySerializer(delivery).data, status=202)

    @extend_schema(request=ReplaySerializer, responses={202: WebhookSerializer})
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Deliver again what happened from a revision on, in order, under the same ids."""
        row = self.get_object()
        serializer = ReplaySerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        replayed = endpoints.replay_webhook(row, actor=self.actor, device=self.device, **serializer.validated_data)
        return self.answer(replayed, status=202)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A new `secret`; for 24 hours both sign."""
        return self.answer(endpoints.rotate_secret(self.get_object(), actor=self.actor))


class DeliveryViewSet(DeviceScopedViewSet):
    """The delivery log of all webhooks of the device."""

    serializer_class = DeliverySerializer  # type: ignore[assignment]  # a delivery is no record: no revision, no tombstone
    has_revisions = False
    filterset_class = DeliveryFilter
    search_fields = ("event_type", "trouble")
    ordering_fields = ("created_at", "next_attempt_at")
    own_parameters = ()

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return WebhookDelivery.objects.none()
        return WebhookDelivery.objects.for_device(self.device).select_related("endpoint")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        wanted = wanted_fields(self.get_serializer(), request.query_params.get("fields"))
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(only(self.get_serializer(page, many=True).data, wanted))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        refuse_unknown(request.query_params, {"fields"})
        wanted = wanted_fields(self.get_serializer(), request.query_params.get("fields"))
        return Response(only([self.represent(self.get_object())], wanted)[0])

    @extend_schema(request=None, responses={202: DeliverySerializer})
    @action(detail=True, methods=["post"])
    def resend(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send it once more, under the same id."""
        refuse_blind(calling_installation(request))
        delivery = endpoints.resend_delivery(self.get_object(), actor=self.actor)
        return Response(self.represent(delivery), status=202)
