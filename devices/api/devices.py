"""Devices over HTTP: register, oneself, heartbeat, roll, retire; and a user's own devices."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from config.core.errors import NotFound
from config.core.fields import ExactId, ExactInteger, ExactText, ExactTime
from config.core.filters import refuse_unknown
from config.core.middleware import client_address
from config.core.wire import wire_time
from devices.api.authentication import request_id
from devices.api.owned import OnceMixin, is_unchanged, only, read_if_match, wire_id
from devices.api.records import WIRE_FIELDS, StrictSerializer, wanted_fields
from devices.api.scope import acting_device
from devices.api.throttles import RegisterThrottle
from devices.errors import RevisionMismatch
from devices.models import Device, Installation, Standing
from devices.services.credentials import roll_secret
from devices.services.enrollment import Enrolled, Wish, register_device
from devices.services.presence import heartbeat
from devices.services.standing import set_standing, update_device


@extend_schema_field({"type": "string", "pattern": "^[A-Za-z0-9_-]{43,510}={0,2}$"})
class SecretText(ExactText):
    """32 random bytes or more, base64url; the service judges it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=512, help_text="32 random bytes or more, base64url", **kwargs)


class RegisterSerializer(StrictSerializer):
    """What a client may say when it registers; everything is optional."""

    device_id = ExactId(required=False)
    installation_id = ExactId(required=False)
    secret = SecretText(required=False)
    name = ExactText(required=False, allow_blank=True, max_length=200)
    platform = ExactText(required=False, allow_blank=True, max_length=100)
    app_version = ExactText(required=False, allow_blank=True, max_length=64)
    enrollment_code = ExactText(required=False, allow_blank=True, max_length=64)


class RegisteredSerializer(serializers.Serializer[Any]):
    """The answer; `device_token` is shown this once."""

    device_id = serializers.UUIDField()
    installation_id = serializers.UUIDField()
    device_token = serializers.CharField()
    head = serializers.IntegerField()
    epoch = serializers.IntegerField()
    server_time = serializers.DateTimeField()


class RegisterView(APIView):
    """Open to anyone, limited per address; a repeated request with its own secret gets the same answer."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = (RegisterThrottle,)

    @extend_schema(
        request=RegisterSerializer, responses={201: RegisteredSerializer, 200: RegisteredSerializer}, auth=[]
    )
    def post(self, request: Request) -> Response:
        serializer = RegisterSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wish = Wish(**serializer.validated_data, address=client_address(request), request_id=request_id(request))
        enrolled = register_device(wish)
        return Response(_registered(enrolled), status=201 if enrolled.created else 200)


def _registered(enrolled: Enrolled) -> dict[str, Any]:
    device = Device.objects.select_related("feed").get(pk=enrolled.installation.device_id)
    return {
        "device_id": device.uuid,
        "installation_id": enrolled.installation.uuid,
        "device_token": enrolled.token,
        "head": device.feed.head,
        "epoch": device.feed.epoch,
        "server_time": wire_time(timezone.now()),
    }


class DeviceSerializer(StrictSerializer, serializers.ModelSerializer[Any]):
    """A device as it sees itself, or as its owner does."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    status = serializers.CharField(source="standing", read_only=True)
    name = ExactText(max_length=200, allow_blank=True, required=False)
    platform = ExactText(max_length=100, allow_blank=True, required=False)
    head = serializers.IntegerField(source="feed.head", read_only=True)
    epoch = serializers.IntegerField(source="feed.epoch", read_only=True)
    serializer_field_mapping = WIRE_FIELDS

    class Meta:
        model = Device
        fields = (
            "id",
            "name",
            "platform",
            "status",
            "revision",
            "head",
            "epoch",
            "created_at",
            "updated_at",
            "deleted_at",
        )
        read_only_fields = ("revision", "created_at", "updated_at", "deleted_at")


class MeView(APIView):
    """The device that this request acts in."""

    has_revisions = True
    open_while_draining = True

    @extend_schema(responses=DeviceSerializer)
    def get(self, request: Request) -> Response:
        device = acting_device(request)
        refuse_unknown(request.query_params, set())
        etag = f'"{device.revision}"'
        if is_unchanged(request, etag):
            return Response(status=304, headers={"ETag": etag})
        return _device_answer(device)

    @extend_schema(request=DeviceSerializer, responses=DeviceSerializer)
    def patch(self, request: Request) -> Response:
        device = acting_device(request)
        serializer = DeviceSerializer(device, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        actor: Any = request.auth
        expected = read_if_match(request)
        return _device_answer(
            update_device(device=device, actor=actor, expected_revision=expected, **serializer.validated_data)
        )

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, RevisionMismatch):
            exc.extra["current"] = DeviceSerializer(exc.row).data
        return super().handle_exception(exc)


def _device_answer(device: Device) -> Response:
    return Response(DeviceSerializer(device).data, headers={"ETag": f'"{device.revision}"'})


class HeartbeatSerializer(StrictSerializer):
    """What a device says of itself; `battery` in per cent."""

    queue_depth = ExactInteger(min_value=0, max_value=2_000_000_000)
    client_time = ExactTime()
    battery = ExactInteger(min_value=0, max_value=100, required=False, allow_null=True)
    app_version = ExactText(max_length=64, required=False, allow_blank=True)


class HeartbeatAnswer(serializers.Serializer[Any]):
    """`clock_offset_ms` = server time minus the device's clock."""

    server_time = serializers.DateTimeField()
    clock_offset_ms = serializers.IntegerField()
    head = serializers.IntegerField()
    status = serializers.CharField()


class HeartbeatView(OnceMixin, APIView):
    """A sign of life of an installation."""

    acts_in_device = False  # the token says which
    open_while_draining = True

    @extend_schema(request=HeartbeatSerializer, responses=HeartbeatAnswer)
    def post(self, request: Request) -> Response:
        installation = _installation(request)
        serializer = HeartbeatSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        presence = heartbeat(installation=installation, **serializer.validated_data)
        return Response(
            {
                "server_time": wire_time(presence.last_seen_at),
                "clock_offset_ms": presence.clock_offset_ms,
                "head": installation.device.feed.head,
                "status": installation.effective_standing(),
            }
        )


class RollSerializer(StrictSerializer):
    """A secret of the client's own makes a lost answer repeatable."""

    secret = SecretText(required=False)


class RollAnswer(serializers.Serializer[Any]):
    """The new token; the old one works until the new one is first used."""

    device_token = serializers.CharField()
    installation_id = serializers.UUIDField()


class RollView(APIView):
    """A new secret for the calling installation. Its answer is never stored, so no Idempotency-Key here."""

    acts_in_device = False

    @extend_schema(request=RollSerializer, responses=RollAnswer)
    def post(self, request: Request) -> Response:
        installation = _installation(request)
        serializer = RollSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        actor: Any = request.auth
        token = roll_secret(installation=installation, actor=actor, **serializer.validated_data)
        return Response({"device_token": token, "installation_id": installation.uuid})


class RetireView(OnceMixin, APIView):
    """The installation retires itself: first it drains (push only), asked again it is revoked."""

    acts_in_device = False
    open_while_draining = True

    @extend_schema(request=None, responses=DeviceSerializer)
    def post(self, request: Request) -> Response:
        installation = _installation(request)
        actor: Any = request.auth
        draining = installation.standing == Standing.DRAINING
        standing = Standing.REVOKED if draining else Standing.DRAINING
        device = set_standing(device=installation.device, actor=actor, standing=standing, installation=installation)
        return _device_answer(Device.objects.select_related("feed").get(pk=device.pk))


def _installation(request: Request) -> Installation:
    """Heartbeats and tokens belong to an installation; a user has none, so for them it does not exist."""
    caller: Any = request.user
    if not isinstance(caller, Installation):
        raise NotFound
    return caller


@extend_schema_view(list=extend_schema(summary="Your devices"), retrieve=extend_schema(summary="One of your devices"))
class DeviceViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[Any]):
    """A user's own devices; an installation sees its own alone."""

    acts_in_device = False
    serializer_class = DeviceSerializer
    lookup_field = "uuid"
    lookup_url_kwarg = "id"
    search_fields = ("name", "platform")
    ordering_fields = ("name", "created_at", "updated_at")

    def get_queryset(self) -> Any:
        caller: Any = getattr(self.request, "user", None)
        if getattr(self, "swagger_fake_view", False):
            return Device.objects.none()
        mine = (
            Device.objects.filter(pk=caller.device_id)
            if isinstance(caller, Installation)
            else Device.objects.for_user(caller)
        )
        return mine.select_related("feed")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        wanted = wanted_fields(self.get_serializer(), request.query_params.get("fields"))
        response = super().list(request, *args, **kwargs)
        response.data["results"] = only(response.data["results"], wanted)
        return response

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        refuse_unknown(request.query_params, {"fields"})
        wanted = wanted_fields(self.get_serializer(), request.query_params.get("fields"))
        device = self.get_object()
        etag = f'"{device.revision}"'
        if is_unchanged(request, etag):
            return Response(status=304, headers={"ETag": etag})
        return Response(only([self.get_serializer(device).data], wanted)[0], headers={"ETag": etag})

    def get_object(self) -> Any:
        row = self.get_queryset().filter(uuid=wire_id(self.kwargs["id"])).first()
        if row is None:
            raise NotFound
        return row
