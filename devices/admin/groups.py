"""Groups: the roles that people are given."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.models import Group

from config.core.display import column
from devices.admin.owned import link_to_list
from devices.admin.rights import RightsAdmin
from devices.models import User
from devices.services.groups import create_group, delete_group, update_group

admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(RightsAdmin):
    """Roles: sets of permissions."""

    create_service = staticmethod(create_group)
    update_service = staticmethod(update_group)
    delete_service = staticmethod(delete_group)
    deletion = "It is gone for good, and its people lose what it permitted."
    list_display = ("name", "people")
    search_fields = ("name",)
    ordering = ("name",)
    fields = ("name", "permissions")

    @column(description="People")
    def people(self, row: Group) -> str:
        return link_to_list(User, "People", groups__id__exact=row.pk)
