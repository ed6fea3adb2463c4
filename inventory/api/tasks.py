"""Tasks over HTTP."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from config.core.fields import ExactInteger
from config.core.filters import DeviceFilterSet, ReferenceFilter
from config.core.schema import IF_MATCH
from devices.api.owned import OwnedViewSet
from devices.api.records import RecordSerializer, ReferenceId
from inventory.models import Location, Task
from inventory.services import tasks


class TaskSerializer(RecordSerializer):
    """Work for people; `priority` 1 (urgent) … 5 (whenever)."""

    location_id = ReferenceId(required=False, allow_null=True)
    priority = ExactInteger(min_value=1, max_value=5, required=False)

    class Meta:
        model = Task
        fields = (
            "title", "description", "priority", "due_date", "assignee", "location_id", "completed", "completed_at",
        )  # fmt: skip
        read_only_fields = ("completed_at",)


class TaskFilter(DeviceFilterSet):
    """Filters of the task list."""

    location = ReferenceFilter(model=Location, field_name="location")

    class Meta(DeviceFilterSet.Meta):
        model = Task
        fields = {
            "title": ["icontains"],
            "priority": ["exact", "lte", "gte"],
            "due_date": ["exact", "lte", "gte", "lt", "gt", "isnull"],
            "assignee": ["exact", "iexact"],
            "completed": ["exact"],
            "created_at": ["gte", "lte", "gt", "lt"],
            "updated_at": ["gte", "lte", "gt", "lt"],
            "revision": ["gt", "gte"],
        }


class TaskViewSet(OwnedViewSet):
    """Tasks of the device."""

    serializer_class = TaskSerializer
    filterset_class = TaskFilter
    search_fields = ("title", "description", "assignee")
    ordering_fields = ("title", "priority", "due_date", "completed", "created_at", "updated_at", "revision")
    references = ("location",)
    create_service = staticmethod(tasks.create_task)
    update_service = staticmethod(tasks.update_task)
    delete_service = staticmethod(tasks.delete_task)
    restore_service = staticmethod(tasks.restore_task)

    @extend_schema(request=None, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Done."""
        expected = self.expected_revision()
        return self.answer(tasks.complete_task(self.get_object(), actor=self.actor, expected_revision=expected))

    @extend_schema(request=None, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Not done after all."""
        expected = self.expected_revision()
        return self.answer(tasks.reopen_task(self.get_object(), actor=self.actor, expected_revision=expected))
