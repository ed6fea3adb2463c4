"""Categories over HTTP."""

from __future__ import annotations

from config.core.filters import DeviceFilterSet, ReferenceFilter
from devices.api.owned import OwnedViewSet
from devices.api.records import RecordSerializer, ReferenceId
from inventory.models import Category
from inventory.services import categories


class CategorySerializer(RecordSerializer):
    """A shelf in the catalogue."""

    parent_id = ReferenceId(required=False, allow_null=True)

    class Meta:
        model = Category
        fields = ("name", "parent_id")


class CategoryFilter(DeviceFilterSet):
    """Filters of the category list."""

    parent = ReferenceFilter(model=Category, field_name="parent")

    class Meta(DeviceFilterSet.Meta):
        model = Category
        fields = {
            "name": ["exact", "iexact", "icontains", "istartswith"],
            "created_at": ["gte", "lte", "gt", "lt"],
            "updated_at": ["gte", "lte", "gt", "lt"],
            "revision": ["gt", "gte"],
        }


class CategoryViewSet(OwnedViewSet):
    """Categories of the device."""

    serializer_class = CategorySerializer
    filterset_class = CategoryFilter
    search_fields = ("name",)
    ordering_fields = ("name", "created_at", "updated_at", "revision")
    references = ("parent",)
    create_service = staticmethod(categories.create_category)
    update_service = staticmethod(categories.update_category)
    delete_service = staticmethod(categories.delete_category)
    restore_service = staticmethod(categories.restore_category)
