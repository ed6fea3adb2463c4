"""Locations over HTTP."""

from __future__ import annotations

from config.core.filters import DeviceFilterSet, ReferenceFilter
from devices.api.owned import OwnedViewSet
from devices.api.records import RecordSerializer, ReferenceId
from inventory.models import Location
from inventory.services import locations


class LocationSerializer(RecordSerializer):
    """A place for stock; `is_default` marks the one that receipts and issues use by themselves."""

    parent_id = ReferenceId(required=False, allow_null=True)

    class Meta:
        model = Location
        fields = ("name", "code", "parent_id", "kind", "is_default")
        read_only_fields = ("is_default",)


class LocationFilter(DeviceFilterSet):
    """Filters of the location list."""

    parent = ReferenceFilter(model=Location, field_name="parent")

    class Meta(DeviceFilterSet.Meta):
        model = Location
        fields = {
            "name": ["exact", "iexact", "icontains", "istartswith"],
            "code": ["exact", "iexact", "istartswith"],
            "kind": ["exact"],
            "is_default": ["exact"],
            "created_at": ["gte", "lte", "gt", "lt"],
            "updated_at": ["gte", "lte", "gt", "lt"],
            "revision": ["gt", "gte"],
        }


class LocationViewSet(OwnedViewSet):
    """Locations of the device."""

    serializer_class = LocationSerializer
    filterset_class = LocationFilter
    search_fields = ("name", "code")
    ordering_fields = ("name", "code", "kind", "created_at", "updated_at", "revision")
    references = ("parent",)
    create_service = staticmethod(locations.create_location)
    update_service = staticmethod(locations.update_location)
    delete_service = staticmethod(locations.delete_location)
    restore_service = staticmethod(locations.restore_location)
