"""Groups and permissions are chosen by typing."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelect2MultipleWidget

from devices.admin.server_rows import ServerRowAdmin


class RightsAdmin(ServerRowAdmin):
    """The base of people and groups."""

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Permissions with their content types at once."""
        if db_field.related_model is Permission:
            kwargs["queryset"] = Permission.objects.select_related("content_type")
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        field.widget = UnfoldAdminSelect2MultipleWidget(choices=field.choices)
        field.help_text = "Type to find."
        return field
