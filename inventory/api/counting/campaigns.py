"""Campaigns over HTTP: people's own, launched on many devices. A device token sees none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from config.core.errors import NotFound
from config.core.fields import ExactId, ExactText, ExactTime
from config.core.filters import DeviceFilterSet, refuse_unknown
from config.core.schema import FIELDS, IF_MATCH
from devices.actors import Actor
from devices.api.owned import OnceMixin, only, read_if_match, wire_id
from devices.api.records import WIRE_FIELDS, StrictSerializer, wanted_fields
from devices.errors import RevisionMismatch
from devices.models import User
from inventory.models import Campaign, Stocktake
from inventory.services.counting import campaigns

MAX_DEVICES = 10_000


class CampaignStocktake(serializers.Serializer[Any]):
    """The stocktake of one device, and how many of its lines are counted and decided."""

    id = serializers.UUIDField(source="uuid")
    device_id = serializers.UUIDField(source="device.uuid")
    device_name = serializers.CharField(source="device.name")
    state = serializers.ChoiceField(choices=Stocktake.State.choices)
    lines = serializers.IntegerField(source="line_count")
    counted = serializers.IntegerField(source="counted_count")
    decided = serializers.IntegerField(source="decided_count")


class CampaignSerializer(StrictSerializer, serializers.ModelSerializer[Any]):
    """A wish to count; `device_ids` empty: all devices of its owner. `policy` is copied to each stocktake."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    name = ExactText(max_length=200)
    policy = serializers.DictField(required=False)
    device_ids = serializers.ListField(child=ExactId(), required=False, max_length=MAX_DEVICES)
    starts_at = ExactTime(required=False, allow_null=True)
    ends_at = ExactTime(required=False, allow_null=True)
    stocktake_count = serializers.IntegerField(read_only=True)
    ended_count = serializers.IntegerField(read_only=True)
    serializer_field_mapping = WIRE_FIELDS

    class Meta:
        model = Campaign
        fields: tuple[str, ...] = (
            "id", "revision", "name", "kind", "state", "policy", "device_ids", "location_code", "category_name",
            "starts_at", "ends_at", "launched_at", "created_at", "updated_at", "stocktake_count", "ended_count",
        )  # fmt: skip
        read_only_fields = ("revision", "state", "launched_at", "created_at", "updated_at")


class CampaignStorySerializer(CampaignSerializer):
    """One campaign with the progress of its stocktakes."""

    stocktakes = serializers.SerializerMethodField()

    class Meta(CampaignSerializer.Meta):
        fields = (*CampaignSerializer.Meta.fields, "stocktakes")

    @extend_schema_field(CampaignStocktake(many=True))
    def get_stocktakes(self, campaign: Campaign) -> Any:
        rows = Stocktake.objects.filter(campaign=campaign).with_counts().select_related("device")
        return CampaignStocktake(rows.order_by("device__name", "pk"), many=True).data


class CampaignFilter(DeviceFilterSet):
    """Filters of the campaign list."""

    class Meta(DeviceFilterSet.Meta):
        model = Campaign
        fields = {
            "name": ["exact", "icontains"],
            "kind": ["exact"],
            "state": ["exact"],
            "starts_at": ["gte", "lte", "gt", "lt", "isnull"],
            "created_at": ["gte", "lte", "gt", "lt"],
            "updated_at": ["gte", "lte", "gt", "lt"],
        }


EXAMPLE = OpenApiExample(
    "All dairy, blind, within 2 %",
    {
        "name": "Dairy, November",
        "kind": "cycle",
        "category_name": "Dairy",
        "policy": {"blind": True, "tolerance_percent": "2", "recount": "required"},
    },
    request_only=True,
)


@extend_schema_view(
    list=extend_schema(parameters=[FIELDS]),
    create=extend_schema(responses={201: CampaignStorySerializer}, examples=[EXAMPLE]),
    retrieve=extend_schema(parameters=[FIELDS]),
    partial_update=extend_schema(parameters=[IF_MATCH]),
)
class CampaignViewSet(OnceMixin, GenericViewSet[Any]):
    """Campaigns of an owner of devices; staff see and make them for every device. Devices have none: 404."""

    acts_in_device = False
    serializer_class = CampaignSerializer
    filterset_class = CampaignFilter
    lookup_field = "uuid"
    lookup_url_kwarg = "id"
    search_fields = ("name", "location_code", "category_name")
    ordering_fields = ("name", "starts_at", "created_at", "updated_at")

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not isinstance(request.user, User):
            raise NotFound

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Campaign.objects.none()
        return Campaign.objects.for_user(self.request.user).with_progress()

    def get_serializer_class(self) -> Any:
        return CampaignSerializer if self.action == "list" else CampaignStorySerializer

    def get_object(self) -> Campaign:
        found: Campaign | None = self.get_queryset().filter(uuid=wire_id(self.kwargs["id"])).first()
        if found is None:
            raise NotFound
        return found

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, RevisionMismatch):
            exc.extra["current"] = self._shown(exc.row)
        return super().handle_exception(exc)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        wanted = wanted_fields(self.get_serializer(), request.query_params.get("fields"))
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(only(self.get_serializer(page, many=True).data, wanted))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        refuse_unknown(request.query_params, {"fields"})
        wanted = wanted_fields(self.get_serializer(), request.query_params.get("fields"))
        campaign = self.get_object()
        etag = f'"{campaign.revision}"'
        shown = only([self.get_serializer(campaign).data], wanted)[0]
        return Response(shown, headers={"ETag": etag})

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A draft; staff make them for every device, others for their own."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user = cast(User, request.user)
        owner = None if user.is_staff else user
        campaign = campaigns.create_campaign(actor=self._actor, owner=owner, **serializer.validated_data)
        return self._answer(campaign, status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Only a draft can be changed."""
        campaign, expected = self.get_object(), read_if_match(request)
        serializer = self.get_serializer(campaign, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        values = {"changes": serializer.validated_data, "expected_revision": expected}
        return self._answer(campaigns.update_campaign(campaign, actor=self._actor, **values))

    @extend_schema(request=None, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def launch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a draft stocktake on each of its devices."""
        return self._move(campaigns.launch_campaign)

    @extend_schema(request=None, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def close(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Nothing more is expected of it; its stocktakes go their own way."""
        return self._move(campaigns.close_campaign)

    @extend_schema(request=None, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Give up a draft."""
        return self._move(campaigns.cancel_campaign)

    @property
    def _actor(self) -> Actor:
        return cast(Actor, self.request.auth)  # HasActor let nobody else in

    def _move(self, service: Callable[..., Any]) -> Response:
        campaign = self.get_object()
        service(campaign, actor=self._actor, expected_revision=read_if_match(self.request))
        return self._answer(campaign)

    def _answer(self, campaign: Campaign, *, status: int = 200) -> Response:
        fresh = self.get_queryset().get(pk=campaign.pk)
        return Response(self._shown(fresh), status=status, headers={"ETag": f'"{fresh.revision}"'})

    def _shown(self, campaign: Campaign) -> dict[str, Any]:
        return dict(CampaignStorySerializer(campaign, context=self.get_serializer_context()).data)
